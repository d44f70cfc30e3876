//! One entry of a `PutEvents` call, and the envelope it becomes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::template::{ACCOUNT, REGION};

/// The bytes that AWS counts for the time of an entry.
const TIME_BYTES: usize = 14;

/// The longest DetailType that EventBridge accepts.
const MAX_DETAIL_TYPE_CHARACTERS: usize = 128;

/// An entry as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    /// Seconds since 1970, with a fraction or without.
    time: Option<f64>,
    resources: Option<Vec<String>>,
}

impl Entry {
    /// # Errors
    /// If a member has another type than in AWS's model, which no SDK sends.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        Self::deserialize(value).map_err(|error| error.to_string())
    }

    /// The size that AWS bills and limits.
    pub(super) fn size_bytes(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail];
        let texts = texts.into_iter().flatten().chain(self.resources.iter().flatten()).map(String::len);
        texts.sum::<usize>() + self.time.map_or(0, |_| TIME_BYTES)
    }

    /// The name or ARN of the bus; without one, AWS's default bus.
    pub(super) fn bus(&self) -> &str {
        self.event_bus_name.as_deref().unwrap_or("default")
    }

    /// Checks the entry, and returns its detail as JSON.
    ///
    /// # Errors
    /// AWS's code and message for the problem of the entry.
    pub(super) fn check(&self) -> Result<Value, (&'static str, String)> {
        let required =
            [("Source", &self.source), ("DetailType", &self.detail_type), ("Detail", &self.detail)];
        for (name, value) in required {
            if value.as_deref().unwrap_or_default().is_empty() {
                let message =
                    format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
                return Err(("InvalidArgument", message));
            }
        }
        if self.detail_type.as_deref().is_some_and(|text| text.chars().count() > MAX_DETAIL_TYPE_CHARACTERS) {
            let message =
                "Parameter DetailType is not valid. Reason: DetailType has more than 128 characters.";
            return Err(("InvalidArgument", message.to_owned()));
        }
        if self.source.as_deref().is_some_and(|source| source.starts_with("aws.")) {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
        }
        if self.time.is_some_and(|time| instant(time).is_none()) {
            return Err(("InvalidArgument", "Parameter Time is not valid.".to_owned()));
        }
        match serde_json::from_str(self.detail.as_deref().unwrap_or_default()) {
            Ok(detail @ Value::Object(_)) => Ok(detail),
            _ => Err(("MalformedDetail", "Detail is malformed.".to_owned())),
        }
    }

    /// The envelope without its detail.
    pub(super) fn envelope(&self, id: &str, now: jiff::Timestamp) -> Value {
        let time = self.time.and_then(instant).unwrap_or(now);
        json!({
            "version": "0",
            "id": id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": ACCOUNT,
            // A bus stores whole seconds.
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": self.resources.as_deref().unwrap_or_default(),
        })
    }

    /// The envelope with its detail as unchanged text, so that a consumer gets exactly what was sent.
    pub(super) fn body(&self, envelope: &Value) -> String {
        let mut body = envelope.to_string();
        body.pop();
        body.push_str(r#","detail":"#);
        body.push_str(self.detail.as_deref().unwrap_or("{}").trim());
        body.push('}');
        body
    }
}

fn instant(seconds: f64) -> Option<jiff::Timestamp> {
    // A float is exact to the microsecond up to the year 2242.
    let microseconds = (seconds * 1e6).round();
    jiff::Timestamp::from_microsecond(microseconds as i64).ok().filter(|_| microseconds.is_finite())
}
