//! Which numbers are kept: those that every reader of the log gets back as they were sent.

use serde_json::Number;

use super::canonical;

/// The largest integer that is kept, 2^53 - 1. Beyond it a double does not hold every integer, and readers that tell
/// integers from doubles, such as Python, would see another number than others (RFC 7493 §2.2).
pub const MAX_EXACT_INTEGER: i64 = (1 << 53) - 1;

/// From here on canonical JSON writes a number with an exponent, so every reader takes it for a double (RFC 8785).
const EXPONENT_FROM: f64 = 1e21;

/// The number that `text` writes, if it can be kept. It depends on the value alone, not on how it is written.
pub(super) fn exact(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(integer) = text.parse::<i64>() {
        return kept_integer(integer);
    }
    let float: f64 = text.parse().ok()?;
    let number = if float.fract() == 0.0 && float.abs() < EXPONENT_FROM {
        // In range the conversion is exact, and beyond 2^63 it saturates, which is not kept either.
        kept_integer(float as i64)?
    } else {
        Number::from_f64(float)?
    };
    // Compared with the very text that is kept: of two texts as short and as near to a double, the standard library
    // may write the one and RFC 8785 the other.
    (decimal(text)? == decimal(&canonical(&number))?).then_some(number)
}

fn kept_integer(integer: i64) -> Option<Number> {
    (-MAX_EXACT_INTEGER..=MAX_EXACT_INTEGER).contains(&integer).then(|| integer.into())
}

/// The sign of a decimal number, its significant digits and the power of ten of the last of them. Zero has no sign.
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
