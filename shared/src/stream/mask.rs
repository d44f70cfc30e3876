//! Masks: the values that a stream leaves out of each event.
//!
//! A mask is a path into an event in the format of the API. A masked part is left out like a redacted part, a masked
//! optional member is absent, and a masked value within context or changes is null. So a receiver always gets a valid
//! event. A part with a masked value has its digest in `redacted` in place of its salt, so that a receiver cannot guess the
//! value by trial. The proof of the event still holds, but does not cover the rest of that part.
//!
//! Names within context and changes are compared without regard to case, so that `Email` does not escape a mask for
//! `email`.
//!
//! The members that identify an event cannot be masked: its id, timestamp, action and sequence, and the ids of its actor
//! and entity unless the whole part is left out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::filter::read_list;
use crate::{
    intake::members::Members,
    model::{
        disclosure::Part,
        event::{Actor, Event},
    },
};

/// The most masks of a stream.
pub const MAX_MASKS: usize = 50;
/// The longest path, in bytes.
const MAX_BYTES: usize = 512;
/// The step to any member of an object, or any element of a list.
const ANY: &str = "*";
/// The step over any number of nested members and elements, including none.
const ANY_DEPTH: &str = "**";
/// The most `**` in a path. Each makes the search through a value longer.
const MAX_ANY_DEPTH: usize = 2;

/// A path into an event, and the values that it masks.
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
    Context(Vec<Step>),
    /// The old value of a change, or a value within it.
    ChangeOld(Vec<Step>),
    /// The new value of a change, or a value within it.
    ChangeNew(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Any,
    AnyDepth,
    /// In lower case.
    Name(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActorMember {
    Username,
    Ip,
    UserAgent,
    OnBehalfOf,
}

/// The text is not a path that can be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be /actor, /entity, /context, /changes or /description, or /actor/username, ip, user_agent or on_behalf_of, /entity/entity_name, /changes/*/old or new, or a path within /context, /changes/*/old or /changes/*/new, where * is any member or element and ** (twice at most) any number of them"
)]
pub struct InvalidMask;

impl Mask {
    /// Parses a path: a JSON pointer (RFC 6901) in which `*` is any member or element, and `**` any number of them.
    pub fn parse(path: &str) -> Result<Self, InvalidMask> {
        if path.len() > MAX_BYTES {
            return Err(InvalidMask);
        }
        let steps = path.strip_prefix('/').ok_or(InvalidMask)?.split('/').collect::<Vec<_>>();
        let target = match steps.as_slice() {
            ["context", rest @ ..] if !rest.is_empty() => Target::Context(Step::parse_all(rest)?),
            [part] => Target::Part(Part::parse(part).ok_or(InvalidMask)?),
            ["actor", "username"] => Target::Actor(ActorMember::Username),
            ["actor", "ip"] => Target::Actor(ActorMember::Ip),
            ["actor", "user_agent"] => Target::Actor(ActorMember::UserAgent),
            ["actor", "on_behalf_of"] => Target::Actor(ActorMember::OnBehalfOf),
            ["entity", "entity_name"] => Target::EntityName,
            ["changes", ANY, "old", rest @ ..] => Target::ChangeOld(Step::parse_all(rest)?),
            ["changes", ANY, "new", rest @ ..] => Target::ChangeNew(Step::parse_all(rest)?),
            _ => return Err(InvalidMask),
        };
        Ok(Self { path: path.to_owned(), target })
    }

    /// Reads the list of a stream's masks; problems are added to the list of problems.
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
            Target::ChangeOld(_) | Target::ChangeNew(_) => Part::Changes,
        }
    }

    fn apply(&self, event: &mut Event) {
        match &self.target {
            // `masked` has left out the whole part already.
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
            Target::ChangeOld(steps) => {
                event.changes.iter_mut().for_each(|change| nullify(&mut change.old, steps));
            }
            Target::ChangeNew(steps) => {
                event.changes.iter_mut().for_each(|change| nullify(&mut change.new, steps));
            }
        }
    }
}

/// The event without the values that these masks name.
pub fn masked(event: &Event, masks: &[Mask]) -> Event {
    if masks.is_empty() {
        return event.clone();
    }
    let parts: Vec<_> = masks.iter().map(Mask::part).collect();
    fn whole(mask: &Mask) -> Option<Part> {
        matches!(mask.target, Target::Part(_)).then(|| mask.part())
    }
    let mut left = event.redact(&masks.iter().filter_map(whole).collect::<Vec<_>>());
    left.disclosure = event.disclosure.erase(&parts, |part| event.part(part));
    for mask in masks {
        mask.apply(&mut left);
    }
    left
}

/// Leaves out a member of an actor and of the users on whose behalf it acted.
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

