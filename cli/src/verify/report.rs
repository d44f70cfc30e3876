//! The answer of a command that verifies, for people and for programs.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::{error::Error, output::Output, terminal::safe_line};

/// How the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Lines for people
    #[default]
    Text,
    /// One JSON text, whatever the answer is
    Json,
}

/// The proved facts, and their limits.
#[derive(Debug)]
pub(super) struct Report {
    /// Each fact, under its name.
    lines: Vec<(&'static str, String)>,
    /// Why the answer is that not everything could be checked; `None` if everything was proved.
    unchecked: Option<Error>,
}

impl Report {
    /// The report of a command that proved everything that it was given.
    pub(super) fn new(lines: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { lines: lines.into_iter().collect(), unchecked: None }
    }

    /// The same report with more facts.
    pub(super) fn with(mut self, lines: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// The same report, and why not everything could be checked, if that is so.
    pub(super) fn unless(mut self, unchecked: Option<Error>) -> Self {
        self.unchecked = unchecked;
        self
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(name, text)| format!("{name:<11}  {}\n", safe_line(text))).collect()
    }

    fn facts(&self) -> Value {
        let facts = self.lines.iter().map(|(name, text)| (name.replace(' ', "_"), json!(text)));
        Value::Object(facts.collect::<Map<_, _>>())
    }
}

/// Writes the answer.
///
/// # Errors
/// The answer itself, unless everything was proved; or that it cannot be written. An answer goes before the failure to
/// write it: a closed pipe never makes a forged file a proved one, nor a full disk a proved file a refuted one.
pub(super) fn tell(answer: Result<Report, Error>, shape: Shape) -> Result<(), Error> {
    let (report, error) = match answer {
        Ok(mut report) => {
            let unchecked = report.unchecked.take();
            (Some(report), unchecked)
        }
        Err(error) => (None, Some(error.of_verifier())),
    };
    let written = write(report.as_ref(), error.as_ref(), shape);
    error.map_or_else(|| written.map_err(Error::of_verifier), Err)
}

fn write(report: Option<&Report>, error: Option<&Error>, shape: Shape) -> Result<(), Error> {
    match shape {
        Shape::Text => report.map_or(Ok(()), |report| Output::new().text(&report.text())),
        Shape::Json => {
            let mut answer = match error {
                None => Some(json!({"answer": "proved"})),
                Some(error) => error.answer(),
            };
            if let (Some(answer), Some(report)) = (&mut answer, report) {
                answer["report"] = report.facts();
            }
            answer.map_or(Ok(()), |answer| Output::new().json(&answer))
        }
    }
}
