//! The users, groups, resources and privileges that an event names, in its entity or its context.
//!
//! Products name the two sides of an action in either order: a member added to a group is the entity in one product and
//! a member of the context in another. So each side is looked for in both places. `docs/ocsf.md` documents the names.

use serde_json::{Map, Value, json};

use super::{OTHER, present};
use crate::model::event::{Change, Entity};

/// A kind of thing that an action concerns, and its names: `W` is the type of an entity; in the context, `W_id`, `W_name`
/// and the like are its members, and `W` itself is a name or an object with an id and a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its name as a resource.
    name: &'static str,
    words: &'static [&'static str],
}

pub(super) const USER: Kind =
    Kind { name: "user", words: &["member", "user", "invitee", "org_user", "workspace_member", "person"] };
pub(super) const GROUP: Kind = Kind { name: "group", words: &["group", "user_group"] };
pub(super) const TOKEN: Kind = Kind {
    name: "token",
    words: &["token", "api_token", "workspace_token", "member_token", "key", "api_key", "member_key"],
};
pub(super) const COLLECTION: Kind =
    Kind { name: "collection", words: &["collection", "workspace_collection", "space"] };
pub(super) const CONNECTION: Kind =
    Kind { name: "connection", words: &["connection", "workspace_connection", "data_source"] };
pub(super) const WORKSPACE: Kind = Kind { name: "workspace", words: &["workspace", "organization"] };
const ROLE: Kind = Kind { name: "role", words: &["role", "access", "permission"] };
const INVITATION: Kind = Kind { name: "invitation", words: &["invitation", "invite"] };

/// The kinds that are resources wherever the context names them.
const RESOURCES: [Kind; 8] = [
    COLLECTION,
    CONNECTION,
    Kind { name: "report", words: &["report"] },
    Kind { name: "query", words: &["query", "sql"] },
    Kind { name: "visualization", words: &["visualization", "chart"] },
    Kind { name: "notebook", words: &["notebook"] },
    Kind { name: "schedule", words: &["report_schedule", "schedule"] },
    Kind { name: "channel", words: &["channel", "slack_channel"] },
];

/// Words that are no names by themselves: a query is its text, and a token may be a secret.
const NOT_NAMES: [&str; 9] =
    ["query", "sql", "token", "api_token", "workspace_token", "member_token", "key", "api_key", "member_key"];

/// The members of the context that have a privilege.
const PRIVILEGES: [&str; 12] = [
    "role",
    "roles",
    "new_role",
    "access",
    "new_access",
    "access_level",
    "permission",
    "permissions",
    "privilege",
    "privileges",
    "level",
    "access_type",
];
/// Values of a role that mean that there is none.
const NONE: [&str; 4] = ["none", "no_access", "no access", ""];

/// The members of an event that are not mapped yet.
pub(super) struct Parties<'a> {
    pub(super) action: &'a str,
    pub(super) activity_id: u8,
    pub(super) workspace: &'a str,
    pub(super) entity: Option<&'a Entity>,
    pub(super) context: Map<String, Value>,
    pub(super) changes: &'a [Change],
    /// The name of a party that the event does not name.
    pub(super) absent: &'static str,
}

/// A party, as the event names it.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    uid: Option<String>,
    name: Option<String>,
    email: Option<String>,
    kind: Option<String>,
}

