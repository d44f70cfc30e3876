//! Parsing of client input into the model: events, members of JSON objects, and query parameters.

pub mod members;
pub mod new_event;
pub mod parameters;
