//! A call to DynamoDB as it comes over the wire: its operation, and what it writes.

use axum::{body::Bytes, http::HeaderMap};
use serde_json::Value;

/// A call, read.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Call {
    pub(super) fn read(headers: HeaderMap, body: &Bytes) -> Self {
        let target = headers["x-amz-target"].to_str().unwrap();
        let operation = target.split_once('.').unwrap().1.to_owned();
        Self { operation, headers, body: serde_json::from_slice(body).unwrap() }
    }

    /// The items that it puts.
    pub(super) fn puts(&self) -> Vec<Value> {
        let body = &self.body;
        match self.operation.as_str() {
            "PutItem" => vec![body["Item"].clone()],
            "BatchExecuteStatement" => {
                self.statements().filter(|statement| verb(statement) == "INSERT").map(named).collect()
            }
            "TransactWriteItems" => {
                let items =
                    body["TransactItems"].as_array().unwrap().iter().map(|action| &action["Put"]["Item"]);
                items.filter(|item| item.is_object()).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The partition keys that it writes, by table, and the units that each takes, without those of indexes.
    pub(super) fn written_keys(&self) -> Vec<(String, f64)> {
        let written = |table: &Value, item: &Value| {
            let key = ["token", "source", "workspace"].iter().find_map(|name| item[name]["S"].as_str());
            let units = item.to_string().len().div_ceil(1024).max(1);
            Some((format!("{} {}", table.as_str()?, key?), units as f64))
        };
        let body = &self.body;
        match self.operation.as_str() {
            "PutItem" => written(&body["TableName"], &body["Item"]).into_iter().collect(),
            "BatchExecuteStatement" => {
                let table = Value::from("AuditEvents");
                self.statements().filter_map(|statement| written(&table, &named(statement))).collect()
            }
            "UpdateItem" => written(&body["TableName"], &body["Key"]).into_iter().collect(),
            "TransactWriteItems" => {
                let actions = body["TransactItems"].as_array().unwrap();
                let put = |action: &Value| written(&action["Put"]["TableName"], &action["Put"]["Item"]);
                let update =
                    |action: &Value| written(&action["Update"]["TableName"], &action["Update"]["Key"]);
                actions.iter().filter_map(|action| put(action).or_else(|| update(action))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn statements(&self) -> impl Iterator<Item = &Value> {
        self.body["Statements"].as_array().unwrap().iter()
    }

    /// Whether it reads an index.
    pub(super) fn reads_index(&self) -> bool {
        self.body["IndexName"].is_string()
    }
}

fn verb(statement: &Value) -> &str {
    statement["Statement"].as_str().unwrap().split(' ').next().unwrap()
}

/// What a statement names, with its parameters: the item of an `INSERT INTO "table" VALUE {'name': ?, …}`, or what an
/// `UPDATE "table" SET "name"=? WHERE "name"=? …` sets and looks for.
fn named(statement: &Value) -> Value {
    let text = statement["Statement"].as_str().unwrap();
    let names: Vec<_> = match verb(statement) {
        "INSERT" => text.split('\'').skip(1).step_by(2).collect(),
        _ => text.split('"').skip(3).step_by(2).collect(),
    };
    let values = statement["Parameters"].as_array().unwrap().iter().cloned();
    names.into_iter().map(str::to_owned).zip(values).collect::<serde_json::Map<_, _>>().into()
}

/// The key by which an item is known again: that of an event or of a token.
pub(super) fn identity(item: &Value) -> Option<String> {
    let token = item["token"]["S"].as_str().map(str::to_owned);
    token.or_else(|| {
        Some(format!("{} {}", item["workspace"]["S"].as_str()?, item["timestamp"]["S"].as_str()?))
    })
}
