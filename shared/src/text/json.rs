//! Reads JSON strictly: the recorded value is the value that was sent.
//!
//! An ordinary parser keeps the last of two members with one name and rounds a number that a double cannot hold. In an
//! audit log both would be silent changes, so here they are problems, each with its JSON pointer (RFC 6901). The rest of
//! the document is still read, so that an answer lists all problems, up to [`MAX_PROBLEMS`].
//!
//! A body that is not JSON is refused, with two exceptions. A string with an unpaired surrogate or a byte that is not
//! UTF-8 is read with a visible escape (marked by [`ESCAPED`]), because an outsider may have chosen it. And in a batch,
//! a token such as NaN makes only its own event invalid.

mod mend;
mod number;

use std::fmt::Write as _;

use jiter::{Jiter, JiterResult, Peek};
use serde::Serialize;
use serde_json::{Map, Value};

pub use self::number::MAX_EXACT_INTEGER;
use self::{
    mend::{ESCAPED, Mended},
    number::exact,
};
use crate::text::problem::{FieldError, MAX_PROBLEMS, note};

/// The longest key within context and changes, in characters.
pub const MAX_KEY_CHARACTERS: usize = 128;
/// How deep an event may nest. The event itself counts as the first level.
pub const MAX_DEPTH: usize = 32;

/// The most bytes of canonical JSON that a document may have without its texts, with some room for member names that the
/// size limit of an event does not count. A larger document cannot be made small enough by cutting texts, so reading stops.
pub(crate) const MAX_STRUCTURE_BYTES: usize = 64 * 1024 + 2048;

/// The most objects of one text: each takes more than 600 bytes of memory, however short it is written.
const MAX_OBJECTS: usize = 50_000;

/// The problem code for a document with too large a structure; the rest of it is not read.
pub const TOO_LARGE: &str = "too_large";

/// The problem code for a request with too many objects.
pub const TOO_MANY: &str = "too_many";

/// The problem code for a value or name that is not JSON.
const NOT_JSON: &str = "invalid_json";

/// A parsed document and its problems.
#[derive(Debug)]
pub struct Document {
    /// The content: the first of repeated members, and null in place of each value that cannot be recorded.
    pub value: Value,
    /// Repeated members, inexact numbers and too deep nesting, with pointers into the document.
    pub problems: Vec<FieldError>,
}

/// A document with one member that is read separately, with its own problems and pointers.
#[derive(Debug)]
pub struct Divided<T> {
    /// The document, with null as the value of that member.
    pub outer: Document,
    /// The member, if the document has it.
    pub inner: Option<T>,
}

/// The elements of an array, each a document of its own.
#[derive(Debug)]
pub struct Elements {
    /// The elements that were read.
    pub documents: Vec<Document>,
    /// The number of elements that were sent, which may be larger.
    pub count: usize,
}

/// The text is not JSON at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not valid JSON: {0}")]
pub struct InvalidJson(String);

/// Reads a whole document whose values nest at most `max_depth` deep.
///
/// # Errors
/// If the text is not exactly one JSON value.
pub fn parse(text: &[u8], max_depth: usize) -> Result<Document, InvalidJson> {
    read(text, max_depth, |reader, jiter| {
        let peek = jiter.peek()?;
        reader.document(jiter, peek)
    })
    .and_then(|(document, invalid)| match invalid {
        Some(invalid) if is_spoiled(&document) => Err(invalid),
        _ => Ok(document),
    })
}

