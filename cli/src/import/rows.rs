//! The rows of a file: one JSON object a line, or an array of them, alone or as a page of an API has it.

use serde_json::Value;

/// Under which name a page of an API has its events.
const LISTS: [&str; 4] = ["audit_logs", "data", "events", "_embedded"];

/// The rows of a text in order; in place of a line that is no JSON, what is wrong with it.
///
/// # Errors
/// If it is no JSON at all, or has no events in it.
pub(super) fn of(text: &str) -> Result<Vec<Result<Value, String>>, String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if serde_json::from_str::<Value>(first).is_ok_and(|value| value.is_object()) {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return Ok(lines.flat_map(line).collect());
    }
    let value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    match events(value) {
        Ok(events) => Ok(events.into_iter().map(Ok).collect()),
        Err(event @ Value::Object(_)) => Ok(vec![Ok(event)]),
        Err(_) => Err("it has no events".to_owned()),
    }
}

/// What stands on a line: an event, or a page of them.
fn line(text: &str) -> Vec<Result<Value, String>> {
    match serde_json::from_str(text).map(events) {
        Ok(Ok(events)) => events.into_iter().map(Ok).collect(),
        Ok(Err(event)) => vec![Ok(event)],
        Err(error) => vec![Err(format!("the line is no JSON: {error}"))],
    }
}

/// The events of an array or a page; the value itself if it is neither.
fn events(mut value: Value) -> Result<Vec<Value>, Value> {
    if let Value::Array(events) = value {
        return Ok(events);
    }
    // What has an action is an event, whatever else it has.
    if value.get("action").is_none() {
        for name in LISTS {
            match value.get_mut(name).map(Value::take) {
                Some(Value::Array(events)) => return Ok(events),
                Some(inner @ Value::Object(_)) => return events(inner),
                _ => {}
            }
        }
    }
    Err(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_stand_on_lines_in_arrays_and_on_pages() {
        let (one, two) = (r#"{"action":"a"}"#, r#"{"action":"b"}"#);
        let check = |text: &str| {
            let found: Vec<_> = of(text).unwrap().into_iter().map(Result::unwrap).collect();
            assert_eq!(found, [json!({"action": "a"}), json!({"action": "b"})], "{text}");
        };
        check(&format!("{one}\n{two}\n"));
        check(&format!("\n{one}\r\n\n{two}"));
        check(&format!("[{one},\n{two}]"));
        check(&format!("{{\"audit_logs\": [{one}, {two}], \"has_more\": false}}"));
        check(&format!("{{\n \"data\": [{one},{two}]}}"));
        check(&format!("{{\"_embedded\": {{\"audit_logs\": [{one}, {two}]}}}}"));
        check(&format!("{{\"audit_logs\": [{one}]}}\n{{\"audit_logs\": [{two}]}}"));
    }

    #[test]
    fn a_line_that_is_no_json_is_told_and_the_others_are_read() {
        let rows = of("{\"action\":\"a\"}\n{\"action\"\n{\"action\":\"b\"}").unwrap();
        assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        for wrong in ["", "nonsense", "3", "[1"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
