//! The names that people filter by, for completions and for hints.
//!
//! The command shares no code with the server, so this is a copy; a test holds it to the server's catalogue.

/// The actions of the catalogue.
#[rustfmt::skip]
pub(crate) const ACTIONS: [&str; 50] = [
    "org_user_role_changed",
    "org_user_invited",
    "org_user_invitation_resent",
    "org_user_reinvited",
    "group_created",
    "group_member_added",
    "group_member_removed",
    "group_deleted",
    "workspace_default_access_changed",
    "collection_created",
    "collection_deleted",
    "collection_member_added",
    "collection_member_removed",
    "collection_member_access_changed",
    "collection_group_added",
    "collection_group_removed",
    "collection_group_access_changed",
    "connection_created",
    "connection_deleted",
    "connection_member_added_with_role",
    "connection_member_removed",
    "connection_group_added_with_role",
    "connection_group_removed",
    "connection_member_access_changed",
    "connection_group_access_changed",
    "export_data_sql_exported",
    "export_data_report_exported_csv",
    "export_data_report_exported_pdf",
    "report_activity_report_created",
    "report_activity_report_edited",
    "report_activity_report_deleted",
    "report_activity_report_moved",
    "report_activity_sql_added",
    "report_activity_sql_deleted",
    "report_activity_visualization_added",
    "report_activity_visualization_deleted",
    "report_activity_python_notebook_added",
    "report_activity_r_notebook_added",
    "report_schedule_created",
    "report_schedule_edited",
    "report_schedule_deleted",
    "report_schedule_user_email_added",
    "report_schedule_user_email_removed",
    "report_schedule_channel_added",
    "report_schedule_channel_removed",
    "api_token_workspace_created",
    "api_token_member_key_generated",
    "api_token_member_key_revoked",
    "api_token_workspace_revoked",
    "audit_log_accessed",
];

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
    use super::*;

    #[test]
    fn the_names_are_those_of_the_server() {
        assert!(shared::model::catalogue::CATALOGUE.iter().map(|row| row.action).eq(ACTIONS));
        assert!(shared::model::catalogue::Category::names().eq(CATEGORIES));
    }
}
