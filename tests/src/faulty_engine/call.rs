//! A call to DynamoDB on the wire: its operation, and the items that it writes.

use axum::{body::Bytes, http::HeaderMap};
use serde_json::Value;

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
        match self.operation.as_str() {
            "PutItem" => vec![self.body["Item"].clone()],
            _ => self.statements().filter(|statement| verb(statement) == "INSERT").map(named).collect(),
        }
    }

    /// The partition keys that it writes, each with its table and the units that it takes, without those of
    /// indexes.
    pub(super) fn written_keys(&self) -> Vec<(String, f64)> {
        let table = self.body["TableName"].as_str().unwrap_or_default();
        match self.operation.as_str() {
            "PutItem" => written(table, &self.body["Item"]).into_iter().collect(),
            "UpdateItem" => written(table, &self.body["Key"]).into_iter().collect(),
            _ => self
                .statements()
                .filter_map(|statement| written(table_of(statement), &named(statement)))
                .collect(),
        }
    }

    /// The PartiQL statements of the call: one, several, or those of a transaction.
    fn statements(&self) -> impl Iterator<Item = &Value> {
        let body = &self.body;
        let alone = body["Statement"].is_string().then_some(body);
        let several = ["Statements", "TransactStatements"].map(|name| body[name].as_array());
        alone.into_iter().chain(several.into_iter().flatten().flatten())
    }

    /// True if it reads an index.
    pub(super) fn reads_index(&self) -> bool {
        self.body["IndexName"].is_string()
    }
}

fn written(table: &str, item: &Value) -> Option<(String, f64)> {
    let key = ["token", "source", "workspace"].iter().find_map(|name| item[name]["S"].as_str());
    let units = item.to_string().len().div_ceil(1024).max(1);
    Some((format!("{table} {}", key?), units as f64))
}

fn verb(statement: &Value) -> &str {
    statement["Statement"].as_str().unwrap().split(' ').next().unwrap()
}

/// The table that a statement names first.
fn table_of(statement: &Value) -> &str {
    statement["Statement"].as_str().unwrap().split('"').nth(1).unwrap()
}

/// The attributes that a statement names, with its parameters: the item of an `INSERT INTO "table" VALUE
/// {'name':?, …}`, or the attributes that an `UPDATE "table" SET "name"=? WHERE "name"=? …` sets and looks for.
fn named(statement: &Value) -> Value {
    let text = statement["Statement"].as_str().unwrap();
    let names: Vec<_> = match verb(statement) {
        "INSERT" => text.split('\'').skip(1).step_by(2).collect(),
        _ => {
            let named = text.split("\"=?").filter_map(|before| before.rsplit('"').next());
            named.take(text.matches("\"=?").count()).collect()
        }
    };
    let values = statement["Parameters"].as_array().unwrap().iter().cloned();
    names.into_iter().map(str::to_owned).zip(values).collect::<serde_json::Map<_, _>>().into()
}

/// The key that identifies an item: that of an event or of a token.
pub(super) fn identity(item: &Value) -> Option<String> {
    let token = item["token"]["S"].as_str().map(str::to_owned);
    token.or_else(|| {
        Some(format!("{} {}", item["workspace"]["S"].as_str()?, item["timestamp"]["S"].as_str()?))
    })
}