/// Reads an object whose member `name` may hold an array of documents, each of which may nest `max_depth` deep. Elements
/// beyond `max_elements` are counted and not read. If the member is not an array, it stays in the object.
///
/// # Errors
/// If the text is not exactly one JSON value, or something outside the array is not JSON.
pub fn parse_elements(
    text: &[u8],
    name: &str,
    max_elements: usize,
    max_depth: usize,
) -> Result<Divided<Elements>, InvalidJson> {
    parse_divided(text, name, max_depth, |reader, jiter, peek| {
        if peek != Peek::Array {
            return Ok(None);
        }
        let (mut documents, mut count) = (Vec::new(), 0);
        let mut next = jiter.known_array()?;
        while let Some(peek) = next {
            if count < max_elements {
                documents.push(reader.document(jiter, peek)?);
            } else {
                jiter.known_skip(peek)?;
            }
            count += 1;
            next = jiter.array_step()?;
        }
        Ok(Some(Elements { documents, count }))
    })
}

/// Reads an object whose member `name` may hold a document, which may nest `max_depth` deep.
///
/// # Errors
/// If the text is not exactly one JSON value, or something outside the member is not JSON.
pub fn parse_member(text: &[u8], name: &str, max_depth: usize) -> Result<Divided<Document>, InvalidJson> {
    parse_divided(text, name, max_depth, |reader, jiter, peek| reader.document(jiter, peek).map(Some))
}

