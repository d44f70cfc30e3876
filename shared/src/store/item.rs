//! Conversion of events and tokens to DynamoDB items and back.
//!
//! Parts of an event that have members are stored as canonical JSON (RFC 8785). So numbers are read back exactly, and two
//! items have the same content if and only if their attributes are equal. Default values are not stored. An indexed field is
//! stored only in its own attribute: it is cheaper, and two copies cannot disagree.

use std::{borrow::Cow, collections::HashMap, hash::Hasher as _};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Map;
use sha2::{Digest as _, Sha256};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::corrupt;
use crate::{
    model::{
        catalogue::Action,
        disclosure::{Disclosure, Part, Redacted, Salt},
        error::Error,
        event::{Actor, ActorType, Entity, Event, Outcome},
        id::{TokenId, WorkspaceId},
        keys::{Position, workspace_of},
        scope::Scope,
        timestamp::Timestamp,
        token::{HashedToken, WorkspaceToken},
    },
    text::json::canonical,
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The attributes of an item, in the order in which they are written.
pub(super) type Attributes = Vec<(&'static str, AttributeValue)>;

/// Builds an item attribute by attribute.
#[derive(Default)]
pub(super) struct Writer(pub(super) Attributes);

impl Writer {
    pub(super) fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, AttributeValue::S(value.into())));
        self
    }

    pub(super) fn number(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.push((name, AttributeValue::N(value.to_string())));
        self
    }

    pub(super) fn optional(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(super) fn bytes(mut self, name: &'static str, value: &[u8]) -> Self {
        self.0.push((name, AttributeValue::B(value.to_vec().into())));
        self
    }

    pub(super) fn finish(self) -> Item {
        self.0.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The item of an event in its partition.
pub(super) fn from_event(event: &Event, partition: &str) -> Item {
    Writer(attributes_of(event, partition)).finish()
}

/// The attributes of an event's item. The template lists their names for each role that records events.
pub(super) fn attributes_of(event: &Event, partition: &str) -> Attributes {
    let Event {
        workspace: _,
        id: _,
        action,
        timestamp: _,
        received_at,
        outcome,
        description,
        actor,
        entity,
        context,
        changes,
        disclosure,
        sequence,
    } = event;
    let item = Writer::default()
        .text("workspace", partition)
        .text("timestamp", event.position().sort_key())
        .text("action", action.name())
        .number("received_at", received_at.unix_microseconds())
        .optional("outcome", (*outcome != Outcome::default()).then_some("failure"))
        .optional("description", description.clone())
        .optional("actor_id", actor.as_ref().map(|actor| &actor.user_id))
        .optional("actor", actor.as_ref().and_then(ActorRest::of))
        .optional("entity_type", entity.as_ref().map(|entity| &entity.entity_type))
        .optional("entity_id", entity.as_ref().map(|entity| &entity.entity_id))
        .optional("entity_name", entity.as_ref().and_then(|entity| entity.entity_name.as_ref()))
        .optional("context", (!context.is_empty()).then(|| canonical(context)))
        .optional("changes", (!changes.is_empty()).then(|| canonical(changes)));
    let item = match disclosure {
        Disclosure::Whole(salt) => item.bytes("salt", salt.as_bytes()),
        Disclosure::Redacted(redacted) => item.text("redacted", canonical(redacted)),
    };
    let digest = digest(&item.0, disclosure);
    let item = item.bytes("digest", &digest);
    match sequence {
        Some(sequence) => item.number("sequence", sequence),
        None => item,
    }
    .0
}

/// A digest of everything in an event that its sender decides. With it a writer that may not read events distinguishes a
/// retry from another event with the same key. It covers the parts that are not erased, and a redaction replaces it.
///
/// The digest's key is the event's salt, which is generated after the content was received, so a sender cannot make content
/// for a given digest. A redaction deletes the salt, so that an erased value cannot be guessed with a backup of the digest.
/// SipHash is enough for this, and costs a tenth of SHA-256.
pub(super) fn digest(attributes: &[(&'static str, AttributeValue)], disclosure: &Disclosure) -> [u8; 16] {
    let key = match disclosure {
        Disclosure::Whole(salt) => *salt.bytes(),
        Disclosure::Redacted(redacted) => {
            let hash = Sha256::digest(canonical(redacted));
            std::array::from_fn(|index| hash[index])
        }
    };
    let is_erased = |name| {
        Part::ALL.into_iter().any(|part| disclosure.is_erased(part) && self::attributes(part).contains(&name))
    };
    let mut content: Vec<_> =
        attributes.iter().filter(|(name, _)| !is_ours(name) && !is_erased(name)).collect();
    content.sort_unstable_by_key(|(name, _)| *name);
    let mut hasher = SipHasher24::new_with_key(&key);
    for (name, value) in content {
        let (kind, value) = match value {
            AttributeValue::S(text) => (b'S', text.as_bytes()),
            AttributeValue::N(number) => (b'N', number.as_bytes()),
            AttributeValue::B(bytes) => (b'B', bytes.as_ref()),
            // Our items have only these three kinds of values.
            _ => (b'?', name.as_bytes()),
        };
        hasher.write(name.as_bytes());
        hasher.write(&[0, kind]);
        hasher.write(&value.len().to_le_bytes());
        hasher.write(value);
    }
    hasher.finish128().as_bytes()
}

/// Whether an attribute of an event's item is part of its key or set by the service. The sender decides all others.
fn is_ours(name: &str) -> bool {
    matches!(
        name,
        "workspace"
            | "timestamp"
            | "received_at"
            | "sequence"
            | "salt"
            | "redacted"
            | "expires_at"
            | "digest"
    )
}

pub(super) fn to_event(item: &Item) -> Result<Event, Error> {
    let Position { timestamp, id } =
        Position::from_sort_key(text(item, "timestamp")?).ok_or_else(|| corrupt("an event's sort key"))?;
    let disclosure = disclosure(item)?;
    let actor = actor(item)?;
    if actor.is_none() != disclosure.is_erased(Part::Actor) {
        return Err(corrupt("an event's actor"));
    }
    Ok(Event {
        workspace: parsed(item, "workspace", workspace_of)?,
        id,
        action: parsed(item, "action", Action::parse_lenient)?,
        timestamp,
        received_at: received_at(item)?,
        outcome: if item.contains_key("outcome") { Outcome::Failure } else { Outcome::Success },
        description: optional_text(item, "description"),
        actor,
        entity: entity(item)?,
        context: json(item, "context")?.unwrap_or_else(Map::new),
        changes: json(item, "changes")?.unwrap_or_default(),
        disclosure,
        sequence: optional(item, "sequence", |value| value.as_n().ok()?.parse().ok())?,
    })
}

/// The members of an actor without its id, which is a separate attribute because an index uses it.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ActorRest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "is_user")]
    kind: ActorType,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<Cow<'a, Actor>>,
}

fn is_user(kind: &ActorType) -> bool {
    *kind == ActorType::default()
}

impl ActorRest<'_> {
    /// The members as JSON; `None` if the actor has only an id.
    fn of(actor: &Actor) -> Option<String> {
        let Actor { user_id: _, username, ip, user_agent, kind, on_behalf_of } = actor;
        let rest = ActorRest {
            username: username.as_deref().map(Cow::Borrowed),
            ip: ip.as_deref().map(Cow::Borrowed),
            user_agent: user_agent.as_deref().map(Cow::Borrowed),
            kind: *kind,
            on_behalf_of: on_behalf_of.as_deref().map(Cow::Borrowed),
        };
        (rest != ActorRest::default()).then(|| canonical(&rest))
    }
}

fn actor(item: &Item) -> Result<Option<Actor>, Error> {
    let rest = json::<ActorRest<'_>>(item, "actor")?;
    let Some(user_id) = optional_text(item, "actor_id") else {
        return rest.map_or(Ok(None), |_| Err(corrupt("an event's actor_id")));
    };
    let ActorRest { username, ip, user_agent, kind, on_behalf_of } = rest.unwrap_or_default();
    Ok(Some(Actor {
        user_id,
        username: username.map(Cow::into_owned),
        ip: ip.map(Cow::into_owned),
        user_agent: user_agent.map(Cow::into_owned),
        kind,
        on_behalf_of: on_behalf_of.map(|other| Box::new(other.into_owned())),
    }))
}

fn entity(item: &Item) -> Result<Option<Entity>, Error> {
    match ["entity_type", "entity_id", "entity_name"].map(|name| optional_text(item, name)) {
        [Some(entity_type), Some(entity_id), entity_name] => {
            Ok(Some(Entity { entity_type, entity_id, entity_name }))
        }
        [None, None, None] => Ok(None),
        _ => Err(corrupt("an event's entity")),
    }
}

pub(super) fn disclosure(item: &Item) -> Result<Disclosure, Error> {
    if let Some(redacted) = json::<Redacted>(item, "redacted")? {
        return if redacted.is_sound() {
            Ok(Disclosure::Redacted(redacted))
        } else {
            Err(corrupt("an event's redaction"))
        };
    }
    Ok(Disclosure::Whole(Salt::from_bytes(array(item, "salt")?)))
}

/// The attributes that hold a part. Erasing the part removes them.
pub(super) fn attributes(part: Part) -> &'static [&'static str] {
    match part {
        Part::Actor => &["actor", "actor_id"],
        Part::Changes => &["changes"],
        Part::Context => &["context"],
        Part::Description => &["description"],
        Part::Entity => &["entity_type", "entity_id", "entity_name"],
    }
}

pub(super) fn from_token(token: &WorkspaceToken) -> Attributes {
    let WorkspaceToken {
        id,
        workspace,
        name,
        scopes,
        hash,
        created_by,
        created_at,
        expires_at,
        revoked_at,
        last_used_on,
    } = token;
    Writer::default()
        .text("token", id.as_str())
        .text("workspace", workspace.as_str())
        .text("name", name)
        .text("scopes", Scope::join(scopes))
        .bytes("hash", hash.as_bytes())
        .text("created_by", created_by)
        .text("created_at", created_at.to_string())
        .text("expires_at", expires_at.to_string())
        .optional("revoked_at", revoked_at.map(|time| time.to_string()))
        .optional("last_used_on", last_used_on.clone())
        .0
}

pub(super) fn to_token(item: &Item) -> Result<WorkspaceToken, Error> {
    fn time(value: &AttributeValue) -> Option<Timestamp> {
        Timestamp::parse(value.as_s().ok()?).ok()
    }
    let required_time = |name| parsed(item, name, |time| Timestamp::parse(time).ok());
    let hash = item
        .get("hash")
        .and_then(|value| value.as_b().ok())
        .and_then(|bytes| HashedToken::from_bytes(bytes.as_ref()));
    Ok(WorkspaceToken {
        id: parsed(item, "token", |id| TokenId::parse(id).ok())?,
        workspace: parsed(item, "workspace", |name| WorkspaceId::parse(name).ok())?,
        name: text(item, "name")?.to_owned(),
        scopes: parsed(item, "scopes", Scope::parse_list)?,
        hash: hash.ok_or_else(|| corrupt("a token's hash"))?,
        created_by: text(item, "created_by")?.to_owned(),
        created_at: required_time("created_at")?,
        expires_at: required_time("expires_at")?,
        revoked_at: optional(item, "revoked_at", time)?,
        last_used_on: optional_text(item, "last_used_on"),
    })
}

/// When an event was received. Microseconds since 1970 take a third of the bytes of a text.
pub(super) fn received_at(item: &Item) -> Result<Timestamp, Error> {
    fn time(value: &AttributeValue) -> Option<Timestamp> {
        Timestamp::from_unix_microseconds(value.as_n().ok()?.parse().ok()?)
    }
    optional(item, "received_at", time)?.ok_or_else(|| corrupt("an item's received_at"))
}

/// The whole key of an event's item: its partition key and its sort key.
pub(super) fn whole_key(item: &Item) -> Result<(String, String), Error> {
    Ok((text(item, "workspace")?.to_owned(), text(item, "timestamp")?.to_owned()))
}

/// A required text.
pub(super) fn text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Error> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or_else(|| corrupt(format!("an item's {name}")))
}