impl Step {
    fn parse_all(steps: &[&str]) -> Result<Vec<Self>, InvalidMask> {
        let steps = steps.iter().map(|step| Self::parse(step)).collect::<Result<Vec<_>, _>>()?;
        let deep = steps.iter().filter(|step| **step == Self::AnyDepth).count();
        // A path that ends with `**` would mask the whole part, which has its own path.
        let ends = steps.last() == Some(&Self::AnyDepth);
        if deep > MAX_ANY_DEPTH || ends { Err(InvalidMask) } else { Ok(steps) }
    }

    fn parse(step: &str) -> Result<Self, InvalidMask> {
        match step {
            "" => Err(InvalidMask),
            ANY => Ok(Self::Any),
            ANY_DEPTH => Ok(Self::AnyDepth),
            name => Ok(Self::Name(name.replace("~1", "/").replace("~0", "~").to_lowercase())),
        }
    }

    /// Whether the step leads to a member of this name.
    fn leads_to(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::AnyDepth => false,
            Self::Name(wanted) => *wanted == name.to_lowercase(),
        }
    }
}

fn nullify_members(members: &mut Map<String, Value>, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else { return };
    if *step == Step::AnyDepth {
        nullify_members(members, rest);
        members.values_mut().for_each(|value| nullify_below(value, steps));
        return;
    }
    for (name, value) in members.iter_mut() {
        if step.leads_to(name) {
            nullify(value, rest);
        }
    }
}

fn nullify(value: &mut Value, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Null;
        return;
    };
    match value {
        Value::Object(members) => nullify_members(members, steps),
        Value::Array(elements) if *step == Step::AnyDepth => {
            for (index, element) in elements.iter_mut().enumerate() {
                if rest.first().is_some_and(|step| step.leads_to(&index.to_string())) {
                    nullify(element, &rest[1..]);
                }
                nullify_below(element, steps);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                if step.leads_to(&index.to_string()) {
                    nullify(element, rest);
                }
            }
        }
        _ => {}
    }
}

/// Applies the steps to all nested members and elements of a value.
fn nullify_below(value: &mut Value, steps: &[Step]) {
    if value.is_object() || value.is_array() {
        nullify(value, steps);
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
        ledger::leaf,
        model::{
            catalogue::Action,
            disclosure::{Disclosure, Salt},
            event::{ActorType, Change, Entity, Outcome},
            id::{EventId, WorkspaceId},
            timestamp::Timestamp,
        },
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
    fn only_the_value_of_a_path_is_left_out() {
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
        check(&["/context/**/mail"], "/context/tags", json!(["a", {"mail": null}]));
        check(&["/context/**/MAIL"], "/context/tags", json!(["a", {"mail": null}]));
        check(&["/context/Group_Name"], "/context/group_name", Value::Null);
        check(&["/context/**/group_name"], "/context/group_name", Value::Null);
        check(&["/context/**/1"], "/context/tags", json!(["a", null]));
        check(&["/context/**/*"], "/context", json!({"group_name": null, "tags": null, "a/b": null}));
        check(&["/context/**/tags/**/mail"], "/context/tags", json!(["a", {"mail": null}]));
        check(&["/changes/*/old"], "/changes", json!([{"path": "/role", "old": null, "new": "edit"}]));
        check(&["/changes", "/actor/ip"], "/changes", json!([]));
        check(&["/actor", "/actor/ip"], "/actor", Value::Null);
    }

    #[test]
    fn a_name_is_masked_at_any_depth_and_in_any_case() {
        let context = json!({
            "secret": 1, "a": {"Secret": 2, "b": [{"c": {"SECRET": 3}}, [[{"secret": 4}]]]}, "secrets": 5,
            "ЛОГИН": {"логин": 6},
        });
        let Value::Object(context) = context else { unreachable!() };
        let changes = vec![Change {
            path: "/user".to_owned(),
            old: json!({"p": [{"Password": 1}]}),
            new: json!({"password": 2, "name": "x"}),
        }];
        let event = Event { context, changes, ..event() };
        let paths =
            ["/context/**/secret", "/changes/*/old/**/password", "/changes/*/new/password", "/context/логин"];
        let masks: Vec<_> = paths.iter().map(|path| Mask::parse(path).unwrap()).collect();
        let sent = json!(masked(&event, &masks));
        assert_eq!(
            sent["context"],
            json!({
                "secret": null, "a": {"Secret": null, "b": [{"c": {"SECRET": null}}, [[{"secret": null}]]]}, "secrets": 5,
                "ЛОГИН": null,
            })
        );
        let change = json!([{"path": "/user", "old": {"p": [{"Password": null}]}, "new": {"password": null, "name": "x"}}]);
        assert_eq!(sent["changes"], change);
        assert_eq!(leaf(&masked(&event, &masks)), leaf(&event));
    }

    #[test]
    fn members_that_identify_an_event_cannot_be_masked() {
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
            "/context/**",
            "/context/a/**",
            "/context/**/**/**/a",
            "/changes/*/old/",
            "/changes/**/old",
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
    fn masking_keeps_the_leaf_and_removes_the_salt_of_the_part() {
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
