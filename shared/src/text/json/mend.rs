//! Repairs a text that is nearly JSON, so that one bad token does not hide the problems in the rest.

/// Replaces the backslash of our own escapes while a text is read. No recorded text holds these two noncharacters.
pub(super) const ESCAPED: &str = "\u{fdd0}\u{fdd1}";

/// Values nested deeper than this are left out. The limit is far above the depth that a document may have, so the document
/// is still refused as too deep, and below the depth that the parser can read.
const MAX_NESTING: usize = 100;

/// The longest number that is passed to the parser, which reads up to 4,300 digits.
const MAX_NUMBER_BYTES: usize = 4_000;
/// Replaces a longer number. It is out of range, so it is refused in the same way.
const BEYOND_RANGE: &[u8] = b"1e999";

/// A repaired text.
pub(super) struct Mended {
    pub(super) text: Vec<u8>,
    /// The end of each value or name that was not JSON.
    pub(super) not_json: Vec<usize>,
}

/// Repairs a text token by token. `None` if there is nothing to repair.
pub(super) fn mend(text: &[u8]) -> Option<Mended> {
    let mut mending =
        Mending { rest: text, mended: Mended { text: Vec::new(), not_json: Vec::new() }, changed: false };
    mending.mended.text.reserve(text.len());
    mending.all();
    mending.changed.then_some(mending.mended)
}

struct Mending<'a> {
    rest: &'a [u8],
    mended: Mended,
    changed: bool,
}

impl Mending<'_> {
    fn all(&mut self) {
        let mut depth = 0_usize;
        while let Some((&byte, after)) = self.rest.split_first() {
            match byte {
                b'"' => {
                    let (length, marks) = (self.mended.text.len(), self.mended.not_json.len());
                    self.string();
                    if depth > MAX_NESTING {
                        self.mended.text.truncate(length);
                        self.mended.not_json.truncate(marks);
                    }
                    continue;
                }
                b'{' | b'[' => {
                    depth += 1;
                    if depth == MAX_NESTING + 1 {
                        self.mended.text.extend_from_slice(b"null");
                        self.changed = true;
                    }
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == MAX_NESTING {
                        self.rest = after;
                        continue;
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
                _ => {
                    self.token(depth > MAX_NESTING);
                    continue;
                }
            }
            if depth <= MAX_NESTING {
                self.mended.text.push(byte);
            }
            self.rest = after;
        }
    }

    /// Copies a word or a number. A token that is not JSON, such as NaN, becomes null.
    fn token(&mut self, left_out: bool) {
        let end = self.rest.iter().position(|byte| b",:{}[]\" \t\n\r".contains(byte));
        let (token, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = after;
        if left_out {
            return;
        }
        if is_number(token) && token.len() > MAX_NUMBER_BYTES {
            self.mended.text.extend_from_slice(BEYOND_RANGE);
            self.changed = true;
        } else if matches!(token, b"null" | b"true" | b"false") || is_number(token) {
            self.mended.text.extend_from_slice(token);
        } else {
            self.mended.text.extend_from_slice(b"null");
            self.not_json();
        }
    }

    /// Copies a string, from its opening quote on.
    fn string(&mut self) {
        let mut is_json = true;
        let mut rest = &self.rest[1..];
        self.mended.text.push(b'"');
        while let Some(&byte) = rest.first() {
            let plain =
                rest.iter().position(|byte| !matches!(byte, 0x20..=0x7f) || matches!(byte, b'"' | b'\\'));
            let plain = plain.unwrap_or(rest.len());
            self.mended.text.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            if plain > 0 {
                continue;
            }
            match byte {
                b'"' => {
                    self.mended.text.push(byte);
                    rest = &rest[1..];
                    break;
                }
                b'\\' => rest = self.escape(rest),
                0..0x20 => {
                    self.mended.text.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                    is_json = false;
                    rest = &rest[1..];
                }
                _ => match first_character(rest) {
                    Some(character) => {
                        self.mended.text.extend_from_slice(character.as_bytes());
                        rest = &rest[character.len()..];
                    }
                    None => {
                        self.escaped(&format!("x{{{byte:02x}}}"));
                        rest = &rest[1..];
                    }
                },
            }
        }
        self.rest = rest;
        if !is_json {
            self.not_json();
        }
    }

    /// Copies an escape, from its backslash on. Returns the text after it.
    fn escape<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let length = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (None, _) => rest.len().min(2),
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(lone), _) => {
                self.escaped(&format!("u{{{lone:x}}}"));
                return &rest[6..];
            }
        };
        self.mended.text.extend_from_slice(&rest[..length]);
        &rest[length..]
    }

    fn escaped(&mut self, escape: &str) {
        self.mended.text.extend_from_slice(ESCAPED.as_bytes());
        self.mended.text.extend_from_slice(escape.as_bytes());
        self.changed = true;
    }

    fn not_json(&mut self) {
        self.mended.not_json.push(self.mended.text.len());
        self.changed = true;
    }
}

/// The first character of a text; `None` if the text does not begin with UTF-8.
fn first_character(text: &[u8]) -> Option<&str> {
    let valid = text[..text.len().min(4)].utf8_chunks().next()?.valid();
    valid.get(..valid.chars().next()?.len_utf8())
}

/// The surrogate that the text begins with, as an escape such as `\ud83d`.
fn surrogate(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..=0xdfff).contains(unit))
}

/// Whether a token is a number as RFC 8259 §6 writes it.
fn is_number(token: &[u8]) -> bool {
    let (whole, rest) = digits(token.strip_prefix(b"-").unwrap_or(token));
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return false;
    }
    let rest = match rest.strip_prefix(b".").map(digits) {
        None => rest,
        Some(([], _)) => return false,
        Some((_, rest)) => rest,
    };
    let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
    matches!(digits(exponent), ([_, ..], []))
}

/// The digits that a text begins with, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}
