//! The problems of a request: each names the field that is wrong. An answer lists a limited number of them.

use serde::Serialize;

/// The most problems that an answer lists for one event or one body.
pub const MAX_PROBLEMS: usize = 100;

/// The code of a problem that says how many more there are.
pub const MORE_PROBLEMS: &str = "more_problems";

/// The most characters of a pointer in an answer. The middle of a longer one is left out.
const MAX_POINTER_CHARACTERS: usize = 200;

/// One problem in one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field: a JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    #[serde(skip)]
    pub field: String,
    /// The problem for programs: a stable name such as `required`.
    pub code: &'static str,
    /// The problem for people, and how to fix it. It never repeats the value.
    pub detail: String,
    /// For a [`MORE_PROBLEMS`] entry, the number of problems that are not listed; otherwise 0.
    #[serde(skip)]
    more: usize,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: shortened(field.into()), code, detail: detail.into(), more: 0 }
    }

    fn more(count: usize) -> Self {
        let detail = format!("and {count} more problems; mend these first");
        Self { more: count, ..Self::new("", MORE_PROBLEMS, detail) }
    }
}

/// Adds a problem to the list. Problems beyond [`MAX_PROBLEMS`] are only counted.
pub fn note(problems: &mut Vec<FieldError>, problem: FieldError) {
    problems.push(problem);
    if problems.len() > MAX_PROBLEMS {
        limit(problems, MAX_PROBLEMS);
    }
}

/// Keeps the first `count` problems, and replaces the others with one that says how many there are.
pub fn limit(problems: &mut Vec<FieldError>, count: usize) {
    if problems.len() > count {
        let more = problems.drain(count..).map(|problem| problem.more.max(1)).sum();
        problems.push(FieldError::more(more));
    }
}

/// Leaves out the middle of a long pointer. A pointer can be as long as the body, because its names come from the client.
pub(crate) fn shortened(pointer: String) -> String {
    if pointer.len() <= MAX_POINTER_CHARACTERS {
        return pointer;
    }
    let characters = pointer.chars().count();
    if characters <= MAX_POINTER_CHARACTERS {
        return pointer;
    }
    let half = MAX_POINTER_CHARACTERS / 2;
    let begin = pointer.chars().take(half);
    begin.chain(['…']).chain(pointer.chars().skip(characters - half + 1)).collect()
}