impl Parties<'_> {
    /// The user, group or other thing of a kind: the entity if it is of the kind, completed by the context, or else the one
    /// in the context.
    pub(super) fn find(&mut self, kind: &Kind) -> Option<Found> {
        let entity = self.entity.take_if(|entity| kind.is(&entity.entity_type)).map(Found::from);
        let named = self.named(kind, entity.as_ref());
        match (entity, named) {
            (Some(entity), Some(named)) => Some(Found {
                uid: entity.uid.or(named.uid),
                name: entity.name.or(named.name),
                email: entity.email.or(named.email),
                kind: entity.kind,
            }),
            (entity, named) => entity.or(named),
        }
    }

    /// The user who is added, removed, invited or notified.
    pub(super) fn user(&mut self) -> Option<Found> {
        let user = self.find(&USER);
        if user.as_ref().is_some_and(|user| user.email.is_some()) {
            return user;
        }
        match (user, self.mailbox()) {
            (Some(user), Some(email)) => Some(Found { email: Some(email), ..user }),
            (user, email) => user.or(email.map(|email| Found { email: Some(email), ..Found::default() })),
        }
    }

    /// The entity as a user, if its type does not say that it is a thing.
    pub(super) fn entity_as_user(&mut self) -> Option<Found> {
        let entity = self.entity?;
        if INVITATION.is(&entity.entity_type) {
            // The invitation stays in `unmapped`: its id is not that of a user.
            let name = entity.entity_name.clone()?;
            let email = is_email(&name).then(|| name.clone());
            return Some(Found { name: Some(name), email, ..Found::default() });
        }
        let things = [GROUP, TOKEN, WORKSPACE, ROLE];
        if RESOURCES.iter().chain(&things).any(|kind| kind.is(&entity.entity_type)) {
            return None;
        }
        self.entity.take().map(Found::from)
    }

    /// The entity, if it was not mapped yet.
    pub(super) fn rest_of_entity(&mut self) -> Option<Found> {
        self.entity.take_if(|entity| !ROLE.is(&entity.entity_type)).map(Found::from)
    }

    /// The e-mail address of a user in the context.
    fn mailbox(&mut self) -> Option<String> {
        let name = ["email", "recipient"].into_iter().find(|name| self.text(name).is_some_and(is_email))?;
        self.take(name)
    }

    /// A party, or the name of one that the event does not name.
    pub(super) fn or_absent(&self, party: Option<Value>) -> Value {
        party.unwrap_or_else(|| json!({"name": self.absent}))
    }

    /// The resources: the entity, and those that the context names.
    pub(super) fn resources(&mut self) -> Vec<Value> {
        let mut found: Vec<_> =
            self.rest_of_entity().map(|entity| entity.resource(None)).into_iter().collect();
        for kind in &RESOURCES {
            if let Some(named) = self.named(kind, None) {
                let resource = named.resource(Some(kind.name));
                if found.iter().all(|other| other["uid"].is_null() || other["uid"] != resource["uid"]) {
                    found.push(resource);
                }
            }
        }
        found
    }

    /// The only resource that a class has: the entity, or else the first one that the context names.
    pub(super) fn resource(&mut self) -> Option<Value> {
        if let Some(entity) = self.rest_of_entity() {
            return Some(entity.resource(None));
        }
        RESOURCES.iter().find_map(|kind| self.named(kind, None).map(|named| named.resource(Some(kind.name))))
    }

    /// Takes a text out of the context, because it is mapped.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?.to_owned();
        self.context.remove(name);
        Some(text)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.context.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Takes the members about a kind out of the context; if `entity` is known, only members about the entity.
    fn named(&mut self, kind: &Kind, entity: Option<&Found>) -> Option<Found> {
        let (names, found) = kind.words.iter().map(|word| self.read(kind, word)).find(|(_, found)| {
            !found.is_empty() && !entity.is_some_and(|entity| entity.differs_from(found))
        })?;
        for name in names {
            self.context.remove(&name);
        }
        Some(found)
    }

    /// Reads the members of the context about `word`. The list has the names of those that are mapped completely.
    fn read(&self, kind: &Kind, word: &str) -> (Vec<String>, Found) {
        let (mut names, mut pick) = (Vec::new(), Found::default());
        if let Some(Value::Object(object)) = self.context.get(word) {
            let members =
                |wanted: &[&str]| wanted.iter().find_map(|name| object.get(*name).and_then(short_text));
            let id_name = format!("{word}_id");
            pick.uid = members(&["id", "uid", &id_name, "token"]);
            pick.name = members(&["username", "name", &format!("{word}_name"), &format!("{word}_username")]);
            pick.email = members(&["email"]).filter(|email| *kind == USER && is_email(email));
            let mapped = [&pick.uid, &pick.name, &pick.email].into_iter().flatten().count();
            if mapped == object.len() && object.values().all(Value::is_string) {
                names.push(word.to_owned());
            }
            return (names, pick);
        }
        let mut read = |suffixes: &[&str]| {
            suffixes.iter().find_map(|suffix| {
                let name = format!("{word}{suffix}");
                let value = self.context.get(&name)?;
                let text = short_text(value)?;
                if value.is_string() {
                    names.push(name);
                }
                Some(text)
            })
        };
        pick.uid = read(&["_id", "_uid"]);
        let bare = if NOT_NAMES.contains(&word) { "_name" } else { "" };
        pick.name = read(&["_username", "name", "_name", bare]);
        if *kind == USER {
            pick.email = read(&["_email"]);
        }
        if pick.email.as_deref().is_some_and(|email| !is_email(email)) {
            let text = pick.email.take();
            match &pick.name {
                Some(_) => names.retain(|name| !name.ends_with("_email")),
                None => pick.name = text,
            }
        }
        (names, pick)
    }

    /// The privileges that were granted or revoked: those in the context, or else in the changes, or else the entity if it is
    /// a role.
    pub(super) fn privileges(&mut self) -> Vec<String> {
        let named = PRIVILEGES.iter().find_map(|name| Some((*name, listed(self.context.get(*name)?)?)));
        if let Some((name, privileges)) = named {
            self.context.remove(name);
            return privileges;
        }
        let (old, new) = self.changed_privileges();
        let changed = if self.activity_id == super::REVOKE { old } else { new };
        if !changed.is_empty() {
            return changed;
        }
        self.role_entity().into_iter().collect()
    }

    /// The entity as a privilege, if it is a role. It stays in `unmapped`, because a role is no resource.
    fn role_entity(&self) -> Option<String> {
        let role = self.entity.filter(|entity| ROLE.is(&entity.entity_type))?;
        Some(role.entity_name.clone().unwrap_or_else(|| role.entity_id.clone()))
    }

    /// The old and the new privileges in the changes.
    pub(super) fn changed_privileges(&self) -> (Vec<String>, Vec<String>) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for Change { path, old, new } in self.changes {
            let last = path.rsplit('/').find(|step| step.parse::<usize>().is_err()).unwrap_or_default();
            if PRIVILEGES.contains(&last.to_ascii_lowercase().as_str()) {
                before.extend(listed(old).unwrap_or_default());
                after.extend(listed(new).unwrap_or_default());
            }
        }
        (before, after)
    }

    /// Whether a change of access leaves no privilege, so that it revokes.
    pub(super) fn revokes(&self) -> bool {
        let (old, new) = self.changed_privileges();
        let is_in_context = PRIVILEGES.iter().any(|name| self.context.get(*name).and_then(listed).is_some());
        self.action.ends_with("_changed") && !is_in_context && new.is_empty() && !old.is_empty()
    }

    /// Whether the action gives a privilege of administrators that was not there before.
    pub(super) fn grants_admin(&self) -> bool {
        let (old, mut new) = self.changed_privileges();
        new.extend(PRIVILEGES.iter().filter_map(|name| listed(self.context.get(*name)?)).flatten());
        new.extend(self.role_entity());
        new.iter().any(|role| is_admin(role)) && !old.iter().any(|role| is_admin(role))
    }
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether an entity of this type is of the kind. Case and the separator of words do not matter.
    fn is(&self, entity_type: &str) -> bool {
        let name = entity_type.to_ascii_lowercase().replace(['-', ' ', '.'], "_");
        self.words.contains(&name.as_str())
    }
}

