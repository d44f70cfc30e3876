//! Problems of a request, each at a place in it, and how many of them an answer lists.

use serde::Serialize;

/// The most problems that are told of one part of a request: of one event, or of one body.
pub const MAX_PROBLEMS: usize = 100;

/// The code of a problem that says how many more there are.
pub const MORE_PROBLEMS: &str = "more_problems";

/// The most characters of a pointer that is told. Of a longer one the middle is left out.
const MAX_POINTER_CHARACTERS: usize = 200;

/// One thing wrong with one part of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    #[serde(skip)]
    pub field: String,
    /// What, for programs: a stable name such as `required`.
    pub code: &'static str,
    /// What, for people, and how to mend it. It never repeats the value.
    pub detail: String,
    /// The number of problems that this one stands for, where it only says that there are more.
    #[serde(skip)]
    more: usize,
}

impl FieldError {
    /// Says what is wrong at `field`.
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: shortened(field.into()), code, detail: detail.into(), more: 0 }
    }

    fn more(count: usize) -> Self {
        let detail = format!("and {count} more problems; mend these first");
        Self { more: count, ..Self::new("", MORE_PROBLEMS, detail) }
    }
}

/// Adds a problem to those of one part of a request. Those beyond [`MAX_PROBLEMS`] are only counted.
pub fn note(problems: &mut Vec<FieldError>, problem: FieldError) {
    problems.push(problem);
    if problems.len() > MAX_PROBLEMS {
        limit(problems, MAX_PROBLEMS);
    }
}

/// Leaves `count` problems, and one that says how many more there are.
pub fn limit(problems: &mut Vec<FieldError>, count: usize) {
    if problems.len() > count {
        let more = problems.drain(count..).map(|problem| problem.more.max(1)).sum();
        problems.push(FieldError::more(more));
    }
}

/// The pointer, or its beginning and its end where it is long: its names may be as long as the body.
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
