//! The names that people filter by, for completions and for hints.
//!
//! The command shares no code with the server, so this is a copy; a test holds it to the server's catalogue.

use serde_json::Value;

/// The actions of the catalogue, each with its category.
#[rustfmt::skip]
const ACTIONS: [(&str, &str); 50] = [
    ("org_user_role_changed", "user_membership"),
    ("org_user_invited", "user_membership"),
    ("org_user_invitation_resent", "user_membership"),
    ("org_user_reinvited", "user_membership"),
    ("group_created", "user_groups"),
    ("group_member_added", "user_groups"),
    ("group_member_removed", "user_groups"),
    ("group_deleted", "user_groups"),
    ("workspace_default_access_changed", "workspace_collections"),
    ("collection_created", "workspace_collections"),
    ("collection_deleted", "workspace_collections"),
    ("collection_member_added", "workspace_collections"),
    ("collection_member_removed", "workspace_collections"),
    ("collection_member_access_changed", "workspace_collections"),
    ("collection_group_added", "workspace_collections"),
    ("collection_group_removed", "workspace_collections"),
    ("collection_group_access_changed", "workspace_collections"),
    ("connection_created", "workspace_connections"),
    ("connection_deleted", "workspace_connections"),
    ("connection_member_added_with_role", "workspace_connections"),
    ("connection_member_removed", "workspace_connections"),
    ("connection_group_added_with_role", "workspace_connections"),
    ("connection_group_removed", "workspace_connections"),
    ("connection_member_access_changed", "workspace_connections"),
    ("connection_group_access_changed", "workspace_connections"),
    ("export_data_sql_exported", "export_data"),
    ("export_data_report_exported_csv", "export_data"),
    ("export_data_report_exported_pdf", "export_data"),
    ("report_activity_report_created", "report_activity"),
    ("report_activity_report_edited", "report_activity"),
    ("report_activity_report_deleted", "report_activity"),
    ("report_activity_report_moved", "report_activity"),
    ("report_activity_sql_added", "report_activity"),
    ("report_activity_sql_deleted", "report_activity"),
    ("report_activity_visualization_added", "report_activity"),
    ("report_activity_visualization_deleted", "report_activity"),
    ("report_activity_python_notebook_added", "report_activity"),
    ("report_activity_r_notebook_added", "report_activity"),
    ("report_schedule_created", "report_schedule"),
    ("report_schedule_edited", "report_schedule"),
    ("report_schedule_deleted", "report_schedule"),
    ("report_schedule_user_email_added", "report_schedule"),
    ("report_schedule_user_email_removed", "report_schedule"),
    ("report_schedule_channel_added", "report_schedule"),
    ("report_schedule_channel_removed", "report_schedule"),
    ("api_token_workspace_created", "api_token"),
    ("api_token_member_key_generated", "api_token"),
    ("api_token_member_key_revoked", "api_token"),
    ("api_token_workspace_revoked", "api_token"),
    ("audit_log_accessed", "audit_logs_access"),
];

/// The names of the actions.
pub(crate) fn actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(action, _)| *action)
}

/// That an event has the category that follows from its action. No leaf has the category, so no proof is about it. Of an
/// action that is not known here nothing follows: a later catalogue may have it.
///
/// # Errors
/// Names the category that the event must have.
pub(crate) fn require_category(event: &Value) -> Result<(), String> {
    let action = event["action"].as_str().unwrap_or_default();
    let known = ACTIONS.iter().find(|(known, _)| *known == action).map(|(_, category)| *category);
    match known.or_else(|| action.starts_with("x_").then_some("custom")) {
        Some(category) if event["category"] != category => {
            Err(format!("its action {action} is of the category {category}, and it has another"))
        }
        _ => Ok(()),
    }
}

/// The categories, with those of names that the catalogue does not have.
#[rustfmt::skip]
pub(crate) const CATEGORIES: [&str; 11] = [
    "user_membership",
    "user_groups",
    "workspace_collections",
    "workspace_connections",
    "export_data",
    "report_activity",
    "report_schedule",
    "api_token",
    "audit_logs_access",
    "custom",
    "other",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_category_follows_from_a_known_action() {
        let check =
            |action: &str, category: &str| require_category(&json!({"action": action, "category": category}));
        assert!(check("group_created", "user_groups").is_ok() && check("x_own", "custom").is_ok());
        assert!(check("group_created", "custom").is_err() && check("x_own", "other").is_err());
        assert!(check("user.login", "other").is_ok() && check("later_action", "later").is_ok());
        assert!(require_category(&json!({"action": "group_created"})).is_err());
    }

    #[test]
    fn the_names_are_those_of_the_server() {
        let rows = shared::model::catalogue::CATALOGUE.iter().map(|row| (row.action, row.category.name));
        assert!(rows.eq(ACTIONS));
        assert!(shared::model::catalogue::Category::names().eq(CATEGORIES));
    }
}