impl Found {
    /// The user object.
    pub(super) fn user(self) -> Value {
        let Self { uid, name, email, kind } = self;
        let name = name.or_else(|| if uid.is_none() { email.clone() } else { None });
        let email = email.or_else(|| name.clone().filter(|name| is_email(name)));
        let (type_id, kind) = match kind {
            Some(kind) if !USER.is(&kind) => (OTHER, kind),
            Some(kind) if kind != "user" => (1, kind),
            _ => (1, "User".to_owned()),
        };
        present(json!({"uid": uid, "name": name, "email_addr": email, "type_id": type_id, "type": kind}))
    }

    /// A group or a resource. `kind` is its type if the event does not name one.
    pub(super) fn resource(self, kind: Option<&str>) -> Value {
        let Self { uid, name, email, kind: own } = self;
        let kind = own.or_else(|| kind.map(str::to_owned));
        let (name, email) = if name.is_none() { (email, None) } else { (name, email) };
        let data = email.map(|email| json!({"email": email}));
        present(json!({"uid": uid, "name": name, "type": kind, "data": data}))
    }

    /// The managed entity.
    pub(super) fn managed(self, kind: Option<&str>) -> Value {
        let kinds = [(&USER, 2), (&GROUP, 3)];
        let own = self.kind.as_deref().or(kind).unwrap_or_default();
        let type_id = kinds.iter().find(|(kind, _)| kind.is(own)).map_or(OTHER, |(_, id)| *id);
        let mut entity = self.resource(kind);
        entity["type_id"] = json!(type_id);
        entity
    }

    /// Whether two descriptions are not of the same party.
    fn differs_from(&self, other: &Self) -> bool {
        [(&self.uid, &other.uid), (&self.name, &other.name), (&self.email, &other.email)]
            .iter()
            .any(|(one, other)| one.is_some() && other.is_some() && one != other)
    }

    fn is_empty(&self) -> bool {
        self.uid.is_none() && self.name.is_none() && self.email.is_none()
    }
}

impl From<&Entity> for Found {
    fn from(Entity { entity_type, entity_id, entity_name }: &Entity) -> Self {
        let (uid, name, kind) = (Some(entity_id.clone()), entity_name.clone(), Some(entity_type.clone()));
        Self { uid, name, email: None, kind }
    }
}

/// A text, or a number as text.
fn short_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The privileges that a value names: a text, an object with a name, or a list of these. `None` if it names none.
fn listed(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) if NONE.contains(&text.trim().to_ascii_lowercase().as_str()) => None,
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) if !values.is_empty() => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// Whether a role is one of administrators.
fn is_admin(role: &str) -> bool {
    let role = role.to_ascii_lowercase();
    role.contains("admin") || role.contains("owner") || role == "root" || role == "superuser"
}

/// Whether the framework accepts a text as an e-mail address.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((host, zone)) = domain.split_once('.') else { return false };
    fn all(text: &str, more: &str) -> bool {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    }
    all(local, "!#$%&'*+,-./=?^_`{|}~") && all(host, "-") && all(zone, "-.")
}
