//! Reads YAML with CloudFormation's short tags into JSON, and resolves what can be known without AWS.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use super::TemplateError;

/// The account that stands in for a real one, in ARNs and envelopes.
pub const ACCOUNT: &str = "000000000000";
/// The region that stands in for a real one.
pub const REGION: &str = "us-east-1";

/// The one document of `text`, with `!Ref X` written out as `{"Ref": "X"}` and so on.
pub(super) fn read(text: &str) -> Result<Value, TemplateError> {
    let documents =
        Yaml::load_from_str(text).map_err(|error| TemplateError::new("the file", error.to_string()))?;
    let [document] = documents.as_slice() else {
        return Err(TemplateError::new("the file", "must hold one document"));
    };
    convert(document, "the file")
}

/// `value` with every intrinsic replaced whose answer is known here.
///
/// A parameter becomes its default, a resource (`Ref` or `GetAtt` alike) its logical id. What
/// is not known stays an object, so that reading a string there fails and names the place.
pub(super) fn resolve(value: &Value, parameters: &Map<String, Value>) -> Value {
    match value {
        Value::Object(object) => intrinsic(object, parameters).unwrap_or_else(|| {
            let resolved = object.iter().map(|(key, value)| (key.clone(), resolve(value, parameters)));
            Value::Object(resolved.collect())
        }),
        Value::Array(items) => items.iter().map(|item| resolve(item, parameters)).collect(),
        other => other.clone(),
    }
}

fn intrinsic(object: &Map<String, Value>, parameters: &Map<String, Value>) -> Option<Value> {
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
    match (name.as_str(), argument) {
        ("Ref", Value::String(target)) => reference(target, parameters),
        ("Fn::GetAtt", Value::Array(path)) => path.first().cloned(),
        ("Fn::Sub", Value::String(text)) => substitute(text, parameters).map(Value::String),
        _ => None,
    }
}

fn reference(target: &str, parameters: &Map<String, Value>) -> Option<Value> {
    match (target, parameters.get(target)) {
        ("AWS::AccountId", _) => Some(json!(ACCOUNT)),
        ("AWS::Region", _) => Some(json!(REGION)),
        ("AWS::Partition", _) => Some(json!("aws")),
        ("AWS::StackName", _) => Some(json!("local")),
        (_, Some(parameter)) => parameter.get("Default").cloned(),
        (pseudo, None) if pseudo.starts_with("AWS::") => None,
        // SAM has `Function.Alias` for the alias of a function: locally there is one version of it.
        (resource, None) => Some(json!(resource.strip_suffix(".Alias").unwrap_or(resource))),
    }
}

fn substitute(text: &str, parameters: &Map<String, Value>) -> Option<String> {
    let mut rest = text;
    let mut result = String::new();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        let target = name.split_once('.').map_or(name, |(resource, _)| resource);
        result.push_str(before);
        match reference(target, parameters)? {
            Value::String(text) => result.push_str(&text),
            other => result.push_str(&other.to_string()),
        }
        rest = after;
    }
    Some(result + rest)
}

fn convert(yaml: &Yaml<'_>, place: &str) -> Result<Value, TemplateError> {
    match yaml {
        Yaml::Value(scalar) => Ok(scalar_value(scalar)),
        Yaml::Sequence(items) => {
            let numbered = items.iter().enumerate();
            let converted = numbered.map(|(index, item)| convert(item, &format!("{place}[{index}]")));
            converted.collect()
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key
                    .as_str()
                    .ok_or_else(|| TemplateError::new(place, "has a key that is not a string"))?;
                object.insert(key.to_owned(), convert(value, &format!("{place}.{key}"))?);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tag, inner) => {
            let argument = convert(inner, place)?;
            match (tag.suffix.as_str(), argument) {
                ("Ref", argument) => Ok(json!({ "Ref": argument })),
                ("GetAtt", Value::String(path)) => {
                    Ok(json!({ "Fn::GetAtt": path.splitn(2, '.').collect::<Vec<_>>() }))
                }
                (name, argument) => Ok(json!({ format!("Fn::{name}"): argument })),
            }
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err(TemplateError::new(place, "is not a value"))
        }
    }
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => json!(value),
        Scalar::Integer(value) => json!(value),
        Scalar::FloatingPoint(value) => json!(value.into_inner()),
        Scalar::String(value) => json!(value),
    }
}
