//! The tables of the template: keys, indexes and time to live.

use serde::Deserialize;

use super::{Resources, TemplateError, typed};

/// Properties that change durability or cost on AWS, and nothing that can be seen here.
///
/// `StreamSpecification` is among them because a stream makes each write of the embedded engine
/// cost time in proportion to all records so far. `TableName`, because here a table goes by its
/// logical id.
const NOT_EMULATED: &[&str] = &[
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
    "TableName",
    "Tags",
];

/// A table to create.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its logical id.
    pub name: String,
    /// The types of all key attributes.
    pub attributes: Vec<Attribute>,
    /// Its primary key.
    pub key: Vec<Key>,
    /// Its global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute that says when an item expires.
    pub ttl_attribute: Option<String>,
}

/// A key attribute and its type.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// `S`, `N` or `B`.
    #[serde(rename = "AttributeType")]
    pub kind: String,
}

/// One element of a key.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The attribute.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// `HASH` or `RANGE`; an index may have several of each.
    #[serde(rename = "KeyType")]
    pub kind: String,
}

/// A global secondary index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its name.
    #[serde(rename = "IndexName")]
    pub name: String,
    /// Its key.
    #[serde(rename = "KeySchema")]
    pub key: Vec<Key>,
    /// What of an item it holds.
    #[serde(rename = "Projection")]
    pub projection: Projection,
}

/// What of an item an index holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    #[serde(rename = "ProjectionType")]
    pub kind: String,
    /// The attributes of `INCLUDE`.
    #[serde(rename = "NonKeyAttributes")]
    pub attributes: Option<Vec<String>>,
}

pub(super) fn read(resources: &Resources) -> Result<Vec<Table>, TemplateError> {
    resources
        .of_type("AWS::DynamoDB::Table")
        .map(|(id, properties)| {
            let place = format!("Resources.{id}.Properties");
            let Properties { attributes, key, indexes, ttl } = typed(&place, properties, NOT_EMULATED)?;
            let ttl = ttl.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute);
            Ok(Table { name: id.to_owned(), attributes, key, indexes, ttl_attribute: ttl })
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    #[serde(rename = "AttributeDefinitions")]
    attributes: Vec<Attribute>,
    #[serde(rename = "KeySchema")]
    key: Vec<Key>,
    #[serde(rename = "GlobalSecondaryIndexes", default)]
    indexes: Vec<Index>,
    #[serde(rename = "TimeToLiveSpecification")]
    ttl: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeToLive {
    #[serde(rename = "AttributeName")]
    attribute: String,
    #[serde(rename = "Enabled")]
    enabled: bool,
}
