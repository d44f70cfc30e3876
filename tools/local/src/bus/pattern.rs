//! EventBridge's event patterns, as far as our rule may use them.

use std::collections::BTreeMap;

use serde_json::Value;

/// The pattern of the events that the rule forwards.
#[derive(Debug, PartialEq)]
pub(crate) struct Pattern(Node);

/// The error for an operator that is not emulated, or a pattern that EventBridge refuses too.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the rule's pattern at {place}: {reason}")]
pub(crate) struct PatternError {
    place: String,
    reason: String,
}

#[derive(Debug, PartialEq)]
enum Node {
    /// All of these members must match.
    Fields(BTreeMap<String, Node>),
    /// One of these must match.
    Any(Vec<Matcher>),
}

#[derive(Debug, PartialEq)]
enum Matcher {
    Equals(Value),
    Prefix(String),
    Suffix(String),
    Exists(bool),
    AnythingBut(Vec<Value>),
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Names the place and the part that is not understood.
    pub(crate) fn parse(pattern: &Value) -> Result<Self, PatternError> {
        match read(pattern, "$")? {
            Node::Fields(fields) if fields.is_empty() => Err(refuse("$", "is empty")),
            node @ Node::Fields(_) => Ok(Self(node)),
            Node::Any(_) => Err(refuse("$", "is not an object")),
        }
    }

    /// Whether the rule forwards an event.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        matches(&self.0, Some(event))
    }
}

fn read(pattern: &Value, place: &str) -> Result<Node, PatternError> {
    match pattern {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, inner)| {
                if name == "$or" {
                    return Err(refuse(place, "the operator $or is not emulated"));
                }
                Ok((name.clone(), read(inner, &format!("{place}.{name}"))?))
            });
            Ok(Node::Fields(fields.collect::<Result<_, _>>()?))
        }
        Value::Array(matchers) if !matchers.is_empty() => {
            let matchers = matchers.iter().map(|matcher| read_matcher(matcher, place));
            Ok(Node::Any(matchers.collect::<Result<_, _>>()?))
        }
        _ => Err(refuse(place, "is neither an object nor a list with something in it")),
    }
}

fn read_matcher(matcher: &Value, place: &str) -> Result<Matcher, PatternError> {
    let operator = match matcher {
        Value::Object(operator) => operator,
        Value::Array(_) => return Err(refuse(place, "holds a list in a list")),
        value => return Ok(Matcher::Equals(value.clone())),
    };
    let mut operators = operator.iter();
    match (operators.next(), operators.next()) {
        (Some((name, argument)), None) => match (name.as_str(), argument) {
            ("prefix", Value::String(prefix)) => Ok(Matcher::Prefix(prefix.clone())),
            ("suffix", Value::String(suffix)) => Ok(Matcher::Suffix(suffix.clone())),
            ("exists", Value::Bool(exists)) => Ok(Matcher::Exists(*exists)),
            ("anything-but", value @ (Value::String(_) | Value::Number(_))) => {
                Ok(Matcher::AnythingBut(vec![value.clone()]))
            }
            ("anything-but", Value::Array(values)) if values.iter().all(is_plain) => {
                Ok(Matcher::AnythingBut(values.clone()))
            }
            (name, _) => {
                Err(refuse(place, &format!("the operator {name} with this argument is not emulated")))
            }
        },
        _ => Err(refuse(place, "an operator is an object with one member")),
    }
}

fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

fn refuse(place: &str, reason: &str) -> PatternError {
    PatternError { place: place.to_owned(), reason: reason.to_owned() }
}

fn matches(node: &Node, value: Option<&Value>) -> bool {
    match node {
        Node::Fields(fields) => match value {
            // As in EventBridge, a list of objects matches if one of them does.
            Some(Value::Array(items)) => items.iter().any(|item| matches(node, Some(item))),
            value => {
                fields.iter().all(|(name, inner)| matches(inner, value.and_then(|value| value.get(name))))
            }
        },
        Node::Any(matchers) => matchers.iter().any(|matcher| match value {
            Some(Value::Array(items)) => items.iter().any(|item| one(matcher, Some(item))),
            value => one(matcher, value),
        }),
    }
}

fn one(matcher: &Matcher, value: Option<&Value>) -> bool {
    match (matcher, value) {
        (Matcher::Exists(exists), value) => value.is_some_and(|value| !value.is_object()) == *exists,
        (_, None) => false,
        (Matcher::Equals(expected), Some(value)) => equal(expected, value),
        (Matcher::Prefix(prefix), Some(value)) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
        (Matcher::Suffix(suffix), Some(value)) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
        (Matcher::AnythingBut(values), Some(value)) => {
            is_plain(value) && !values.iter().any(|expected| equal(expected, value))
        }
    }
}

/// 1 and 1.0 are the same number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(pattern: Value, event: Value, expected: bool) {
        assert_eq!(Pattern::parse(&pattern).unwrap().matches(&event), expected, "{pattern} on {event}");
    }

    #[test]
    fn an_empty_prefix_forwards_everything_with_a_source() {
        check(json!({"source": [{"prefix": ""}]}), json!({"source": "anything"}), true);
        check(json!({"source": [{"prefix": ""}]}), json!({}), false);
    }

    #[test]
    fn each_operator_matches_as_documented() {
        check(json!({"source": ["bank", "shop"]}), event(), true);
        check(json!({"source": ["bank"]}), event(), false);
        check(json!({"source": [{"prefix": "sh"}]}), event(), true);
        check(json!({"source": [{"suffix": "op"}]}), event(), true);
        check(json!({"source": [{"suffix": "sh"}]}), event(), false);
        check(json!({"source": [{"anything-but": "shop"}]}), event(), false);
        check(json!({"source": [{"anything-but": ["bank"]}]}), event(), true);
        check(json!({"detail": {"n": [1.0]}}), event(), true);
        check(json!({"detail": {"tags": ["b"]}}), event(), true);
        check(json!({"detail": {"deep": {"x": [2]}}}), event(), true);
        check(json!({"detail": {"n": [{"exists": true}]}}), event(), true);
        check(json!({"detail": {"n": [{"exists": false}]}}), event(), false);
        check(json!({"detail": {"m": [{"exists": false}]}}), event(), true);
        check(json!({"missing": {"m": [{"exists": false}]}}), event(), true);
    }

    fn event() -> Value {
        json!({"source": "shop", "detail": {"n": 1, "tags": ["a", "b"], "deep": [{"x": 1}, {"x": 2}]}})
    }

    #[test]
    fn every_named_member_must_match() {
        let pattern = json!({"source": ["shop"], "detail-type": ["order"]});
        check(pattern.clone(), json!({"source": "shop", "detail-type": "order"}), true);
        check(pattern, json!({"source": "shop", "detail-type": "refund"}), false);
    }

    #[test]
    fn an_operator_that_is_not_emulated_is_an_error_with_its_place() {
        check_not_emulated(
            json!({"detail": {"n": [{"numeric": [">", 1]}]}}),
            "$.detail.n: the operator numeric with this argument is not emulated",
        );
        check_not_emulated(json!({"$or": [{"a": [1]}]}), "$: the operator $or is not emulated");
        check_not_emulated(
            json!({"source": "shop"}),
            "$.source: is neither an object nor a list with something in it",
        );
        check_not_emulated(json!({}), "$: is empty");
    }

    fn check_not_emulated(pattern: Value, expected: &str) {
        assert_eq!(
            Pattern::parse(&pattern).unwrap_err().to_string(),
            format!("the rule's pattern at {expected}")
        );
    }
}
