//! Puts product events on the bus with the `PutEvents` call, as every AWS SDK makes it.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// Puts events on the bus.
pub struct Bus(Client);

impl Bus {
    pub(crate) fn new(http: reqwest::Client, endpoint: &str) -> Self {
        Self(Client::new(http, endpoint, ""))
    }

    /// Calls `PutEvents` with these entries.
    pub async fn put(&self, entries: &[Value]) -> Answer {
        let request = self
            .0
            .request(reqwest::Method::POST, "/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "AWSEvents.PutEvents")
            .body(json!({"Entries": entries}).to_string());
        self.0.send(request).await
    }

    /// Puts one event and returns the id of its envelope.
    pub async fn send(&self, source: &str, detail: &Value) -> String {
        let answer = self.put(&[entry(source, detail)]).await.expect(200);
        assert_eq!(answer.body["FailedEntryCount"], 0, "{}", answer.text);
        answer.body["Entries"][0]["EventId"].as_str().unwrap().to_owned()
    }
}

/// An entry for the bus of the template.
pub fn entry(source: &str, detail: &Value) -> Value {
    json!({
        "EventBusName": "audit-logs",
        "Source": source,
        "DetailType": "audit event",
        "Detail": detail.to_string(),
    })
}
