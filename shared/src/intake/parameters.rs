//! Strict parsing of query parameters.
//!
//! Unknown parameters are refused, because ignoring a filter would return more events than the client asked for.

use std::collections::BTreeMap;

use crate::{
    model::error::Error,
    text::{nearest::did_you_mean, problem::FieldError},
};

/// The longest value that an identifier of an event can have, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// The query parameters of a request, and their problems.
#[derive(Debug, Default)]
pub struct Sent {
    values: BTreeMap<String, Vec<String>>,
    problems: Vec<FieldError>,
}

impl Sent {
    /// Groups decoded parameters by name. Parameters that are not in `names`, and repeated ones that are not in `lists`, are
    /// problems.
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

    /// Adds a problem of a parameter.
    pub fn problem(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.problems.push(FieldError::new(name, code, detail));
    }

    /// Adds a problem if a required parameter is missing and has no problem yet.
    pub fn require<T>(&mut self, name: &str, value: &Option<T>, detail: &str) {
        if value.is_none() && self.problems.iter().all(|problem| problem.field != name) {
            self.problem(name, "required", detail);
        }
    }

    /// Takes a text for a comparison. An empty text is a problem, because no value of an event is empty.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "empty", text)
    }

    /// Takes the texts of a parameter that may be repeated.
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

    /// Takes a parameter and parses it; `None` if it was not sent or has a problem.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.values.remove(name)?.pop()?;
        parse(&text).map_err(|detail| self.problem(name, code, detail)).ok()
    }

    /// Takes the values of a parameter that may be repeated or contain several values, separated by commas.
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

    /// Returns `value` if no parameter has a problem.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with all problems.
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
