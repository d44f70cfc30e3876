//! Escapes and cuts the texts of an event so that they can be recorded, and notes in the event which texts were changed.
//!
//! No text keeps an event out of the log: an outsider chooses a user agent, a name or a form field, and must not be able
//! to prevent the audit. The notes (marks) are in the event's context, under [`MEMBER`]. So they are sealed, exported,
//! streamed and erased with the context, and an exported event can be recorded again.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::{
    model::event::{Actor, Change, Entity, Event},
    text::{
        characters::{self, Cut, Kind},
        json::{MAX_KEY_CHARACTERS, push_step},
        problem::shortened,
    },
};

/// The member of `context` with the marks: the places of texts that were escaped or cut.
pub const MEMBER: &str = "audit_log_escaped";

/// The longest name (of an actor or an entity) and address, in characters.
pub const MAX_NAME_CHARACTERS: usize = 255;
/// The longest text (description, user agent, any string within context and changes), in characters.
pub const MAX_TEXT_CHARACTERS: usize = 16 * 1024;
/// The longest path of a change, in characters.
pub const MAX_PATH_CHARACTERS: usize = 1024;

/// The limits to which the texts of an event that is too large are cut, one after another.
pub(crate) const SMALLER_TEXTS: [usize; 6] = [8192, 4096, 2048, 1024, 512, 255];

/// The most marks of an event. Further ones are only counted.
const MAX_MARKS: usize = 20;
/// The longest mark, in bytes.
const MAX_MARK_BYTES: usize = 200;

/// The changed texts of an event: each place with a description of the change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    places: BTreeMap<String, String>,
    more: usize,
}

/// Escapes and cuts all texts of an event, and writes the marks into its context.
pub fn escape(event: &mut Event) {
    let marks = escape_texts(event, MAX_TEXT_CHARACTERS);
    marks.put(&mut event.context);
}

/// The same as [`escape`], for an event some of whose texts were changed before: `changes` has their places.
pub(crate) fn escape_with(event: &mut Event, changes: &[(&str, characters::Change)]) {
    let mut marks = escape_texts(event, MAX_TEXT_CHARACTERS);
    for (place, change) in changes {
        marks.add(place, said(change));
    }
    marks.put(&mut event.context);
}

/// Escapes all texts of an event, and cuts them to at most `max_characters`. Marks that the event already had are moved
/// from its context into the result.
pub(crate) fn escape_texts(event: &mut Event, max_characters: usize) -> Marks {
    let marks = Marks::take(&mut event.context);
    let mut escaping = Escaping { pointer: String::new(), marks, max_characters };
    let Event { description, actor, entity, context, changes, .. } = event;
    if let Some(description) = description {
        escaping.within("description", |escaping| escaping.text(description));
    }
    if let Some(actor) = actor {
        escaping.within("actor", |escaping| escaping.actor(actor));
    }
    if let Some(Entity { entity_type: _, entity_id: _, entity_name: Some(name) }) = entity {
        escaping.within("entity", |escaping| escaping.line("entity_name", name, MAX_NAME_CHARACTERS));
    }
    escaping.within("context", |escaping| escaping.members(context, &[MEMBER]));
    if !changes.is_empty() {
        escaping.within("changes", |escaping| escaping.changes(changes));
    }
    escaping.marks
}

/// Whether a context has marks in the form that this service writes.
pub(crate) fn has_marks(context: &Map<String, Value>) -> bool {
    context.get(MEMBER).is_some_and(|marks| Marks::read(marks).is_some())
}

impl Marks {
    /// Writes the marks into a context, if there are any.
    pub(crate) fn put(mut self, context: &mut Map<String, Value>) {
        if self.more > 0 {
            self.places.entry(String::new()).or_insert_with(|| format!("and {} more", self.more));
        }
        if !self.places.is_empty() {
            let places = self.places.into_iter().map(|(place, mark)| (place, Value::String(mark)));
            context.insert(MEMBER.to_owned(), Value::Object(places.collect()));
        }
    }

    fn take(context: &mut Map<String, Value>) -> Self {
        let Some(places) = context.get(MEMBER).and_then(Self::read) else { return Self::default() };
        context.remove(MEMBER);
        Self { places, more: 0 }
    }

    /// Reads marks that this service wrote: a client may send an event exactly as it read it. `None` for any other value.
    fn read(marks: &Value) -> Option<BTreeMap<String, String>> {
        let places = marks.as_object().filter(|places| (1..=MAX_MARKS + 1).contains(&places.len()))?;
        let read = places.iter().map(|(place, mark)| {
            let mark = mark.as_str().filter(|mark| mark.len() <= MAX_MARK_BYTES)?;
            let mut characters = place.chars().chain(mark.chars());
            let is_ours = shortened(place.clone()) == *place
                && characters.all(|character| characters::may_stand(character, Kind::Line));
            is_ours.then(|| (place.clone(), mark.to_owned()))
        });
        read.collect()
    }

