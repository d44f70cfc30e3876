//! Reads a JSON object member by member, and collects all problems.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::text::{
    characters::{self, Kind, is_noncharacter, is_override},
    json::step,
    nearest::did_you_mean,
    problem::{FieldError, MAX_PROBLEMS, note},
};

/// The result of reading an optional member.
pub enum Present<T> {
    /// The member was not sent, or is null.
    Absent,
    /// The member has a problem, which is in the list of problems.
    Invalid,
    /// The member is valid.
    Valid(T),
}

impl<T> Present<T> {
    /// The value, or `default` if there is no valid one.
    pub fn or(self, default: T) -> T {
        match self {
            Self::Valid(value) => value,
            Self::Absent | Self::Invalid => default,
        }
    }
}

/// An object that is read member by member. Members that are left at the end are unknown.
pub struct Members<'a> {
    /// The members that have not been read yet.
    pub members: Map<String, Value>,
    /// The JSON pointer to the object in its document.
    pub pointer: String,
    /// The problems so far.
    pub problems: &'a mut Vec<FieldError>,
}

impl Members<'_> {
    /// Takes a member of any type; null counts as not sent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// Adds a problem of a member, or of the object itself if `name` is empty.
    pub fn problem(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let pointer = if name.is_empty() { self.pointer.clone() } else { step(&self.pointer, name) };
        note(self.problems, FieldError::new(pointer, code, detail));
    }

    /// Adds a problem of one element of a list.
    pub fn problem_within(
        &mut self,
        name: &str,
        index: usize,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        let pointer = step(&step(&self.pointer, name), index);
        note(self.problems, FieldError::new(pointer, code, detail));
    }

    /// Whether a member whose name begins with `name` has a problem.
    pub fn has_problem(&self, name: &str) -> bool {
        if self.problems.is_empty() {
            return false;
        }
        let pointer = step(&self.pointer, name);
        self.problems.iter().any(|problem| problem.field.starts_with(&pointer))
    }

    /// Takes a string without checking its characters; the caller escapes it.
    pub fn string(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.problem(name, "wrong_type", "must be a string");
                None
            }
        }
    }

    /// Takes free text of an admin. A text with a problem counts as not sent.
    pub fn text(&mut self, name: &str, max_characters: usize) -> Option<String> {
        let text = self.string(name)?;
        self.keep(name, text_problem(&text, max_characters)).then_some(text)
    }

    /// Takes an identifier: one line without direction overrides. A text with a problem counts as not sent.
    pub fn identifier(&mut self, name: &str, max_characters: usize) -> Option<String> {
        let text = self.string(name)?;
        self.keep(name, identifier_problem(&text, max_characters)).then_some(text)
    }

    /// Takes an identifier that is required and must not be empty.
    pub fn required_identifier(&mut self, name: &str, max_characters: usize) -> Option<String> {
        let text = self.identifier(name, max_characters);
        match &text {
            Some(text) if !text.is_empty() => {}
            Some(_) => self.problem(name, "empty", "may not be empty"),
            None if self.has_problem(name) => {}
            None => self.problem(name, "required", "must be given"),
        }
        text.filter(|text| !text.is_empty())
    }

    /// Takes a string and parses it into its type.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        code: &'static str,
        parse: fn(&str) -> Result<T, E>,
    ) -> Present<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            return Present::Absent;
        }
        let Some(text) = self.string(name) else { return Present::Invalid };
        match parse(&text) {
            Ok(value) => Present::Valid(value),
            Err(error) => {
                self.problem(name, code, error.to_string());
                Present::Invalid
            }
        }
    }

    /// Takes one of a few names. `T`'s deserialization decides; `names` are for the message.
    pub fn one_of<T: DeserializeOwned>(&mut self, name: &str, names: &[&str]) -> Option<T> {
        let text = self.string(name)?;
        let value = serde_json::from_value(Value::String(text)).ok();
        if value.is_none() {
            self.problem(name, "unknown_value", format!("must be one of {}", names.join(", ")));
        }
        value
    }

    /// Takes an object and reads it with `read`.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Members<'_>) -> Option<T>) -> Option<T> {
        match self.take(name)? {
            Value::Object(members) => {
                read(&mut Members { members, pointer: step(&self.pointer, name), problems: self.problems })
            }
            _ => {
                self.problem(name, "wrong_type", "must be an object");
                None
            }
        }
    }

    /// Adds a problem for each member that was not read and is not known.
    pub fn finish(&mut self, known: &[&str]) {
        for name in std::mem::take(&mut self.members).keys() {
            if known.contains(&name.as_str()) {
                continue;
            }
            if self.problems.len() > MAX_PROBLEMS {
                // The problem is only counted, so the name is neither copied nor compared.
                note(self.problems, FieldError::new("", "unknown_field", ""));
                continue;
            }
            let near = did_you_mean(name, known.iter().copied());
            self.problem(name, "unknown_field", format!("is not a member of this object{near}"));
        }
    }

    /// Adds the problem of a member, if there is one. Returns whether there is none.
    fn keep(&mut self, name: &str, problem: Option<TextProblem>) -> bool {
        let valid = problem.is_none();
        if let Some((code, detail)) = problem {
            self.problem(name, code, detail);
        }
        valid
    }
}

/// The code of a text's problem, and its message.
pub type TextProblem = (&'static str, String);

/// The problem of a free text. The only control characters that it may contain are tabs and line ends.
pub fn text_problem(text: &str, max_characters: usize) -> Option<TextProblem> {
    problem_of(text, Kind::Text, max_characters)
}

/// The problem of an identifier. People make decisions by it, so it must be one line, without a character that changes the
/// direction of the text after it.
pub fn identifier_problem(text: &str, max_characters: usize) -> Option<TextProblem> {
    problem_of(text, Kind::Id, max_characters)
}

fn problem_of(text: &str, kind: Kind, max_characters: usize) -> Option<TextProblem> {
    if text.len() > max_characters && text.chars().count() > max_characters {
        return Some(("too_long", format!("may have at most {max_characters} characters")));
    }
    // Most texts are ASCII, and a byte is cheaper to check than a character.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let (code, detail) = match text.chars().find(|character| !characters::may_stand(*character, kind))? {
        character if is_noncharacter(character) => (
            "invalid_character",
            "may hold no noncharacter and no half of a surrogate pair, and must be UTF-8",
        ),
        character if is_override(character) => {
            ("bidi_override", "may hold no character that changes the direction of text")
        }
        _ if kind == Kind::Text => {
            ("control_character", "may hold no control character but tab and line ends")
        }
        _ => ("control_character", "may hold no control character"),
    };
    Some((code, detail.to_owned()))
}
