//! Texts before they have a meaning: characters, JSON, names that are nearly right, and problems at a place in a request.

pub mod characters;
pub mod json;
pub mod nearest;
pub mod problem;
