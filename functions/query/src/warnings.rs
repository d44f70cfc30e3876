//! Names in a query that nothing may ever have: an action outside the catalogue cannot be refused, because products bring
//! their own, and a page without events would hide a slip.

use shared::{
    http::WrongPart,
    model::{
        catalogue::{Action, CATALOGUE},
        error::Error,
        event::Event,
        id::WorkspaceId,
    },
    query::page::Filter,
    store::Store,
    text::{nearest::did_you_mean, problem::FieldError},
};

/// How many names of a query are looked up for one page.
const MAX_LOOKED_UP: usize = 10;

/// A warning for each action outside the catalogue that no event of the workspace has.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer.
pub(crate) async fn of(
    store: &Store,
    workspace: &WorkspaceId,
    filter: &Filter,
    events: &[Event],
) -> Result<Vec<WrongPart>, Error> {
    let mut warnings = Vec::new();
    let mut looked_up = 0;
    for (parameter, actions) in [("action", &filter.actions), ("not_action", &filter.criteria.not_actions)] {
        for (number, action) in (1..).zip(actions) {
            let is_known =
                matches!(action, Action::Known(_)) || events.iter().any(|event| event.action == *action);
            if is_known || looked_up == MAX_LOOKED_UP {
                continue;
            }
            looked_up += 1;
            if !store.has_action(workspace, action).await? {
                let number = (actions.len() > 1).then_some(number);
                warnings.push(WrongPart::of_query(&unknown(parameter, number, action)));
            }
        }
    }
    Ok(warnings)
}

/// The warning about a value of a parameter; its number, where there are several.
fn unknown(parameter: &str, number: Option<usize>, action: &Action) -> FieldError {
    let value = number.map(|number| format!("value {number} ")).unwrap_or_default();
    let near = did_you_mean(action.name(), CATALOGUE.iter().map(|row| row.action));
    let detail = format!("{value}is not in the catalogue, and no event here has this action{near}");
    FieldError::new(parameter, "unknown_action", detail)
}
