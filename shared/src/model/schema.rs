//! The JSON Schemas of types that are written as strings, for the description of the API.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
    },
};

use crate::model::{
    catalogue::Category,
    event::{ActorType, Outcome},
    id::{EventId, TokenId, WorkspaceId},
    scope::Scope,
    timestamp::Timestamp,
};

macro_rules! texts {
    ($($type:ty, $description:literal, $rule:ident($value:expr);)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($description));
                text.$rule(Some($value)).into()
            }
        }

        impl ToSchema for $type {}
    )*};
}

pub(crate) use texts;

texts! {
    Category, "The category of an action.", enum_values(Category::names());
    WorkspaceId, "The name of a workspace.", pattern("^[a-z0-9][a-z0-9_-]{0,62}$");
    EventId, "The id of an event, unique together with its workspace and timestamp.", pattern("^[A-Za-z0-9._:-]{1,128}$");
    TokenId, "The public part of a workspace token, by which it is named and revoked.", pattern("^[0-9A-Za-z]{12}$");
    Timestamp, "A time in UTC, with six fraction digits.", format(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    Scope, "What a workspace token may be used for.", enum_values(Scope::NAMES);
    Outcome, "Whether the action succeeded.", enum_values(Outcome::NAMES);
    ActorType, "What kind of actor did something.", enum_values(ActorType::NAMES);
}
