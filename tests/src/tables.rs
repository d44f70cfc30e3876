//! The content of the tables, as the real SDK sees it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeValue, PutRequest, WriteRequest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::aws::https::Trust;

use crate::sample::{at, unix_microseconds};

/// The tables of one system.
pub struct Tables(Client);

impl Tables {
    /// The tables of the engine at this endpoint.
    pub fn at(endpoint: &str) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(Trust::Plaintext.client())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint);
        Self(Client::from_conf(config.build()))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0
    }

    /// All events of a workspace that has one shard, oldest first, with its records of reads.
    pub async fn events(&self, workspace: &str) -> Vec<Value> {
        let mut events = self.partition("AuditEvents", None, "workspace", workspace).await;
        events.extend(self.records_of_reads(workspace).await);
        events.sort_by_key(|event| event["timestamp"].as_str().map(str::to_owned));
        events
    }

    /// The events in the partition of records of reads, oldest first.
    pub async fn records_of_reads(&self, workspace: &str) -> Vec<Value> {
        let partition = format!("{workspace}#{}", shared::model::keys::READS);
        self.partition("AuditEvents", None, "workspace", &partition).await
    }

    /// All events of a workspace with this action, oldest first.
    pub async fn events_of(&self, workspace: &str, action: &str) -> Vec<Value> {
        let mut events = self.events(workspace).await;
        events.retain(|event| event["action"] == action);
        events
    }

    /// All tokens of a workspace, oldest first.
    pub async fn tokens(&self, workspace: &str) -> Vec<Value> {
        self.partition("AuditTokens", Some("by_workspace"), "workspace", workspace).await
    }

    /// All streams of a workspace, in the order of their ids.
    pub async fn streams(&self, workspace: &str) -> Vec<Value> {
        self.partition("AuditStreams", None, "workspace", workspace).await
    }

    /// The quarantined messages of one source.
    pub async fn quarantined(&self, source: &str) -> Vec<Value> {
        self.partition("AuditQuarantine", None, "source", source).await
    }

    /// The number of attributes in a table that contain this text.
    pub async fn mentions(&self, table: &str, text: &str) -> usize {
        let items = self.0.scan().table_name(table).into_paginator().items().send();
        let items: Vec<_> = items.collect::<Result<_, _>>().await.unwrap();
        items
            .iter()
            .flat_map(HashMap::values)
            .filter(|value: &&AttributeValue| match value {
                AttributeValue::S(held) | AttributeValue::N(held) => held.contains(text),
                AttributeValue::B(held) => {
                    held.as_ref().windows(text.len()).any(|part| part == text.as_bytes())
                }
                other => panic!("unexpected type of attribute: {other:?}"),
            })
            .count()
    }

    /// Writes `count` events of an action into a workspace, one a second from [`at`]`(0)`, past our code: for
    /// tests that need more events than they can send in reasonable time.
    pub async fn put_events(&self, workspace: &str, action: &str, count: i64) {
        let keys: Vec<_> = (0..count).map(|second| (second, format!("{}#{action}", at(second)))).collect();
        self.put_keys(workspace, action, &keys).await;
    }

    /// The same with 1,300 events at each second. Returns their sort keys.
    pub async fn put_burst(&self, workspace: &str, action: &str, count: i64) -> Vec<String> {
        let keys: Vec<_> = (0..count).map(burst_key).collect();
        self.put_keys(workspace, action, &keys).await;
        keys.into_iter().map(|(_, burst_key)| burst_key).collect()
    }

    async fn put_keys(&self, workspace: &str, action: &str, keys: &[(i64, String)]) {
        for keys in keys.chunks(25) {
            let requests = keys
                .iter()
                .map(|(second, key): &(i64, String)| {
                    let request = PutRequest::builder()
                        .item("workspace", string(workspace))
                        .item("timestamp", string(key))
                        .item("action", string(action))
                        .item("received_at", AttributeValue::N(unix_microseconds(*second)))
                        .item("salt", AttributeValue::B(vec![7; 16].into()))
                        .item("actor_id", string("u1"));
                    WriteRequest::builder().put_request(request.build().unwrap()).build()
                })
                .collect();
            let output =
                self.0.batch_write_item().request_items("AuditEvents", requests).send().await.unwrap();
            assert!(output.unprocessed_items().unwrap().is_empty());
        }
    }

    /// Writes a text into an item, past our code.
    pub async fn set_text(&self, table: &str, key: [(&str, &str); 2], attribute: &str, text: &str) {
        let update = self.0.update_item().table_name(table).set_key(Some(item_key(key)));
        let update = update.update_expression("SET #attribute = :text");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":text", AttributeValue::S(text.to_owned())).send().await.unwrap();
    }

    /// Deletes an item, past our code.
    pub async fn delete(&self, table: &str, key: [(&str, &str); 2]) {
        self.0.delete_item().table_name(table).set_key(Some(item_key(key))).send().await.unwrap();
    }

    /// Deletes all events that are marked as expired, as DynamoDB does some time later. Returns their number.
    pub async fn sweep(&self) -> usize {
        let items = self.0.scan().table_name("AuditEvents").into_paginator().items().send();
        let items: Vec<_> = items.collect::<Result<_, _>>().await.unwrap();
        let marked: Vec<_> = items.into_iter().filter(|item| item.contains_key("expires_at")).collect();
        for item in &marked {
            let key = ["workspace", "timestamp"].map(|name| (name, item[name].as_s().unwrap().as_str()));
            self.delete("AuditEvents", key).await;
        }
        marked.len()
    }

    async fn partition(&self, table: &str, index: Option<&str>, key: &str, value: &str) -> Vec<Value> {
        let items = self
            .0
            .query()
            .table_name(table)
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression("#key = :value")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
            .into_paginator()
            .items()
            .send();
        let items: Result<Vec<_>, _> = items.collect().await;
        items.unwrap().iter().map(plain).collect()
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn burst_key(number: i64) -> (i64, String) {
    (number / 1300, format!("{}#b-{number:06}", at(number / 1300)))
}

fn item_key(key: [(&str, &str); 2]) -> HashMap<String, AttributeValue> {
    key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

/// An item without DynamoDB's type names.
pub fn plain(item: &HashMap<String, AttributeValue>) -> Value {
    item.iter().map(|(name, attribute)| (name.clone(), plain_value(attribute))).collect()
}

fn plain_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => number.parse().unwrap(),
        AttributeValue::B(bytes) => json!(STANDARD.encode(bytes)),
        other => panic!("unexpected type of attribute: {other:?}"),
    }
}