fn parse_divided<T>(
    text: &[u8],
    name: &str,
    max_depth: usize,
    read_inner: impl Fn(&mut Reader, &mut Jiter<'_>, Peek) -> JiterResult<Option<T>>,
) -> Result<Divided<T>, InvalidJson> {
    let (divided, invalid) = read(text, max_depth, |reader, jiter| reader.divided(jiter, name, &read_inner))?;
    match invalid {
        Some(invalid) if is_spoiled(&divided.outer) => Err(invalid),
        _ => Ok(divided),
    }
}

/// Reads a text as JSON. If it is not JSON, reads its repaired form and also returns the error.
fn read<T>(
    text: &[u8],
    max_depth: usize,
    read: impl Fn(&mut Reader, &mut Jiter<'_>) -> JiterResult<T>,
) -> Result<(T, Option<InvalidJson>), InvalidJson> {
    // Editors and exports of other systems put a byte order mark before the document.
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    attempt(text, max_depth, Vec::new(), &read).map(|read| (read, None)).or_else(|invalid| {
        let Some(Mended { text, not_json }) = mend::mend(text) else { return Err(invalid) };
        match attempt(&text, max_depth, not_json, &read) {
            Ok(read) => Ok((read, Some(invalid))),
            Err(_) => Err(invalid),
        }
    })
}

fn attempt<T>(
    text: &[u8],
    max_depth: usize,
    not_json: Vec<usize>,
    read: impl Fn(&mut Reader, &mut Jiter<'_>) -> JiterResult<T>,
) -> Result<T, InvalidJson> {
    let mut jiter = Jiter::new(text);
    let mut reader = Reader::new(max_depth, not_json);
    read(&mut reader, &mut jiter)
        .and_then(|read| jiter.finish().map(|()| read))
        .map_err(|error| InvalidJson(error.description(&jiter)))
}

/// Whether a part of the document is not JSON.
fn is_spoiled(document: &Document) -> bool {
    document.problems.iter().any(|problem| problem.code == NOT_JSON)
}

/// The canonical text of a value (RFC 8785). Equal values have the same text.
pub fn canonical(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("the model has only string keys and finite numbers");
    // For most values the ordinary serializer writes the same text, and is faster.
    if is_ordinary(&value) {
        return value.to_string();
    }
    serde_json_canonicalizer::to_string(&value).expect("a value has only string keys and finite numbers")
}

/// Whether an ordinary serializer writes a value canonically, its members being sorted by their bytes: it does if
/// all keys are ASCII, since RFC 8785 sorts by UTF-16, and all numbers integers that a double holds.
fn is_ordinary(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            number.as_i64().is_some_and(|integer| (-MAX_EXACT_INTEGER..=MAX_EXACT_INTEGER).contains(&integer))
        }
        Value::Array(elements) => elements.iter().all(is_ordinary),
        Value::Object(members) => members.iter().all(|(key, value)| key.is_ascii() && is_ordinary(value)),
    }
}

/// `pointer` with one more step, escaped as RFC 6901 asks.
pub fn step(pointer: &str, name: impl std::fmt::Display) -> String {
    let mut longer = pointer.to_owned();
    push_step(&mut longer, &name.to_string());
    longer
}

/// Goes one step on in a pointer; its length before is what to truncate it to on the way back.
pub fn push_step(pointer: &mut String, name: &str) -> usize {
    let parent = pointer.len();
    pointer.push('/');
    if name.contains(['~', '/']) {
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(name);
    }
    parent
}

/// Whether a text holds a part that was not Unicode when it was sent.
pub(crate) fn has_escape(text: &str) -> bool {
    text.contains(ESCAPED)
}

/// Replaces each [`ESCAPED`] with a backslash: `\u{d83d}` for an unpaired surrogate, `\x{e9}` for a byte that is not UTF-8.
pub(crate) fn visible(text: &str) -> String {
    text.replace(ESCAPED, "\\")
}

struct Reader {
    max_depth: usize,
    pointer: String,
    problems: Vec<FieldError>,
    /// The ends of the values that are not JSON, in reverse order.
    not_json: Vec<usize>,
    /// A lower bound for the canonical JSON of the document so far, without its texts.
    structure_bytes: usize,
    /// The objects of the whole text so far.
    objects: usize,
    /// Whether the rest of the document is skipped.
    is_full: bool,
}

impl Reader {
    fn new(max_depth: usize, mut not_json: Vec<usize>) -> Self {
        not_json.reverse();
        Self {
            max_depth,
            pointer: String::new(),
            problems: Vec::new(),
            not_json,
            structure_bytes: 0,
            objects: 0,
            is_full: false,
        }
    }

    /// Reads a value as a separate document.
    fn document(&mut self, jiter: &mut Jiter<'_>, peek: Peek) -> JiterResult<Document> {
        let pointer = std::mem::take(&mut self.pointer);
        let outer = std::mem::take(&mut self.problems);
        let (structure_bytes, is_full) = (self.structure_bytes, self.is_full);
        (self.structure_bytes, self.is_full) = (0, false);
        let value = self.value(jiter, peek, 1)?;
        (self.structure_bytes, self.is_full) = (structure_bytes, is_full);
        self.pointer = pointer;
        Ok(Document { value, problems: std::mem::replace(&mut self.problems, outer) })
    }

    fn divided<T>(
        &mut self,
        jiter: &mut Jiter<'_>,
        name: &str,
        read_inner: impl Fn(&mut Self, &mut Jiter<'_>, Peek) -> JiterResult<Option<T>>,
    ) -> JiterResult<Divided<T>> {
        let mut inner = None;
        let peek = jiter.peek()?;
        let value = if peek == Peek::Object {
            self.object(jiter, |reader, jiter, member, peek| {
                if member == name {
                    inner = read_inner(reader, jiter, peek)?;
                    if inner.is_some() {
                        return Ok(Value::Null);
                    }
                }
                reader.value(jiter, peek, 2)
            })?
        } else {
            self.value(jiter, peek, 1)?
        };
        let outer = Document { value, problems: std::mem::take(&mut self.problems) };
        Ok(Divided { outer, inner })
    }

    fn value(&mut self, jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> JiterResult<Value> {
        self.count(1);
        let value = match peek {
            _ if self.is_full => jiter.known_skip(peek).map(|()| Value::Null)?,
            Peek::Null => jiter.known_null().map(|()| Value::Null)?,
            Peek::True | Peek::False => jiter.known_bool(peek).map(Value::Bool)?,
            Peek::String => jiter.known_str().map(Value::from)?,
            Peek::Object | Peek::Array if depth > self.max_depth => {
                self.problem("too_deep", "nests too deep; flatten it");
                jiter.known_skip(peek).map(|()| Value::Null)?
            }
            Peek::Object => {
                self.object(jiter, |reader, jiter, _, peek| reader.value(jiter, peek, depth + 1))?
            }
            Peek::Array => self.array(jiter, depth)?,
            _ => match exact(jiter.known_number_bytes(peek)?) {
                Some(number) => Value::Number(number),
                None => {
                    self.problem("inexact_number", "cannot be kept exactly; send it as a string");
                    Value::Null
                }
            },
        };
        self.note_not_json(jiter);
        Ok(value)
    }

    fn object(
        &mut self,
        jiter: &mut Jiter<'_>,
        mut read: impl FnMut(&mut Self, &mut Jiter<'_>, &str, Peek) -> JiterResult<Value>,
    ) -> JiterResult<Value> {
        let mut members = Map::new();
        self.objects += 1;
        if self.objects > MAX_OBJECTS {
            self.fill(TOO_MANY, "comes after 50,000 objects of one request; send fewer events at a time");
        }
        let mut next = jiter.known_object()?.map(str::to_owned);
        while let Some(name) = next {
            let parent = push_step(&mut self.pointer, &name);
            let peek = jiter.peek()?;
            self.note_not_json(jiter);
            if self.is_full {
                jiter.known_skip(peek)?;
            } else if members.contains_key(&name) {
                self.problem("duplicate_key", "stands more than once in its object; keep one");
                jiter.known_skip(peek)?;
            } else {
                self.count(3 + name.len().min(MAX_KEY_CHARACTERS));
                let value = read(self, jiter, &name, peek)?;
                members.insert(name, value);
            }
            self.note_not_json(jiter);
            self.pointer.truncate(parent);
            next = jiter.next_key()?.map(str::to_owned);
        }
        Ok(Value::Object(members))
    }

    fn array(&mut self, jiter: &mut Jiter<'_>, depth: usize) -> JiterResult<Value> {
        let mut elements = Vec::new();
        let mut next = jiter.known_array()?;
        while let Some(peek) = next {
            let parent = self.pointer.len();
            let _ = write!(self.pointer, "/{}", elements.len());
            self.count(1);
            let value = self.value(jiter, peek, depth + 1)?;
            if !self.is_full {
                elements.push(value);
            }
            self.pointer.truncate(parent);
            next = jiter.array_step()?;
        }
        Ok(Value::Array(elements))
    }

    /// Adds to the lower bound of the document's canonical JSON.
    fn count(&mut self, bytes: usize) {
        self.structure_bytes += bytes;
        if self.structure_bytes > MAX_STRUCTURE_BYTES {
            self.fill(
                TOO_LARGE,
                "has more than 65536 bytes of canonical JSON, its texts apart; send less in an event",
            );
        }
    }

    /// Skips the rest of the document.
    fn fill(&mut self, code: &'static str, detail: &str) {
        if !self.is_full {
            self.is_full = true;
            self.problems.clear();
            self.problems.push(FieldError::new("", code, detail));
        }
    }

    /// Adds a problem if the value that was just read, or its name, is not JSON.
    fn note_not_json(&mut self, jiter: &Jiter<'_>) {
        while self.not_json.last().is_some_and(|end| *end <= jiter.current_index()) {
            self.not_json.pop();
            self.problem(NOT_JSON, "is not JSON; write a number, null or a string with escapes");
        }
    }

    fn problem(&mut self, code: &'static str, detail: &str) {
        if self.is_full {
            return;
        }
        if self.problems.len() < MAX_PROBLEMS {
            note(&mut self.problems, FieldError::new(&self.pointer, code, detail));
        } else {
            // The problem is only counted, so its pointer is not copied.
            note(&mut self.problems, FieldError::new("", code, ""));
        }
    }
}

/// A JSON text on one line for every reader. Python's `splitlines`, for one, also ends a line at U+0085, U+2028 and U+2029,
/// which JSON allows in a string as they are; the others that it knows are escaped in JSON anyway.
pub fn one_line(json: String) -> String {
    if !json.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return json;
    }
    json.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests;
