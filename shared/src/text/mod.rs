//! Text handling that knows nothing of events: characters, JSON, suggestions for misspelt names, and problems of a request.

pub mod characters;
pub mod json;
pub mod nearest;
pub mod problem;
