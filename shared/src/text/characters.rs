//! The characters that a text may hold, and how other characters are escaped.
//!
//! Control characters, noncharacters and bytes that are not Unicode are not recorded as they are: terminals obey some of
//! them, and other programs refuse them. In an id of the product they are an error. In a text that an outsider may have
//! chosen, a visible escape such as `\u{85}` replaces them.

use sha2::{Digest as _, Sha256};

use crate::text::json;

/// The kind of a text decides which characters it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id: one line that reads in one direction, because people and programs make decisions by it.
    Id,
    /// A name, an address or a key: one line.
    Line,
    /// A text that may hold tabs and line ends, such as SQL or a commit message.
    Text,
}

/// The changes made to a text so that it could be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub escaped: bool,
    /// The length and digest of the original text, if its end was left out.
    pub cut: Option<Cut>,
}

/// The original of a text that was cut. The digest distinguishes two texts that begin in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub characters: usize,
    /// The first bytes of its SHA-256, in hexadecimal.
    pub digest: String,
}

/// How many bytes of the SHA-256 are kept.
const DIGEST_BYTES: usize = 8;

/// Escapes and cuts a text to at most `max_characters`, so that it can be recorded. Returns the changes, if there were any.
pub fn clean(text: &mut String, kind: Kind, max_characters: usize) -> Option<Change> {
    // Most texts are ASCII, and a byte is cheaper to check than a character.
    if text.len() <= max_characters && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let escaped = text.chars().any(|character| !may_stand(character, kind));
    let characters = text.chars().count();
    if !escaped && characters <= max_characters {
        return None;
    }
    let sent = std::mem::take(text);
    let visible = if json::has_escape(&sent) { json::visible(&sent) } else { sent.clone() };
    let (mut length, mut is_cut) = (0, false);
    for character in visible.chars() {
        let added = if may_stand(character, kind) {
            text.push(character);
            1
        } else {
            let escape = format!("\\u{{{:x}}}", u32::from(character));
            text.push_str(&escape);
            escape.len()
        };
        length += added;
        if length > max_characters {
            // An escape is left out as a whole.
            text.truncate(text.len() - if added == 1 { character.len_utf8() } else { added });
            is_cut = true;
            break;
        }
    }
    let cut = is_cut.then(|| Cut { characters, digest: digest(&sent) });
    Some(Change { escaped, cut })
}

/// Whether a character can be recorded as it is.
pub fn may_stand(character: char, kind: Kind) -> bool {
    match character {
        '\t' | '\n' | '\r' => kind == Kind::Text,
        _ if is_override(character) => kind != Kind::Id,
        _ => !character.is_control() && !is_noncharacter(character),
    }
}

/// Whether a character is a noncharacter: reserved for the internal use of programs (The Unicode Standard, 23.7).
pub fn is_noncharacter(character: char) -> bool {
    matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe
}

/// Whether a character changes the direction of the text after it (explicit formatting in Unicode TR 9). The marks U+200E,
/// U+200F and U+061C do not, and occur in names of right-to-left scripts.
pub fn is_override(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn digest(text: &str) -> String {
    Sha256::digest(text)[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, kind: Kind, expected: &str, escaped: bool, cut: bool) {
        let mut cleaned = text.to_owned();
        let change = clean(&mut cleaned, kind, 10);
        assert_eq!(cleaned, expected, "{text:?}");
        let found = change.map_or((false, false), |change| (change.escaped, change.cut.is_some()));
        assert_eq!(found, (escaped, cut), "{text:?}");
    }

    #[test]
    fn forbidden_characters_are_escaped() {
        for kind in [Kind::Line, Kind::Text] {
            check("plain", kind, "plain", false, false);
            check("", kind, "", false, false);
            check("a\0", kind, "a\\u{0}", true, false);
            check("a\u{1b}b", kind, "a\\u{1b}b", true, false);
            check("\u{7f}", kind, "\\u{7f}", true, false);
            check("\u{85}", kind, "\\u{85}", true, false);
            check("\u{ffff}", kind, "\\u{ffff}", true, false);
            check("\u{fdd0}", kind, "\\u{fdd0}", true, false);
            check("\u{10fffe}", kind, "\\u{10fffe}", true, false);
            check("\u{2028}\u{2029}", kind, "\u{2028}\u{2029}", false, false);
            check("\u{200f}\u{202e}\u{2068}x", kind, "\u{200f}\u{202e}\u{2068}x", false, false);
            check("Zoë 🕷", kind, "Zoë 🕷", false, false);
        }
        check("a\tb\r\n", Kind::Text, "a\tb\r\n", false, false);
        check("a\tb\n", Kind::Line, "a\\u{9}b", true, true);
    }

    #[test]
    fn long_text_is_cut_between_characters_and_never_within_an_escape() {
        check("ääääääääää", Kind::Line, "ääääääääää", false, false);
        check("äääääääääää", Kind::Line, "ääääääääää", false, true);
        check("0123456789a", Kind::Line, "0123456789", false, true);
        check("0123456\u{85}", Kind::Line, "0123456", true, true);
        check("0123\u{85}", Kind::Line, "0123\\u{85}", true, false);
    }

    #[test]
    fn texts_that_differ_only_after_the_cut_have_different_digests() {
        fn cut(end: &str) -> Option<Cut> {
            let mut text = format!("0123456789{end}");
            clean(&mut text, Kind::Line, 10).and_then(|change| change.cut)
        }
        assert_ne!(cut("a"), cut("b"));
        assert_eq!(cut("a"), cut("a"));
    }

    #[test]
    fn direction_overrides_are_escaped_in_ids() {
        check("a\u{200f}", Kind::Id, "a\u{200f}", false, false);
        check("a\u{202e}", Kind::Id, "a\\u{202e}", true, false);
    }

    proptest! {
        #[test]
        fn a_cleaned_text_is_clean(text in "[\\PC\u{0}-\u{a0}\u{fdd0}\u{fdd1}\u{ffff}\u{202e}]{0,30}", max in 0_usize..20) {
            for kind in [Kind::Line, Kind::Text] {
                let mut once = text.clone();
                clean(&mut once, kind, max);
                prop_assert!(once.chars().count() <= max);
                let mut twice = once.clone();
                prop_assert_eq!(clean(&mut twice, kind, max), None);
                prop_assert_eq!(twice, once);
            }
        }
    }
}
