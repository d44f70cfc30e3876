//! Query parameters, read strictly.
//!
//! A parameter that nobody reads is refused: a filter that is ignored shows more than was asked for.

use std::collections::BTreeMap;

use crate::{
    model::error::Error,
    text::{nearest::did_you_mean, problem::FieldError},
};

/// The longest value that an identifier of an event can have, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// The parameters as they were sent, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Sent {
    values: BTreeMap<String, Vec<String>>,
    problems: Vec<FieldError>,
}

impl Sent {
    /// Gathers decoded parameters by name. Those that are not among `names`, and repeated ones that are not
    /// among `lists`, are problems.
    pub fn gather(pairs: Vec<(String, String)>, names: &[&'static str], lists: &[&str]) -> Self {
        let mut sent = Self::default();
        for (name, value) in pairs {
            sent.values.entry(name).or_default().push(value);
        }
        for (name, values) in std::mem::take(&mut sent.values) {
            if !names.contains(&name.as_str()) {
                let near = did_you_mean(&name, names.iter().copied());
                sent.problem(&name, "unknown_parameter", format!("is not a parameter of this route{near}"));
            } else if values.len() > 1 && !lists.contains(&name.as_str()) {
                sent.problem(&name, "repeated", "may be given once");
            } else {
                sent.values.insert(name, values);
            }
        }
        sent
    }

    /// Notes what is wrong with a parameter.
    pub fn problem(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.problems.push(FieldError::new(name, code, detail));
    }

    /// Notes that a parameter must be given, if it is not there and nothing else is wrong with it.
    pub fn require<T>(&mut self, name: &str, value: &Option<T>, detail: &str) {
        if value.is_none() && self.problems.iter().all(|problem| problem.field != name) {
            self.problem(name, "required", detail);
        }
    }

    /// A text to compare with. An empty one equals nothing that an event can hold.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "empty", text)
    }

    /// The texts of a parameter that may be repeated.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for sent in self.values.remove(name).unwrap_or_default() {
            match text(&sent) {
                Ok(text) => texts.push(text),
                Err(detail) => self.problem(name, "empty", detail),
            }
        }
        texts
    }

    /// What a parameter says, if it is there and can be read.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.values.remove(name)?.pop()?;
        parse(&text).map_err(|detail| self.problem(name, code, detail)).ok()
    }

    /// What a parameter says that may be repeated, or list several values with commas between them.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for text in self.values.remove(name).unwrap_or_default().iter().flat_map(|text| text.split(',')) {
            match parse(text) {
                Ok(value) => list.push(value),
                Err(detail) => self.problem(name, code, detail),
            }
        }
        list
    }

    /// The value that was read from the parameters, if nothing is wrong with any of them.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with everything that is wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Error> {
        if self.problems.is_empty() { Ok(value) } else { Err(Error::InvalidQuery(self.problems)) }
    }
}

fn text(sent: &str) -> Result<String, String> {
    match sent.len() {
        0 => Err("may not be empty; leave the parameter out".to_owned()),
        1..=MAX_VALUE_BYTES => Ok(sent.to_owned()),
        _ => Err(format!("may have at most {MAX_VALUE_BYTES} bytes")),
    }
}