    fn add(&mut self, pointer: &str, mark: String) {
        let place = shortened(pointer.to_owned());
        if let Some(marks) = self.places.get_mut(&place) {
            if !marks.contains(&mark) && marks.len() + mark.len() + 2 <= MAX_MARK_BYTES {
                marks.push_str("; ");
                marks.push_str(&mark);
            }
        } else if self.places.len() < MAX_MARKS {
            self.places.insert(place, mark);
        } else {
            self.more += 1;
        }
    }
}

struct Escaping {
    pointer: String,
    marks: Marks,
    max_characters: usize,
}

impl Escaping {
    fn within(&mut self, name: &str, escape: impl FnOnce(&mut Self)) {
        let parent = push_step(&mut self.pointer, name);
        escape(self);
        self.pointer.truncate(parent);
    }

    fn actor(&mut self, actor: &mut Actor) {
        let Actor { user_id: _, username, ip, user_agent, kind: _, on_behalf_of } = actor;
        if let Some(username) = username {
            self.line("username", username, MAX_NAME_CHARACTERS);
        }
        if let Some(ip) = ip {
            self.line("ip", ip, MAX_NAME_CHARACTERS);
        }
        if let Some(user_agent) = user_agent {
            self.within("user_agent", |escaping| escaping.text(user_agent));
        }
        if let Some(other) = on_behalf_of {
            self.within("on_behalf_of", |escaping| escaping.actor(other));
        }
    }

    fn changes(&mut self, changes: &mut [Change]) {
        for (index, Change { path, old, new }) in changes.iter_mut().enumerate() {
            self.within(&index.to_string(), |escaping| {
                escaping.line("path", path, MAX_PATH_CHARACTERS);
                escaping.within("old", |escaping| escaping.value(old));
                escaping.within("new", |escaping| escaping.value(new));
            });
        }
    }

    fn line(&mut self, name: &str, line: &mut String, max_characters: usize) {
        if let Some(change) = characters::clean(line, Kind::Line, max_characters) {
            self.within(name, |escaping| escaping.marks.add(&escaping.pointer, said(&change)));
        }
    }

    fn text(&mut self, text: &mut String) {
        if let Some(change) = characters::clean(text, Kind::Text, self.max_characters) {
            self.marks.add(&self.pointer, said(&change));
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Object(members) => self.members(members, &[]),
            Value::Array(elements) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    if matches!(element, Value::String(_) | Value::Object(_) | Value::Array(_)) {
                        self.within(&index.to_string(), |escaping| escaping.value(element));
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Escapes the members of an object. Members with a name in `taken` get another name.
    fn members(&mut self, members: &mut Map<String, Value>, taken: &[&str]) {
        if members.keys().any(|name| !is_plain_key(name) || taken.contains(&name.as_str())) {
            self.rename(members, taken);
        }
        for (name, value) in members.iter_mut() {
            if matches!(value, Value::String(_) | Value::Object(_) | Value::Array(_)) {
                self.within(name, |escaping| escaping.value(value));
            }
        }
    }

    /// Escapes and cuts the names of members. A number distinguishes names that become equal.
    fn rename(&mut self, members: &mut Map<String, Value>, taken: &[&str]) {
        let mut times: HashMap<String, usize> = taken.iter().map(|name| ((*name).to_owned(), 1)).collect();
        let sent = std::mem::take(members);
        let (plain, others): (Vec<_>, Vec<_>) = sent.into_iter().partition(|(name, _)| is_plain_key(name));
        for (sent, value) in plain.into_iter().chain(others) {
            let mut name = sent;
            let change = characters::clean(&mut name, Kind::Line, MAX_KEY_CHARACTERS);
            let mut mark = change.as_ref().map(said);
            let cleaned = name.clone();
            while members.contains_key(&name) || taken.contains(&name.as_str()) {
                let number = times.entry(cleaned.clone()).or_insert(1);
                *number += 1;
                let end = format!("~{number}");
                name = cleaned.chars().take(MAX_KEY_CHARACTERS - end.len()).chain(end.chars()).collect();
                mark = Some(mark.unwrap_or_else(|| "another had it".to_owned()));
            }
            if let Some(mark) = mark {
                self.within(&name, |escaping| escaping.marks.add(&escaping.pointer, format!("name {mark}")));
            }
            members.insert(name, value);
        }
    }
}

/// Whether a key is recorded unchanged.
fn is_plain_key(key: &str) -> bool {
    (key.len() <= MAX_KEY_CHARACTERS && key.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
        || (key.chars().count() <= MAX_KEY_CHARACTERS
            && key.chars().all(|character| characters::may_stand(character, Kind::Line)))
}

/// Describes a change in words.
fn said(change: &characters::Change) -> String {
    let characters::Change { escaped, cut } = change;
    let cut = cut.as_ref().map(|Cut { characters, digest }| {
        format!("cut: {characters} characters were sent, SHA-256 {digest}")
    });
    match (escaped, cut) {
        (true, Some(cut)) => format!("escaped; {cut}"),
        (_, Some(cut)) => cut,
        (_, None) => "escaped".to_owned(),
    }
}
