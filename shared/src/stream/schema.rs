//! The JSON Schemas of the texts that stand for streams, for the description of the API.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use super::{Format, State, StreamId};
use crate::model::schema::texts;

texts! {
    StreamId, "The id of a stream.", pattern("^str_[0-9A-Za-z]{12}$");
    Format, "As what a stream sends events.", enum_values(Format::NAMES);
    State, "Whether a stream delivers, fails and tries again, or stands still.", enum_values(State::NAMES);
}
