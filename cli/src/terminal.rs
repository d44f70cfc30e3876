//! Messages for people, on standard error.
//!
//! Audit logs hold texts that outsiders chose. Such a text never reaches a terminal with a control character or an
//! invisible one: a user agent must not be able to paint over the line that names it.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use indicatif::ProgressBar;

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Errors only.
    pub(crate) quiet: bool,
    /// Each request as well, with its status and time.
    pub(crate) verbose: bool,
    /// Errors as one JSON object a line.
    pub(crate) json_errors: bool,
}

static MANNERS: OnceLock<Manners> = OnceLock::new();

/// Sets how much is said. The first call decides.
pub(crate) fn set_manners(manners: Manners) {
    MANNERS.get_or_init(|| manners);
}

/// How much is said.
pub(crate) fn manners() -> Manners {
    MANNERS.get().copied().unwrap_or_default()
}

/// Whether each request is reported.
pub(crate) fn is_verbose() -> bool {
    manners().verbose
}

/// Writes an error.
pub(crate) fn complain(text: &str) {
    // A failure to write to standard error cannot be reported elsewhere.
    let _ = writeln!(io::stderr(), "{}", safe(text));
}

/// Writes a message, unless `--quiet`.
pub(crate) fn say(text: &str) {
    if !manners().quiet {
        complain(text);
    }
}

/// Writes a warning, unless it was written before or with `--quiet`.
pub(crate) fn warn_once(text: &str) {
    static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // A thread that panicked with the lock left the set as it was.
    let is_new = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
    if is_new {
        say(text);
    }
}

/// Writes a message about progress, if standard error is a terminal.
pub(crate) fn tell(text: &str) {
    if io::stderr().is_terminal() {
        say(text);
    }
}

/// How often a run without a terminal says how far it is.
const REPORTED_EACH: Duration = Duration::from_secs(10);

/// Writes a line each ten seconds about the progress of a bar that is not shown, since standard error is no terminal.
pub(crate) fn report_progress(bar: &ProgressBar) {
    if io::stderr().is_terminal() || manners().quiet {
        return;
    }
    let bar = bar.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(REPORTED_EACH);
            if bar.is_finished() {
                return;
            }
            say(&progress_line(bar.position(), bar.length(), &bar.message()));
        }
    });
}

/// How far a bar is, in words.
fn progress_line(position: u64, length: Option<u64>, message: &str) -> String {
    match length.filter(|length| *length > 0) {
        Some(length) => format!("{} % {message}", position * 100 / length),
        None => message.to_owned(),
    }
}

/// Writes a message about a request, with `--verbose`.
pub(crate) fn verbose(text: &str) {
    if is_verbose() {
        complain(text);
    }
}

/// The text with every character that controls a terminal, is invisible, or turns the direction of the text written as
/// `\u001b`, which within JSON means the same. Line ends and tabs stay.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_line = character == '\r' && characters.peek() == Some(&'\n');
        if is_hidden(character) && !ends_line {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The text on one line, safe to show.
pub(crate) fn safe_line(text: &str) -> String {
    safe(text).replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t")
}

fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{2028}' | '\u{2029}' => true,
        // Noncharacters: the last two of each plane, and a block in the middle.
        '\u{fdd0}'..='\u{fdef}' => true,
        _ if u32::from(character) & 0xfffe == 0xfffe => true,
        _ => character.is_control() || is_format(character),
    }
}

/// Whether Unicode 17 counts the character to the general category Cf: formats that are not shown.
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(safe(text), expected);
    }

    #[test]
    fn progress_without_a_terminal_is_a_line() {
        assert_eq!(progress_line(250, Some(1000), "7 events"), "25 % 7 events");
        assert_eq!(progress_line(9, None, "7 events"), "7 events");
        assert_eq!(progress_line(0, Some(0), "7 events"), "7 events");
    }

    #[test]
    fn no_text_controls_the_terminal() {
        check("Zoë 日本", "Zoë 日本");
        check("a\tb\r\nc\n", "a\tb\r\nc\n");
        check("over\rwrite", "over\\u000dwrite");
        check("\u{1b}[2J\u{9b}2J", "\\u001b[2J\\u009b2J");
        assert_eq!(safe_line("a\r\nb\tc"), "a\\r\\nb\\tc");
    }

    #[test]
    fn every_invisible_character_is_shown() {
        check("\u{202e}gpj.exe", "\\u202egpj.exe");
        check("admin\u{200b}", "admin\\u200b");
        check("a\u{ffff}\u{fdd0}", "a\\uffff\\ufdd0");
        check("a\u{e0041}", "a\\udb40\\udc41");
    }

    #[test]
    fn safe_text_is_the_same_json() {
        let value = serde_json::json!({"a": "\u{9b}x\u{202e}\u{7f}\u{e0041}\u{1fffe}"});
        let text = value.to_string();
        assert_ne!(safe(&text), text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe(&text)).unwrap(), value);
    }
}
