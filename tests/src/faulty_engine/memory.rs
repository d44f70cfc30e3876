//! The faulty engine's memory of earlier calls: the last writes, which other copies and indexes do not show
//! yet, and the keys that it made up for pages without items.

use std::collections::{HashSet, VecDeque};

use serde_json::{Value, json};

use super::{
    Fault,
    call::{Call, identity},
};

/// The number of last writes that copies and indexes do not show yet.
const BEHIND: usize = 100;

#[derive(Default)]
pub(super) struct Memory {
    last_written: VecDeque<String>,
    /// Keys after which the next page has to be a full one.
    emptied: HashSet<String>,
    /// The keys in `emptied` that were made up and never written.
    made_up: HashSet<String>,
}

/// A call after the fault has changed it.
pub(super) enum Altered {
    /// The engine gets this call.
    Asked(Call),
    /// The client gets this answer.
    Answered(Value),
}

impl Memory {
    pub(super) fn note(&mut self, call: &Call) {
        self.last_written.extend(call.puts().iter().filter_map(identity));
        let beyond = self.last_written.len().saturating_sub(BEHIND);
        self.last_written.drain(..beyond);
    }

    /// Removes a made-up key from a call.
    pub(super) fn purify(&self, call: &mut Call) {
        if self.made_up.contains(&call.body["ExclusiveStartKey"].to_string()) {
            call.body.as_object_mut().unwrap().remove("ExclusiveStartKey");
        }
    }

    /// Applies a fault to a call before it reaches the engine.
    pub(super) fn alter_call(&mut self, fault: Fault, mut call: Call) -> Altered {
        match fault {
            Fault::OneItemPages => call.body["Limit"] = json!(1),
            Fault::EmptyPages => {
                let start = &call.body["ExclusiveStartKey"];
                if !self.emptied.remove(&start.to_string()) {
                    let key = if start.is_null() { self.make_up(&call) } else { start.clone() };
                    self.emptied.insert(key.to_string());
                    return Altered::Answered(
                        json!({"Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": key}),
                    );
                }
            }
            Fault::NoKeysTaken => {
                let rest = &call.body["RequestItems"];
                return Altered::Answered(json!({"Responses": {}, "UnprocessedKeys": rest}));
            }
            Fault::StatementsLeftOut => {
                let statements = call.body["Statements"].as_array_mut().unwrap();
                statements.truncate(statements.len().div_ceil(2));
            }
            Fault::KeysLeftOut => {
                for wanted in call.body["RequestItems"].as_object_mut().unwrap().values_mut() {
                    let keys = wanted["Keys"].as_array_mut().unwrap();
                    keys.truncate(keys.len().div_ceil(2));
                }
            }
            _ => {}
        }
        Altered::Asked(call)
    }

    /// Applies a fault to the engine's answer.
    pub(super) fn alter_answer(&self, fault: Fault, asked: &Call, answer: &mut Value) {
        let consistent = asked.body["ConsistentRead"] == true;
        match fault {
            Fault::StatementsLeftOut => {
                let asked = asked.body["Statements"].as_array().unwrap().len();
                let error = json!({"Code": "ThrottlingError", "Message": "as the test wants"});
                let answers = answer["Responses"].as_array_mut().unwrap();
                answers.resize(asked, json!({"Error": error, "TableName": "AuditEvents"}));
            }
            Fault::KeysLeftOut => {
                let mut rest = asked.body["RequestItems"].clone();
                for wanted in rest.as_object_mut().unwrap().values_mut() {
                    let keys = wanted["Keys"].as_array_mut().unwrap();
                    keys.drain(..keys.len().div_ceil(2));
                }
                rest.as_object_mut().unwrap().retain(|_, wanted| wanted["Keys"] != json!([]));
                answer["UnprocessedKeys"] = rest;
            }
            Fault::IndexBehind if asked.reads_index() => {
                self.hide(answer["Items"].as_array_mut().unwrap());
                answer["Count"] = json!(answer["Items"].as_array().unwrap().len());
            }
            Fault::CopyBehind
                if asked.operation == "GetItem" && !consistent && self.is_recent(&answer["Item"]) =>
            {
                answer.as_object_mut().unwrap().remove("Item");
            }
            Fault::CopyBehind if asked.operation == "BatchGetItem" => {
                for (table, items) in answer["Responses"].as_object_mut().unwrap() {
                    if asked.body["RequestItems"][table]["ConsistentRead"] != true {
                        self.hide(items.as_array_mut().unwrap());
                    }
                }
            }
            _ => {}
        }
    }

    fn hide(&self, items: &mut Vec<Value>) {
        items.retain(|item| !self.is_recent(item));
    }

    fn is_recent(&self, item: &Value) -> bool {
        identity(item).is_some_and(|item| self.last_written.contains(&item))
    }

    /// Makes up a key to continue from, for a page of a call that named no start.
    fn make_up(&mut self, call: &Call) -> Value {
        let body = &call.body;
        let mut key = match body["TableName"].as_str() {
            Some("AuditTokens") => json!({"token": {"S": "-"}}),
            Some("AuditLedger") => json!({"workspace": {"S": "-"}, "part": {"S": "-"}}),
            _ => json!({"workspace": {"S": "-"}, "timestamp": {"S": "-"}}),
        };
        // As in every key of DynamoDB, it has the attributes that are equal in all requested items.
        for (name, value) in body["ExpressionAttributeValues"].as_object().into_iter().flatten() {
            let attribute = &body["ExpressionAttributeNames"][name.replacen(':', "#", 1)];
            if let Some(attribute) = attribute.as_str() {
                key[attribute] = value.clone();
            }
        }
        self.made_up.insert(key.to_string());
        key
    }
}
