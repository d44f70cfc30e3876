//! What is written for people: to standard error, in colour or not, and safe to show.
//!
//! Audit logs hold texts that strangers chose. None of them reaches a terminal as a control
//! character: a user agent must not be able to paint over the line that tells on it.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write as _},
};

/// Says something on standard error, always.
pub(crate) fn say(text: &str) {
    // Where standard error cannot be written, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", safe(text));
}

/// Says how it goes on standard error, if a person is watching.
pub(crate) fn tell(text: &str) {
    if io::stderr().is_terminal() {
        say(text);
    }
}

/// The text with every character that would control a terminal or turn the direction of the text
/// written as `\u001b`, which within JSON means the same. Line ends and tabs stay.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(controls) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_line = character == '\r' && characters.peek() == Some(&'\n');
        if controls(character) && !ends_line {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
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

fn controls(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // The marks and overrides of direction, and the separators of lines and paragraphs.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_controls_the_terminal() {
        let check = |text: &str, expected: &str| assert_eq!(safe(text), expected);
        check("Zoë 日本", "Zoë 日本");
        check("a\tb\r\nc\n", "a\tb\r\nc\n");
        check("over\rwrite", "over\\u000dwrite");
        check("\u{1b}[2J\u{9b}2J", "\\u001b[2J\\u009b2J");
        check("\u{202e}gpj.exe", "\\u202egpj.exe");
        assert_eq!(safe_line("a\r\nb\tc"), "a\\r\\nb\\tc");
    }

    #[test]
    fn what_is_made_safe_is_the_same_json() {
        let value = serde_json::json!({"a": "\u{9b}x\u{202e}\u{7f}"});
        let text = value.to_string();
        assert_ne!(safe(&text), text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe(&text)).unwrap(), value);
    }
}
