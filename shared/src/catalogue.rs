//! The catalogue: 50 actions in 9 categories, in one table.
//!
//! Rows are added, never renamed, reordered or removed: what was recorded under a name must read
//! the same for as long as it is kept.

use std::fmt;

/// The nine categories of the catalogue, and the two for names that are not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category {
    /// The wire name, such as `user_membership`.
    pub name: &'static str,
    /// The label people read, such as `User Membership`.
    pub label: &'static str,
}

/// One action that the product knows by name.
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueRow {
    /// The wire name, such as `group_created`.
    pub action: &'static str,
    /// What happened, in words; also the description of an event that brings none.
    pub event: &'static str,
    /// The category it is listed under.
    pub category: &'static Category,
    /// Who may write it.
    pub writer: Writer,
}

/// Who may write events of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Any client that may record events.
    Client,
    /// This service, in the workspace it concerns; over HTTP it is refused.
    Service,
}

macro_rules! categories {
    ($($constant:ident $name:literal $label:literal)*) => {
        $(#[doc = $label] pub const $constant: Category = Category { name: $name, label: $label };)*
    };
}

categories! {
    USER_MEMBERSHIP       "user_membership"       "User Membership"
    USER_GROUPS           "user_groups"           "User Groups"
    WORKSPACE_COLLECTIONS "workspace_collections" "Workspace Collections"
    WORKSPACE_CONNECTIONS "workspace_connections" "Workspace Connections"
    EXPORT_DATA           "export_data"           "Export Data"
    REPORT_ACTIVITY       "report_activity"       "Report Activity"
    REPORT_SCHEDULE       "report_schedule"       "Report Schedule"
    API_TOKEN             "api_token"             "API Token"
    AUDIT_LOGS_ACCESS     "audit_logs_access"     "Audit Logs Access"
    CUSTOM                "custom"                "Custom"
    OTHER                 "other"                 "Other"
}

macro_rules! catalogue {
    ($($category:ident { $($writer:ident $action:literal $event:literal)* })*) => {
        /// The nine categories, in the order they are listed.
        pub const CATEGORIES: &[Category] = &[$($category),*];

        /// Every action the product knows, in the order they are listed.
        pub const CATALOGUE: &[CatalogueRow] = &[$($(CatalogueRow {
            action: $action,
            event: $event,
            category: &$category,
            writer: Writer::$writer,
        },)*)*];
    };
}

catalogue! {
    USER_MEMBERSHIP {
        Client "org_user_role_changed" "Change the role of a member"
        Client "org_user_invited" "Invite a member"
        Client "org_user_invitation_resent" "Resend an invite"
        Client "org_user_reinvited" "Reinvite a former member"
    }
    USER_GROUPS {
        Client "group_created" "Create a group"
        Client "group_member_added" "Add a member to a group"
        Client "group_member_removed" "Remove a member from a group"
        Client "group_deleted" "Delete a group"
    }
    WORKSPACE_COLLECTIONS {
        Client "workspace_default_access_changed" "Change default Workspace access"
        Client "collection_created" "Create a collection"
        Client "collection_deleted" "Delete a collection"
        Client "collection_member_added" "Add a member to a collection"
        Client "collection_member_removed" "Remove a member from a collection"
        Client "collection_member_access_changed" "Change collection access for a member"
        Client "collection_group_added" "Add a group to a collection"
        Client "collection_group_removed" "Remove a group from a collection"
        Client "collection_group_access_changed" "Change collection access for a group"
    }
    WORKSPACE_CONNECTIONS {
        Client "connection_created" "Create a connection"
        Client "connection_deleted" "Delete a connection"
        Client "connection_member_added_with_role" "Add a member to a connection with role (Manage, Query, View)"
        Client "connection_member_removed" "Remove a member from a connection"
        Client "connection_group_added_with_role" "Add a group to a connection with role (Manage, Query, View)"
        Client "connection_group_removed" "Remove a group from a connection"
        Client "connection_member_access_changed" "Change connection access for a member"
        Client "connection_group_access_changed" "Change connection access for a group"
    }
    EXPORT_DATA {
        Client "export_data_sql_exported" "SQL Editor: Output is Exported"
        Client "export_data_report_exported_csv" "Report Read-only View: Export as CSV"
        Client "export_data_report_exported_pdf" "Report Read-only View: Export as PDF"
    }
    REPORT_ACTIVITY {
        Client "report_activity_report_created" "When new report is created"
        Client "report_activity_report_edited" "When report is Edited"
        Client "report_activity_report_deleted" "When report is Deleted"
        Client "report_activity_report_moved" "When report is Moved"
        Client "report_activity_sql_added" "SQL is added"
        Client "report_activity_sql_deleted" "SQL is deleted"
        Client "report_activity_visualization_added" "When new visualization added"
        Client "report_activity_visualization_deleted" "When visualization is Deleted"
        Client "report_activity_python_notebook_added" "Python Notebook Added"
        Client "report_activity_r_notebook_added" "R Notebook Added"
    }
    REPORT_SCHEDULE {
        Client "report_schedule_created" "When new schedule added"
        Client "report_schedule_edited" "When schedule is Edited"
        Client "report_schedule_deleted" "When schedule is Deleted"
        Client "report_schedule_user_email_added" "When user email is added to the schedule"
        Client "report_schedule_user_email_removed" "When user email is removed from the schedule"
        Client "report_schedule_channel_added" "When Slack channel is added to the schedule"
        Client "report_schedule_channel_removed" "When Slack channel is removed from the schedule"
    }
    API_TOKEN {
        Service "api_token_workspace_created" "Create workspace token"
        Client "api_token_member_key_generated" "API token generation by member"
        Client "api_token_member_key_revoked" "Revoke member API keys"
        Service "api_token_workspace_revoked" "Revoke workspace token"
    }
    AUDIT_LOGS_ACCESS {
        Service "audit_log_accessed" "When the audit log endpoint has been accessed"
    }
}

/// The name of what was done, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A row of the catalogue.
    Known(&'static CatalogueRow),
    /// A name of the product's own: `x_[a-z0-9_]{1,61}`.
    Custom(String),
    /// A well-formed name that nobody knows, as only the bus may bring one: dropping an event is
    /// worse than not knowing its name.
    Other(String),
}

impl Action {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Reads a name of the catalogue or a custom one; `None` for any other.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(row) = row(name) {
            return Some(Self::Known(row));
        }
        let rest = name.strip_prefix("x_")?;
        ((1..=61).contains(&rest.len()) && rest.bytes().all(is_name_byte))
            .then(|| Self::Custom(name.to_owned()))
    }

    /// Reads any well-formed name, `[a-z][a-z0-9_]{2,63}`, known or not.
    pub fn parse_lenient(name: &str) -> Option<Self> {
        Self::parse(name).or_else(|| {
            let well_formed = (3..=Self::MAX_BYTES).contains(&name.len())
                && name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.bytes().all(is_name_byte);
            well_formed.then(|| Self::Other(name.to_owned()))
        })
    }

    /// The action this service records under `name`.
    ///
    /// # Panics
    /// If the catalogue has no such row; called with literals only.
    pub(crate) fn own(name: &'static str) -> Self {
        Self::Known(row(name).expect("a literal name of the catalogue"))
    }

    /// The wire name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(row) => row.action,
            Self::Custom(name) | Self::Other(name) => name,
        }
    }

    /// The category it is listed under.
    pub fn category(&self) -> &'static Category {
        match self {
            Self::Known(row) => row.category,
            Self::Custom(_) => &CUSTOM,
            Self::Other(_) => &OTHER,
        }
    }

    /// What an event of this action says where it brings no description.
    pub fn default_description(&self) -> &str {
        match self {
            Self::Known(row) => row.event,
            Self::Custom(name) | Self::Other(name) => name,
        }
    }

    /// Whether clients may record it.
    pub fn writer(&self) -> Writer {
        match self {
            Self::Known(row) => row.writer,
            Self::Custom(_) | Self::Other(_) => Writer::Client,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Up to three names that `name` may have been meant to be, nearest first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// A clause such as `; did you mean group_created or group_deleted?`, empty where nothing is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

fn row(name: &str) -> Option<&'static CatalogueRow> {
    CATALOGUE.iter().find(|row| row.action == name)
}

fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_the_one_that_was_promised() {
        let listing: String = CATALOGUE
            .iter()
            .map(|row| {
                format!("{:<22} {:<42} {} [{:?}]\n", row.category.name, row.action, row.event, row.writer)
            })
            .collect();
        insta::assert_snapshot!(listing);
    }

    #[test]
    fn it_has_50_actions_in_9_categories_and_no_name_twice() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|row| row.action).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), CATALOGUE.len(), CATEGORIES.len()), (50, 50, 9));
    }

    #[test]
    fn names_outside_the_catalogue_are_custom_other_or_refused() {
        let check = |name: &str, strict: Option<&str>, lenient: Option<&str>| {
            let category = |action: Option<Action>| action.map(|action| action.category().name);
            assert_eq!(category(Action::parse(name)), strict, "{name}");
            assert_eq!(category(Action::parse_lenient(name)), lenient, "{name}");
        };
        check("group_created", Some("user_groups"), Some("user_groups"));
        check("x_invoice_paid", Some("custom"), Some("custom"));
        check("x_", None, None);
        check(&format!("x_{}", "a".repeat(61)), Some("custom"), Some("custom"));
        check(&format!("x_{}", "a".repeat(62)), None, Some("other"));
        check("dashboard_shared", None, Some("other"));
        check("ab", None, None);
        check("1abc", None, None);
        check("Group_Created", None, None);
        check(&"a".repeat(65), None, None);
        check("", None, None);
    }

    #[test]
    fn a_misspelt_name_is_met_with_the_nearest() {
        let names = || CATALOGUE.iter().map(|row| row.action);
        assert_eq!(nearest("group_craeted", names())[0], "group_created");
        assert_eq!(nearest("zzzzzz", names()), Vec::<&str>::new());
    }
}
