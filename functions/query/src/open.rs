//! The routes without credentials: the catalogue, the schema of an event, and the health check.

use serde::Serialize;
use shared::{
    http::{self, Response},
    model::catalogue::{CATALOGUE, CATEGORIES, CatalogueRow, Category, Writer},
};

/// The JSON Schema (2020-12) of an event as clients send it.
const SCHEMA: &str = include_str!("event.schema.json");
/// The description of the API (OpenAPI 3.1). Like the schema, the crate `openapi` generates it from the code of
/// all functions, and a test there fails if either is out of date. So the generator is not part of a Lambda,
/// and nothing is generated at start.
const OPENAPI: &str = include_str!("openapi.json");

/// The content type of [`schema`].
pub const SCHEMA_CONTENT_TYPE: &str = "application/schema+json";

/// The names of the product's actions and categories.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalogue {
    /// The categories in the order of the catalogue.
    categories: Vec<ListedCategory>,
    /// The actions in the order of the catalogue.
    actions: Vec<ListedAction>,
}

/// A category of the catalogue.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct ListedCategory {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = Category))]
    category: &'static str,
    /// Its name for people.
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
    /// Its category.
    #[cfg_attr(feature = "openapi", schema(value_type = Category))]
    category: &'static str,
    /// The recorder of its events.
    recorded_by: RecordedBy,
}

/// The recorder of an action's events.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
enum RecordedBy {
    /// Any client that may record events.
    Client,
    /// Only this service.
    Service,
}

/// The answer that the API is up.
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

pub(crate) fn openapi() -> Response {
    http::ok_text("application/json", OPENAPI.to_owned())
}

pub(crate) fn health() -> Response {
    http::ok(&Health { status: "ok" })
}
