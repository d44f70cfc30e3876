//! Direct access to the tables, past our code: any item can be read, written and deleted.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hasher as _,
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use shared::{
    ledger::{Delta, Entry, tree::Frontier},
    model::keys::{Place, ledger, partition},
};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::acme;
use crate::TestApp;

/// An item in the SDK's form.
pub type Item = HashMap<String, AttributeValue>;

/// The tables of a system with the workspace `acme`, and its API.
pub struct Raw<'a> {
    pub(super) app: &'a TestApp,
    client: &'a Client,
}

pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub fn bytes(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(bytes.into())
}

impl<'a> Raw<'a> {
    pub(super) fn of(app: &'a TestApp) -> Self {
        Self { app, client: app.tables().client() }
    }

    /// The system over the tables.
    pub fn app(&self) -> &TestApp {
        self.app
    }

    /// All deltas of the log.
    pub async fn deltas(&self) -> Vec<Delta> {
        let deltas = self.parts("delta#").await.into_iter().map(|item| {
            let first = item["part"].as_s().unwrap()["delta#".len()..].parse().unwrap();
            Delta::from_bytes(first, item["entries"].as_b().unwrap().as_ref()).unwrap()
        });
        deltas.collect()
    }

    /// The entry of a sequence.
    pub async fn entry(&self, sequence: u64) -> Entry {
        let deltas = self.deltas().await;
        let entry = deltas.iter().flat_map(Delta::sequenced).find(|(number, _)| *number == sequence);
        entry.unwrap().1.clone()
    }

    /// The item of the event of a sequence.
    pub async fn event(&self, sequence: u64) -> Item {
        let key = event_key(&self.entry(sequence).await.place);
        let output =
            self.client.get_item().table_name("AuditEvents").set_key(Some(key)).send().await.unwrap();
        output.item.unwrap()
    }

    /// Puts the item of an event in place of the stored one.
    pub async fn put_event(&self, item: Item) {
        self.put("AuditEvents", item).await;
    }

    pub async fn delete_event(&self, place: &Place) {
        self.delete("AuditEvents", event_key(place)).await;
    }

    /// Puts members into a part of the ledger, in place of the stored ones.
    pub async fn put_part<const COUNT: usize>(&self, part: String, members: [(&str, AttributeValue); COUNT]) {
        let mut item: Item = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        item.extend(part_key(part));
        self.put("AuditLedger", item).await;
    }

    pub async fn delete_part(&self, part: &str) {
        self.delete("AuditLedger", part_key(part.to_owned())).await;
    }

    /// Puts one setting of the workspace, in place of all its settings.
    pub async fn put_setting(&self, name: &str, value: AttributeValue) {
        let item = [("workspace".to_owned(), text("acme")), (name.to_owned(), value)].into();
        self.put("AuditSettings", item).await;
    }

    /// Puts a delta in place of the stored one.
    pub async fn put_delta(&self, delta: &Delta) {
        self.put_part(ledger::delta(delta.first), [("entries", bytes(delta.to_bytes()))]).await;
    }

    /// Puts the head in place of the stored one.
    pub async fn put_head(&self, head: &Frontier) {
        let frontier = bytes(head.to_bytes());
        self.put_part(ledger::HEAD.to_owned(), [("size", number(head.size())), ("frontier", frontier)]).await;
    }

    /// Computes the head, the deltas and the roots of the ledger again from these deltas, as an attacker who
    /// knows our code could. The signed checkpoint stays.
    pub(super) async fn rewrite(&self, deltas: &[Delta]) {
        for prefix in ["delta#", "root#"] {
            for item in self.parts(prefix).await {
                self.delete_part(item["part"].as_s().unwrap()).await;
            }
        }
        let mut head = Frontier::default();
        for delta in deltas {
            self.put_delta(delta).await;
            for (sequence, entry) in delta.sequenced() {
                let complete = head.push(entry.leaf);
                for (level, root) in (1..).zip(complete.iter().skip(8).step_by(8)) {
                    let part = ledger::root(level, sequence >> (8 * level));
                    self.put_part(part, [("root", bytes(root.as_bytes().to_vec()))]).await;
                }
            }
        }
        self.put_head(&head).await;
    }

    /// Lets the service sign the log as it is now, as if it had never signed it before.
    pub async fn sign_again(&self, bearer: &str) {
        self.delete_signed().await;
        self.app.client("acme").with_bearer(bearer).ledger("checkpoint").await.expect(200);
    }

    /// Puts a signed checkpoint in place of the stored one.
    pub async fn put_signed<const N: usize>(&self, attributes: [(&str, AttributeValue); N]) {
        let attributes = attributes.into_iter().chain([("workspace", text("acme"))]);
        let item = attributes.map(|(name, value)| (name.to_owned(), value)).collect();
        self.put("AuditCheckpoints", item).await;
    }

    pub async fn delete_signed(&self) {
        self.delete("AuditCheckpoints", [("workspace".to_owned(), text("acme"))].into()).await;
    }

    /// Seals all unsealed events.
    pub async fn seal(&self) {
        self.app.seal_all("acme").await;
    }

    async fn parts(&self, prefix: &str) -> Vec<Item> {
        let items = self
            .client
            .query()
            .table_name("AuditLedger")
            .key_condition_expression("workspace = :workspace AND begins_with(part, :prefix)")
            .expression_attribute_values(":workspace", text("acme"))
            .expression_attribute_values(":prefix", text(prefix))
            .into_paginator()
            .items()
            .send();
        items.collect::<Result<_, _>>().await.unwrap()
    }

    async fn put(&self, table: &str, item: Item) {
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    async fn delete(&self, table: &str, key: Item) {
        self.client.delete_item().table_name(table).set_key(Some(key)).send().await.unwrap();
    }
}

/// An event's item with the digest of its present content, as an attacker who knows our code could make it.
pub(super) fn with_digest(mut item: Item) -> Item {
    let ours =
        ["workspace", "timestamp", "received_at", "sequence", "salt", "redacted", "expires_at", "digest"];
    let key = item["salt"].as_b().unwrap().as_ref().try_into().unwrap();
    let mut hasher = SipHasher24::new_with_key(&key);
    let content: BTreeMap<_, _> = item.iter().filter(|(name, _)| !ours.contains(&name.as_str())).collect();
    for (name, value) in content {
        let value = value.as_s().unwrap();
        hasher.write(&[name.as_bytes(), b"\0S", &value.len().to_le_bytes(), value.as_bytes()].concat());
    }
    item.insert("digest".to_owned(), bytes(hasher.finish128().as_bytes().to_vec()));
    item
}

fn event_key(place: &Place) -> Item {
    let key = [("workspace", partition(&acme(), place.shard)), ("timestamp", place.position.sort_key())];
    key.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn part_key(part: String) -> Item {
    [("workspace".to_owned(), text("acme")), ("part".to_owned(), text(part))].into()
}
