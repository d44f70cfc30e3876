//! What the faulty engine remembers of earlier calls: what was written last, which other copies and indexes
//! do not show yet, and the keys that it made up for pages without items.

use std::collections::{HashSet, VecDeque};

use serde_json::{Value, json};

use super::{
    Fault,
    call::{Call, identity},
};

/// How many of the last writes the copies and indexes that are behind do not show.
const BEHIND: usize = 100;

#[derive(Default)]
pub(super) struct Memory {
    last_written: VecDeque<String>,
    /// After which keys the next page is to be a full one.
    emptied: HashSet<String>,
    /// Those of them that nobody ever wrote.
    made_up: HashSet<String>,
}

/// What is done with a call whose answer is changed.
pub(super) enum Altered {
    /// The engine is asked this.
    Asked(Call),
    /// This is the answer.
    Answered(Value),
}

impl Memory {
    pub(super) fn note(&mut self, call: &Call) {
        self.last_written.extend(call.puts().iter().filter_map(identity));
        let beyond = self.last_written.len().saturating_sub(BEHIND);
        self.last_written.drain(..beyond);
    }

    /// Takes a key that was made up here out of a call.
    pub(super) fn purify(&self, call: &mut Call) {
        if self.made_up.contains(&call.body["ExclusiveStartKey"].to_string()) {
            call.body.as_object_mut().unwrap().remove("ExclusiveStartKey");
        }
    }

    /// What becomes of a call before it reaches the engine.
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

    /// What becomes of the engine's answer.
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

    /// A key from which a page may be said to go on that began at no key.
    fn make_up(&mut self, call: &Call) -> Value {
        let body = &call.body;
        let mut key = match body["TableName"].as_str() {
            Some("AuditTokens") => json!({"token": {"S": "-"}}),
            Some("AuditLedger") => json!({"workspace": {"S": "-"}, "part": {"S": "-"}}),
            _ => json!({"workspace": {"S": "-"}, "timestamp": {"S": "-"}}),
        };
        // As in any key of DynamoDB, the attributes that are equal in all that is asked for are in it.
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
