//! What of each event a stream leaves out.
//!
//! A mask is a path into an event as the API answers it. What it names does not leave: a whole part is left out as a
//! redaction would erase it, a member that an event may lack is lacking, and a value within context or changes is
//! null. So what a receiver gets is always an event. A part of which anything is masked has its digest in `redacted`
//! in place of its salt, so that nobody can try out what the value was, and the event can be proved all the same,
//! but for what is left of that part.
//!
//! What names an event cannot be masked: its id, timestamp, action and sequence, and who an actor or an entity is
//! unless the whole of them is left out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::filter::read_list;
use crate::{
    disclosure::Part,
    event::{Actor, Event},
    members::Members,
};

/// The most paths that a stream may mask.
pub const MAX_MASKS: usize = 50;
/// The longest path, in bytes.
const MAX_BYTES: usize = 512;
/// Any member of an object, or any element of a list.
const ANY: &str = "*";

/// A path into an event, and what is left out there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    path: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Part(Part),
    Actor(ActorMember),
    EntityName,
    /// A value within the context, step by step.
    Context(Vec<String>),
    ChangeOld,
    ChangeNew,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActorMember {
    Username,
    Ip,
    UserAgent,
    OnBehalfOf,
}

/// Why a text is not a path that can be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be /actor, /entity, /context, /changes or /description, or /actor/username, ip, user_agent or on_behalf_of, /entity/entity_name, /changes/*/old or new, or a path within /context, where * is any member"
)]
pub struct InvalidMask;

impl Mask {
    /// Reads a path: a JSON pointer (RFC 6901), in which `*` is any member or element.
    pub fn parse(path: &str) -> Result<Self, InvalidMask> {
        if path.len() > MAX_BYTES {
            return Err(InvalidMask);
        }
        let steps = path.strip_prefix('/').ok_or(InvalidMask)?.split('/').collect::<Vec<_>>();
        let target = match steps.as_slice() {
            ["context", rest @ ..] if !rest.is_empty() => {
                let unescape =
                    |step: &&str| (!step.is_empty()).then(|| step.replace("~1", "/").replace("~0", "~"));
                Target::Context(rest.iter().map(unescape).collect::<Option<_>>().ok_or(InvalidMask)?)
            }
            [part] => Target::Part(Part::parse(part).ok_or(InvalidMask)?),
            ["actor", "username"] => Target::Actor(ActorMember::Username),
            ["actor", "ip"] => Target::Actor(ActorMember::Ip),
            ["actor", "user_agent"] => Target::Actor(ActorMember::UserAgent),
            ["actor", "on_behalf_of"] => Target::Actor(ActorMember::OnBehalfOf),
            ["entity", "entity_name"] => Target::EntityName,
            ["changes", ANY, "old"] => Target::ChangeOld,
            ["changes", ANY, "new"] => Target::ChangeNew,
            _ => return Err(InvalidMask),
        };
        Ok(Self { path: path.to_owned(), target })
    }

