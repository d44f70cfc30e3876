//! Reads JSON strictly: nothing is lost between what was sent and what is kept.
//!
//! An ordinary parser keeps the last of two members with one name and rounds a number that a
//! double cannot hold. In an audit log both would be silent changes, so here they are problems,
//! each with its JSON pointer (RFC 6901). The rest of the document is still read, so that all
//! problems can be told at once. What this accepts is I-JSON (RFC 7493).

use std::fmt::Write as _;

use jiter::{Jiter, Peek};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::error::FieldError;

/// How deep an event may nest, the event itself counted.
pub const MAX_DEPTH: usize = 32;

/// Integers beyond ±2^53 are not exact in a double (RFC 7493 §2.2).
pub const MAX_EXACT_INTEGER: i64 = 1 << 53;

/// A document that is JSON, and what is wrong in it all the same.
#[derive(Debug)]
pub struct Document {
    /// The content, with the first of repeated members, and null in place of what cannot be kept.
    pub value: Value,
    /// Repeated members, inexact numbers and too deep nesting, with pointers into the document.
    pub problems: Vec<FieldError>,
}

/// The text is not JSON at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not valid JSON: {0}")]
pub struct InvalidJson(String);

/// Reads a whole document whose values nest at most `max_depth` deep.
///
/// # Errors
/// If the text is not exactly one JSON value in UTF-8.
pub fn parse(text: &[u8], max_depth: usize) -> Result<Document, InvalidJson> {
    let mut jiter = Jiter::new(text);
    let mut reader = Reader { max_depth, pointer: String::new(), problems: Vec::new() };
    let value = jiter
        .peek()
        .and_then(|peek| reader.value(&mut jiter, peek, 1))
        .and_then(|value| jiter.finish().map(|()| value))
        .map_err(|error| InvalidJson(error.description(&jiter)))?;
    Ok(Document { value, problems: reader.problems })
}

