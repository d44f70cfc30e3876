//! What anyone may ask: the catalogue, the schema of an event, and whether we are here.

use serde::Serialize;
use shared::{
    http::{self, Response},
    model::catalogue::{CATALOGUE, CATEGORIES, CatalogueRow, Category, Writer},
};

/// The JSON Schema (2020-12) of an event as a client sends it.
const SCHEMA: &str = include_str!("event.schema.json");
/// The description of the API (OpenAPI 3.1). Like the schema, the crate `openapi` writes it from the
/// code of all functions, and a test there fails once either is no longer what it would write: so
/// the generator is in no Lambda, and nothing is made at start.
const OPENAPI: &str = include_str!("openapi.json");

/// The content type of [`schema`].
pub const SCHEMA_CONTENT_TYPE: &str = "application/schema+json";

/// All that the product knows by name.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalogue {
    /// In the order they are listed.
    categories: Vec<ListedCategory>,
    /// In the order they are listed.
    actions: Vec<ListedAction>,
}

/// A category of the catalogue.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct ListedCategory {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = Category))]
    category: &'static str,
    /// What people call it.
    label: &'static str,
}

/// An action of the catalogue.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct ListedAction {
    /// Its name.
    action: &'static str,
    /// What happened, in words.
    event: &'static str,
    /// The category it is listed under.
    #[cfg_attr(feature = "openapi", schema(value_type = Category))]
    category: &'static str,
    /// Who records it.
    recorded_by: RecordedBy,
}

/// Who records events of an action.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
enum RecordedBy {
    /// Any client that may record events.
    Client,
    /// This service alone.
    Service,
}

/// That the API answers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// All actions, in the order of the catalogue.
pub(crate) fn actions() -> Response {
    http::ok(&Catalogue {
        categories: CATEGORIES
            .iter()
            .map(|category: &Category| ListedCategory { category: category.name, label: category.label })
            .collect(),
        actions: CATALOGUE.iter().map(ListedAction::of).collect(),
    })
}

impl ListedAction {
    fn of(row: &CatalogueRow) -> Self {
        let CatalogueRow { action, event, category, writer, ocsf: _ } = row;
        let recorded_by = match writer {
            Writer::Client => RecordedBy::Client,
            Writer::Service => RecordedBy::Service,
        };
        Self { action, event, category: category.name, recorded_by }
    }
}

/// The rules of an event, for a client's own checks before it sends one.
pub(crate) fn schema() -> Response {
    http::ok_text(SCHEMA_CONTENT_TYPE, SCHEMA.to_owned())
}

/// What the API takes and answers, for programs that call it.
pub(crate) fn openapi() -> Response {
    http::ok_text("application/json", OPENAPI.to_owned())
}

/// That the API answers.
pub(crate) fn health() -> Response {
    http::ok(&Health { status: "ok" })
}
