//! The numbers that can be recorded: those that every JSON parser reads back with the value that was sent.

use serde_json::Number;

use super::canonical;

/// The largest integer that can be recorded, 2^53 - 1. A double does not hold every larger integer, so parsers with
/// integers (Python) and parsers with doubles only (JavaScript) would read different numbers (RFC 7493 §2.2).
pub const MAX_EXACT_INTEGER: i64 = (1 << 53) - 1;

/// From here on canonical JSON writes a number with an exponent, so every parser reads it as a double (RFC 8785).
const EXPONENT_FROM: f64 = 1e21;

/// Parses a number; `None` if it cannot be recorded exactly. The result depends on the value, not on the notation.
pub(super) fn exact(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(integer) = text.parse::<i64>() {
        return kept_integer(integer);
    }
    let float: f64 = text.parse().ok()?;
    let number = if float.fract() == 0.0 && float.abs() < EXPONENT_FROM {
        // The conversion is exact in range. Beyond 2^63 it saturates to a value that `kept_integer` refuses.
        kept_integer(float as i64)?
    } else {
        Number::from_f64(float)?
    };
    // Compared with the canonical text, since that is recorded: where two shortest texts are equally near to a double,
    // the standard library and RFC 8785 may choose different ones.
    (decimal(text)? == decimal(&canonical(&number))?).then_some(number)
}

fn kept_integer(integer: i64) -> Option<Number> {
    (-MAX_EXACT_INTEGER..=MAX_EXACT_INTEGER).contains(&integer).then(|| integer.into())
}

/// The sign of a decimal number, its significant digits, and the power of ten of the last digit. Zero has no sign.
pub(super) fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let without_zeros = digits.trim_end_matches('0');
    let dropped = digits.len() - without_zeros.len();
    let significant = without_zeros.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let power = exponent.parse::<i64>().ok()?.checked_add(dropped as i64 - fraction.len() as i64)?;
    Some((text.starts_with('-'), significant.to_owned(), power))
}