/// The canonical text of a value (RFC 8785): the same for all ways to write the same content.
pub fn canonical(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("the model has only string keys and finite numbers");
    // Most values are written so by an ordinary serializer, which is quicker.
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

struct Reader {
    max_depth: usize,
    pointer: String,
    problems: Vec<FieldError>,
}

impl Reader {
    fn value(&mut self, jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> jiter::JiterResult<Value> {
        match peek {
            Peek::Null => jiter.known_null().map(|()| Value::Null),
            Peek::True | Peek::False => jiter.known_bool(peek).map(Value::Bool),
            Peek::String => jiter.known_str().map(Value::from),
            Peek::Object | Peek::Array if depth > self.max_depth => {
                self.problem("too_deep", format!("nests deeper than {MAX_DEPTH} levels; flatten it"));
                jiter.known_skip(peek).map(|()| Value::Null)
            }
            Peek::Object => self.object(jiter, depth),
            Peek::Array => self.array(jiter, depth),
            _ => {
                let number = exact_number(jiter.known_number_bytes(peek)?);
                Ok(number.map_or_else(
                    || {
                        self.problem(
                            "inexact_number",
                            "cannot be kept exactly; send it as a string".to_owned(),
                        );
                        Value::Null
                    },
                    Value::Number,
                ))
            }
        }
    }

    fn object(&mut self, jiter: &mut Jiter<'_>, depth: usize) -> jiter::JiterResult<Value> {
        let mut members = Map::new();
        let mut next = jiter.known_object()?.map(str::to_owned);
        while let Some(name) = next {
            let parent = push_step(&mut self.pointer, &name);
            let peek = jiter.peek()?;
            if members.contains_key(&name) {
                self.problem("duplicate_key", "stands more than once in its object; keep one".to_owned());
                jiter.known_skip(peek)?;
            } else {
                let value = self.value(jiter, peek, depth + 1)?;
                members.insert(name, value);
            }
            self.pointer.truncate(parent);
            next = jiter.next_key()?.map(str::to_owned);
        }
        Ok(Value::Object(members))
    }

    fn array(&mut self, jiter: &mut Jiter<'_>, depth: usize) -> jiter::JiterResult<Value> {
        let mut elements = Vec::new();
        let mut next = jiter.known_array()?;
        while let Some(peek) = next {
            let parent = self.pointer.len();
            let _ = write!(self.pointer, "/{}", elements.len());
            elements.push(self.value(jiter, peek, depth + 1)?);
            self.pointer.truncate(parent);
            next = jiter.array_step()?;
        }
        Ok(Value::Array(elements))
    }

    fn problem(&mut self, code: &'static str, detail: String) {
        self.problems.push(FieldError::new(&self.pointer, code, detail));
    }
}

/// The number that `text` writes, if a double holds it without rounding.
fn exact_number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(integer) = text.parse::<i64>() {
        return (-MAX_EXACT_INTEGER..=MAX_EXACT_INTEGER).contains(&integer).then(|| integer.into());
    }
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let number = Number::from_f64(text.parse().ok()?)?;
    // Compared with the very text that is kept: of two texts as short and as near to a double, the standard library
    // may write the one and RFC 8785 the other.
    (decimal(text)? == decimal(&canonical(&number))?).then_some(number)
}

/// The significant digits of a decimal number and the power of ten of the last of them.
fn decimal(text: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    let power = exponent.parse::<i64>().ok()? - fraction.len() as i64 + dropped as i64;
    let significant = significant.trim_start_matches('0');
    Some(if significant.is_empty() { (String::new(), 0) } else { (significant.to_owned(), power) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, problems: &[(&str, &str)]) {
        let document = parse(text.as_bytes(), MAX_DEPTH).unwrap();
        let found: Vec<_> =
            document.problems.iter().map(|problem| (problem.field.as_str(), problem.code)).collect();
        assert_eq!(found, problems, "{text}");
    }

    #[test]
    fn what_would_be_lost_is_a_problem() {
        check(r#"{"a": 1, "b": [true, null, "x"]}"#, &[]);
        check(r#"{"a": 1, "a": 2}"#, &[("/a", "duplicate_key")]);
        check(r#"{"a": {"x/y": 1, "x\/y": [1e999]}}"#, &[("/a/x~1y", "duplicate_key")]);
        check(r#"[0.1, 1.5e-7, 100, -0, 1e300, 9007199254740992]"#, &[]);
        check("[9007199254740993]", &[("/0", "inexact_number")]);
        // Both are as near to the double between them, and the even one is written.
        check("[600000000000000.2, 0.6000000000000003E15]", &[("/1", "inexact_number")]);
        check(
            "[1e999, 1e-999, 0.1000000000000000055]",
            &[("/0", "inexact_number"), ("/1", "inexact_number"), ("/2", "inexact_number")],
        );
        check(&format!("{}{}", "[".repeat(32), "]".repeat(32)), &[]);
        let pointer = "/0".repeat(32);
        check(&format!("{}{}", "[".repeat(33), "]".repeat(33)), &[(&pointer, "too_deep")]);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let refused =
            |text: &[u8]| assert!(parse(text, MAX_DEPTH).is_err(), "{}", String::from_utf8_lossy(text));
        for text in [
            "",
            " ",
            "{",
            "{\"a\":}",
            "[1,]",
            "nul",
            "NaN",
            "Infinity",
            "01",
            "'a'",
            "{} {}",
            "\u{feff}{}",
            "\"\n\"",
            r#""\ud800""#,
        ] {
            refused(text.as_bytes());
        }
        refused(b"\"\xff\"");
        refused(&b"[".repeat(100_000));
    }

    #[test]
    fn the_same_content_has_one_canonical_text() {
        let canonical_of = |text: &str| canonical(&parse(text.as_bytes(), MAX_DEPTH).unwrap().value);
        assert_eq!(canonical_of(r#"{"b": 1.0, "a": "\u00e4"}"#), r#"{"a":"ä","b":1}"#);
        assert_eq!(canonical_of(r#"{ "a":"ä" ,"b":10e-1}"#), r#"{"a":"ä","b":1}"#);
    }

    proptest! {
        #[test]
        fn a_number_is_kept_or_refused_but_never_changed(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            let document = parse(text.as_bytes(), MAX_DEPTH).unwrap();
            if let Value::Number(number) = &document.value {
                prop_assert_eq!(decimal(&text), decimal(&number.to_string()));
                prop_assert_eq!(decimal(&text), decimal(&canonical(number)));
            }
        }

        #[test]
        fn the_canonical_text_is_what_rfc_8785_asks(text in "[\\PC\u{0}-\u{9f}]{0,8}", key in "[\\PC]{0,4}", other in "[a-c\u{e000}\u{10000}]{0,4}", integer: i64, float: f64) {
            let value = serde_json::json!({key: [text, null, true, integer], other: {"b": integer % 1000, "a": float}});
            prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).unwrap());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes, MAX_DEPTH);
        }

        #[test]
        fn it_agrees_with_an_ordinary_parser_on_what_is_json(text in r#"[\[\]{}:,"a0.1e \-]{0,12}"#) {
            prop_assert_eq!(parse(text.as_bytes(), MAX_DEPTH).is_ok(), serde_json::from_str::<Value>(&text).is_ok() || overflows(&text), "{}", text);
        }
    }

    /// An ordinary parser calls a number beyond the range of a double a syntax error.
    fn overflows(text: &str) -> bool {
        serde_json::from_str::<Value>(text).is_err_and(|error| error.to_string().contains("out of range"))
    }
}