    /// Reads the list of a stream's masks; what is wrong with it is noted.
    pub fn read_list(object: &mut Members<'_>, name: &str) -> Vec<Self> {
        read_list(object, name, |path| Self::parse(path).map_err(|error| ("invalid_path", error.to_string())))
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn part(&self) -> Part {
        match &self.target {
            Target::Part(part) => *part,
            Target::Actor(_) => Part::Actor,
            Target::EntityName => Part::Entity,
            Target::Context(_) => Part::Context,
            Target::ChangeOld | Target::ChangeNew => Part::Changes,
        }
    }

    fn apply(&self, event: &mut Event) {
        match &self.target {
            // Left out already, with its digest.
            Target::Part(_) => {}
            Target::Actor(member) => {
                if let Some(actor) = &mut event.actor {
                    leave_out(actor, *member);
                }
            }
            Target::EntityName => {
                if let Some(entity) = &mut event.entity {
                    entity.entity_name = None;
                }
            }
            Target::Context(steps) => nullify_members(&mut event.context, steps),
            Target::ChangeOld => event.changes.iter_mut().for_each(|change| change.old = Value::Null),
            Target::ChangeNew => event.changes.iter_mut().for_each(|change| change.new = Value::Null),
        }
    }
}

/// The event as a stream with these masks sends it.
pub fn masked(event: &Event, masks: &[Mask]) -> Event {
    if masks.is_empty() {
        return event.clone();
    }
    let parts: Vec<_> = masks.iter().map(Mask::part).collect();
    let whole = |mask: &Mask| matches!(mask.target, Target::Part(_)).then(|| mask.part());
    let mut left = event.redact(&masks.iter().filter_map(whole).collect::<Vec<_>>());
    left.disclosure = event.disclosure.erase(&parts, |part| event.part(part));
    for mask in masks {
        mask.apply(&mut left);
    }
    left
}

/// An actor acted for another is one who has all the same members.
fn leave_out(actor: &mut Actor, member: ActorMember) {
    match member {
        ActorMember::Username => actor.username = None,
        ActorMember::Ip => actor.ip = None,
        ActorMember::UserAgent => actor.user_agent = None,
        ActorMember::OnBehalfOf => actor.on_behalf_of = None,
    }
    if let Some(principal) = &mut actor.on_behalf_of {
        leave_out(principal, member);
    }
}

fn nullify_members(members: &mut Map<String, Value>, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else { return };
    for (name, value) in members.iter_mut() {
        if step == ANY || step == name {
            nullify(value, rest);
        }
    }
}

fn nullify(value: &mut Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Null;
        return;
    };
    match value {
        Value::Object(members) => nullify_members(members, steps),
        Value::Array(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                if step == ANY || *step == index.to_string() {
                    nullify(element, rest);
                }
            }
        }
        _ => {}
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalogue::Action,
        disclosure::{Disclosure, Salt},
        event::{ActorType, Change, Entity, Outcome},
        id::{EventId, WorkspaceId},
        ledger::leaf,
        timestamp::Timestamp,
    };

    pub(in crate::stream) fn event() -> Event {
        let now = Timestamp::parse("2025-02-18T10:47:37Z").unwrap();
        let person = |id: &str| Actor {
            username: Some(format!("name of {id}")),
            ip: Some("157.52.123.42".to_owned()),
            user_agent: Some("Mozilla/5.0".to_owned()),
            ..Actor::new(ActorType::User, id)
        };
        let Value::Object(context) =
            json!({"group_name": "admins", "tags": ["a", {"mail": "b@example.com"}], "a/b": 1})
        else {
            unreachable!()
        };
        Event {
            workspace: WorkspaceId::parse("acme").unwrap(),
            id: EventId::parse("e-1").unwrap(),
            action: Action::parse("group_member_added").unwrap(),
            timestamp: now,
            received_at: now,
            outcome: Outcome::Success,
            description: None,
            actor: Some(Actor { on_behalf_of: Some(Box::new(person("u-9"))), ..person("u-1") }),
            entity: Some(Entity {
                entity_type: "group".to_owned(),
                entity_id: "g-1".to_owned(),
                entity_name: Some("Admins".to_owned()),
            }),
            context,
            changes: vec![Change { path: "/role".to_owned(), old: json!("view"), new: json!("edit") }],
            disclosure: Disclosure::Whole(Salt::from_bytes([7; 16])),
            sequence: Some(3),
        }
    }

    fn check(paths: &[&str], pointer: &str, expected: Value) {
        let masks: Vec<_> = paths.iter().map(|path| Mask::parse(path).unwrap()).collect();
        let sent = json!(masked(&event(), &masks));
        assert_eq!(sent.pointer(pointer).cloned().unwrap_or_else(|| json!("lacking")), expected, "{paths:?}");
    }

    #[test]
    fn what_a_path_names_is_left_out_and_nothing_else() {
        check(&["/actor/ip"], "/actor/ip", json!("lacking"));
        check(&["/actor/ip"], "/actor/on_behalf_of/ip", json!("lacking"));
        check(&["/actor/ip"], "/actor/username", json!("name of u-1"));
        check(&["/actor/on_behalf_of"], "/actor/on_behalf_of", json!("lacking"));
        check(&["/actor"], "/actor", Value::Null);
        check(&["/description"], "/description", Value::Null);
        check(&["/entity/entity_name"], "/entity", json!({"entity_type": "group", "entity_id": "g-1"}));
        check(&["/context"], "/context", json!({}));
        check(&["/context/*"], "/context", json!({"group_name": null, "tags": null, "a/b": null}));
        check(&["/context/a~1b"], "/context/a~1b", Value::Null);
        check(&["/context/tags/1/mail"], "/context/tags", json!(["a", {"mail": null}]));
        check(&["/context/*/*/mail"], "/context/tags", json!(["a", {"mail": null}]));
        check(&["/context/absent"], "/context/group_name", json!("admins"));
        check(&["/changes/*/old"], "/changes", json!([{"path": "/role", "old": null, "new": "edit"}]));
        check(&["/changes", "/actor/ip"], "/changes", json!([]));
        check(&["/actor", "/actor/ip"], "/actor", Value::Null);
    }

    #[test]
    fn what_names_an_event_cannot_be_masked() {
        for path in [
            "/id",
            "/timestamp",
            "/action",
            "/sequence",
            "/actor/user_id",
            "/actor/type",
            "/entity/entity_id",
            "/salt",
            "/redacted",
            "",
            "actor",
            "/",
            "/actor/",
            "/context/",
            "/context//a",
            "/changes/0/old",
            "/changes/*/path",
            "/*",
            "/outcome",
        ] {
            assert_eq!(Mask::parse(path), Err(InvalidMask), "{path}");
        }
        assert_eq!(Mask::parse(&format!("/context/{}", "a".repeat(512))), Err(InvalidMask));
    }

    #[test]
    fn the_leaf_stays_what_it_was_and_the_salt_of_what_is_masked_goes() {
        let event = event();
        for paths in
            [&["/actor/ip"][..], &["/actor"], &["/context/group_name", "/changes/*/new"], &["/description"]]
        {
            let masks: Vec<_> = paths.iter().map(|path| Mask::parse(path).unwrap()).collect();
            let sent = masked(&event, &masks);
            assert_eq!(leaf(&sent), leaf(&event), "{paths:?}");
            let Disclosure::Redacted(redacted) = &sent.disclosure else { panic!("{paths:?}") };
            assert!(masks.iter().all(|mask| !redacted.salts.contains_key(&mask.part())), "{paths:?}");
        }
        assert_eq!(masked(&event, &[]), event);
    }
}
