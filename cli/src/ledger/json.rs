//! Reads JSON that has the same meaning for every parser.
//!
//! Parsers differ if an object has a name twice, or if a number has more digits than a double holds. An attacker could use
//! this to alter an event: the digest would cover one meaning, and people would see the other. So both are refused.

use std::fmt;

use serde::{
    Deserialize,
    de::{self, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads one JSON text.
///
/// # Errors
/// If it is none, has a member twice, or a number that a double does not hold exactly.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let Unambiguous(value) =
        serde_json::from_str(text).map_err(|error| format!("it is not one JSON text: {error}"))?;
    match numbers(text).find(|number| !is_exact(number)) {
        Some(number) => Err(format!("the number {number} is not written as it was recorded")),
        None => Ok(value),
    }
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON text")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unambiguous(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unambiguous(value))) = members.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("the member {name:?} stands twice in an object")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// The numbers of a text that is JSON, as they are written.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            rest = &rest[start..];
            if rest.starts_with('"') {
                rest = after_string(&rest[1..]);
                continue;
            }
            let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
            let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            return Some(number);
        }
    })
}

/// What follows the end of a string that began before `text`.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or("", |end| &text[end + 1..])
}

/// The most digits of an integer without an exponent. RFC 8785 writes an exponent from 10^21 on, and some programs fail at
/// more digits.
const MAX_DIGITS: usize = 21;

/// Whether the nearest double is the number itself, sign of zero and all.
fn is_exact(number: &str) -> bool {
    let digits = number.trim_start_matches('-');
    if digits.len() > MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Ok(double) = number.parse::<f64>() else { return false };
    let exact = matches!((significant(number), significant(&format!("{double:e}"))), (Some(one), Some(two)) if one == two);
    exact && (double != 0.0 || !number.starts_with('-'))
}

/// The digits of a decimal number from the first to the last that is not zero, and the power of ten
/// of the last. `None` for a power that no number has which was ever recorded.
fn significant(number: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or_else(|| (mantissa.trim_start_matches('-'), ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    if digits.is_empty() {
        return Some((String::new(), 0));
    }
    let exponent = i64::from(exponent.parse::<i32>().ok()?);
    fn length(text: &str) -> Option<i64> {
        i64::try_from(text.len()).ok()
    }
    let power = exponent - length(fraction)? + (length(&all)? - length(digits)?);
    Some((digits.trim_start_matches('0').to_owned(), power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_json_is_accepted() {
        for text in [
            r#"{"a": [1, -2, 0, 0.0, 1.50, 1e21, 1E-7, 5e-324, 9007199254740992, 100000000000000000000]}"#,
            r#"{"a": "a \" 9007199254740993 \\", "b": "\\\"-0"}"#,
            "null",
            "-1",
        ] {
            assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn ambiguous_json_is_refused() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"b": 1, "\u0062": 2}}"#,
            "9007199254740993",
            "18446744073709551617",
            "0.1000000000000000055",
            "1000000000000000000000",
            "-0",
            "[\"\\\\\", -0.0]",
            "1e999",
            "1.5e-9223372036854775808",
            "1.5e9223372036854775807",
            "1e-99999999999999999999",
            "15e-2147483649",
            "{} {}",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