/// A required number.
pub(super) fn number(item: &Item, name: &'static str) -> Result<u64, Error> {
    item.get(name)
        .and_then(|value| value.as_n().ok()?.parse().ok())
        .ok_or_else(|| corrupt(format!("an item's {name}")))
}

/// Required bytes.
pub(super) fn bytes<'a>(item: &'a Item, name: &'static str) -> Result<&'a [u8], Error> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .map(AsRef::as_ref)
        .ok_or_else(|| corrupt(format!("an item's {name}")))
}

/// Required bytes of a fixed length.
pub(super) fn array<const LENGTH: usize>(item: &Item, name: &'static str) -> Result<[u8; LENGTH], Error> {
    bytes(item, name)?.try_into().map_err(|_| corrupt(format!("an item's {name}")))
}

fn optional_text(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

fn parsed<T>(item: &Item, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    parse(text(item, name)?).ok_or_else(|| corrupt(format!("an item's {name}")))
}

/// An optional attribute. A value that is not in our form is an error.
pub(super) fn optional<T>(
    item: &Item,
    name: &'static str,
    read: impl FnOnce(&AttributeValue) -> Option<T>,
) -> Result<Option<T>, Error> {
    item.get(name).map(|value| read(value).ok_or_else(|| corrupt(format!("an item's {name}")))).transpose()
}

/// An optional attribute with JSON.
pub(super) fn json<T: DeserializeOwned>(item: &Item, name: &'static str) -> Result<Option<T>, Error> {
    optional(item, name, |value| serde_json::from_str(value.as_s().ok()?).ok())
}
