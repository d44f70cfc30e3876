//! The catalogue: 50 actions in 9 categories, in one table.
//!
//! Rows are added, never renamed, reordered or removed, so that recorded events read the same for as long as they are
//! kept.

use std::fmt;

use crate::text::{
    characters::{Kind, may_stand},
    nearest::MAX_COMPARED_BYTES,
};

/// The nine categories of the catalogue, and the two for names that are not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category {
    /// The wire name, such as `user_membership`.
    pub name: &'static str,
    /// The label for people, such as `User Membership`.
    pub label: &'static str,
}

impl Category {
    /// Reads a category by its wire name, `custom` and `other` included.
    pub fn parse(name: &str) -> Option<&'static Self> {
        CATEGORIES.iter().chain([&CUSTOM, &OTHER]).find(|category| category.name == name)
    }

    /// The wire names of all categories.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CATEGORIES.iter().chain([&CUSTOM, &OTHER]).map(|category| category.name)
    }
}

/// One action of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueRow {
    /// The wire name, such as `group_created`.
    pub action: &'static str,
    /// The action in words; also the description of an event that was sent without one.
    pub event: &'static str,
    /// The category of the action.
    pub category: &'static Category,
    /// Who may record it over HTTP.
    pub writer: Writer,
    /// The class, activity and severity for security tools.
    pub ocsf: OcsfActivity,
}

/// Who may record events of an action over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Any client with the scope to write.
    Client,
    /// This service alone.
    Service,
}

/// An activity of the Open Cybersecurity Schema Framework 1.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcsfActivity {
    /// The class of the event, such as 3001 for Account Change.
    pub class_uid: u16,
    /// The activity within its class; 99 if no activity of the class fits.
    pub activity_id: u8,
    /// The severity, from 1 for Informational to 4 for High. Some events of the action are more severe.
    pub severity_id: u8,
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
    ($($category:ident { $($writer:ident $action:literal $class_uid:literal/$activity_id:literal/$severity_id:literal $event:literal)* })*) => {
        /// The nine categories, in the order of the documentation.
        pub const CATEGORIES: &[Category] = &[$($category),*];

        /// All actions of the catalogue, in the order of the documentation.
        pub const CATALOGUE: &[CatalogueRow] = &[$($(CatalogueRow {
            action: $action,
            event: $event,
            category: &$category,
            writer: Writer::$writer,
            ocsf: OcsfActivity { class_uid: $class_uid, activity_id: $activity_id, severity_id: $severity_id },
        },)*)*];
    };
}

catalogue! {
    USER_MEMBERSHIP {
        Client "org_user_role_changed" 3005/1/3 "Change the role of a member"
        Client "org_user_invited" 3001/1/2 "Invite a member"
        Client "org_user_invitation_resent" 3001/99/1 "Resend an invite"
        Client "org_user_reinvited" 3001/2/2 "Reinvite a former member"
    }
    USER_GROUPS {
        Client "group_created" 3006/6/2 "Create a group"
        Client "group_member_added" 3006/3/2 "Add a member to a group"
        Client "group_member_removed" 3006/4/2 "Remove a member from a group"
        Client "group_deleted" 3006/5/3 "Delete a group"
    }
    WORKSPACE_COLLECTIONS {
        Client "workspace_default_access_changed" 3004/3/3 "Change default Workspace access"
        Client "collection_created" 3004/1/2 "Create a collection"
        Client "collection_deleted" 3004/4/3 "Delete a collection"
        Client "collection_member_added" 3005/1/2 "Add a member to a collection"
        Client "collection_member_removed" 3005/2/2 "Remove a member from a collection"
        Client "collection_member_access_changed" 3005/1/2 "Change collection access for a member"
        Client "collection_group_added" 3006/1/2 "Add a group to a collection"
        Client "collection_group_removed" 3006/2/2 "Remove a group from a collection"
        Client "collection_group_access_changed" 3006/1/2 "Change collection access for a group"
    }
    WORKSPACE_CONNECTIONS {
        Client "connection_created" 3004/1/2 "Create a connection"
        Client "connection_deleted" 3004/4/3 "Delete a connection"
        Client "connection_member_added_with_role" 3005/1/2 "Add a member to a connection with role (Manage, Query, View)"
        Client "connection_member_removed" 3005/2/2 "Remove a member from a connection"
        Client "connection_group_added_with_role" 3006/1/2 "Add a group to a connection with role (Manage, Query, View)"
        Client "connection_group_removed" 3006/2/2 "Remove a group from a connection"
        Client "connection_member_access_changed" 3005/1/2 "Change connection access for a member"
        Client "connection_group_access_changed" 3006/1/2 "Change connection access for a group"
    }
    EXPORT_DATA {
        Client "export_data_sql_exported" 6001/7/2 "SQL Editor: Output is Exported"
        Client "export_data_report_exported_csv" 6001/7/2 "Report Read-only View: Export as CSV"
        Client "export_data_report_exported_pdf" 6001/7/2 "Report Read-only View: Export as PDF"
    }
    REPORT_ACTIVITY {
        Client "report_activity_report_created" 6003/1/1 "When new report is created"
        Client "report_activity_report_edited" 6003/3/1 "When report is Edited"
        Client "report_activity_report_deleted" 6003/4/2 "When report is Deleted"
        Client "report_activity_report_moved" 6003/3/1 "When report is Moved"
        Client "report_activity_sql_added" 6003/1/1 "SQL is added"
        Client "report_activity_sql_deleted" 6003/4/1 "SQL is deleted"
        Client "report_activity_visualization_added" 6003/1/1 "When new visualization added"
        Client "report_activity_visualization_deleted" 6003/4/1 "When visualization is Deleted"
        Client "report_activity_python_notebook_added" 6003/1/1 "Python Notebook Added"
        Client "report_activity_r_notebook_added" 6003/1/1 "R Notebook Added"
    }
    REPORT_SCHEDULE {
        Client "report_schedule_created" 6003/1/2 "When new schedule added"
        Client "report_schedule_edited" 6003/3/1 "When schedule is Edited"
        Client "report_schedule_deleted" 6003/4/1 "When schedule is Deleted"
        Client "report_schedule_user_email_added" 6003/3/2 "When user email is added to the schedule"
        Client "report_schedule_user_email_removed" 6003/3/1 "When user email is removed from the schedule"
        Client "report_schedule_channel_added" 6003/3/2 "When Slack channel is added to the schedule"
        Client "report_schedule_channel_removed" 6003/3/1 "When Slack channel is removed from the schedule"
    }
    API_TOKEN {
        Service "api_token_workspace_created" 3004/1/3 "Create workspace token"
        Client "api_token_member_key_generated" 3004/1/3 "API token generation by member"
        Client "api_token_member_key_revoked" 3004/4/2 "Revoke member API keys"
        Service "api_token_workspace_revoked" 3004/4/2 "Revoke workspace token"
    }
    AUDIT_LOGS_ACCESS {
        Service "audit_log_accessed" 6003/2/1 "When the audit log endpoint has been accessed"
    }
}

/// The action of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An action of the catalogue.
    Known(&'static CatalogueRow),
    /// A name of the product's own: `x_[a-z0-9_]{1,61}`.
    Custom(String),
    /// Any other name, such as `user.login` or `google.iam.v1.SetIamPolicy`. Only events from the bus may have one: the
    /// products that send them choose their names, and losing an event is worse than an unknown name.
    Other(String),
}

impl Action {
    /// The longest name of any action, in characters.
    pub const MAX_CHARACTERS: usize = 255;
    /// The longest custom name, in bytes.
    pub const MAX_CUSTOM_BYTES: usize = 64;
    /// The prefix of the custom actions that this service alone records, without underscores. Names that differ from it
    /// only in underscores are reserved too, because people would confuse them.
    const RESERVED: &str = "xauditlog";
    /// The reserved prefix as a regular expression.
    pub const RESERVED_PATTERN: &str = "^x_*a_*u_*d_*i_*t_*l_*o_*g";

    /// Parses a name of the catalogue or a custom name; `None` for any other.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(row) = row(name) {
            return Some(Self::Known(row));
        }
        let rest = name.strip_prefix("x_")?;
        ((1..=61).contains(&rest.len()) && rest.bytes().all(is_name_byte))
            .then(|| Self::Custom(name.to_owned()))
    }

    /// Parses any name. Filters list names separated by commas, so a name has no comma, no space at its ends, and no
    /// invisible character.
    pub fn parse_lenient(name: &str) -> Option<Self> {
        Self::parse(name).or_else(|| {
            let well_formed = !name.is_empty()
                && name.chars().count() <= Self::MAX_CHARACTERS
                && name.trim() == name
                && name.chars().all(|character| may_stand(character, Kind::Id) && character != ',');
            well_formed.then(|| Self::Other(name.to_owned()))
        })
    }

    /// The catalogue action `name`, for the service's own events.
    ///
    /// # Panics
    /// If the catalogue has no such action. Callers pass literals only.
    pub(crate) fn own(name: &'static str) -> Self {
        Self::Known(row(name).expect("a literal name of the catalogue"))
    }

    /// The custom action `name`, for the service's own events. Clients may not use it: see [`Self::is_reserved`].
    pub(crate) fn own_custom(name: &'static str) -> Self {
        Self::Custom(name.to_owned())
    }

    /// The wire name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(row) => row.action,
            Self::Custom(name) | Self::Other(name) => name,
        }
    }

    /// The category of the action.
    pub fn category(&self) -> &'static Category {
        match self {
            Self::Known(row) => row.category,
            Self::Custom(_) => &CUSTOM,
            Self::Other(_) => &OTHER,
        }
    }

    /// The description of an event that was sent without one.
    pub fn default_description(&self) -> &str {
        match self {
            Self::Known(row) => row.event,
            Self::Custom(name) | Self::Other(name) => name,
        }
    }

    /// Who may record the action over HTTP.
    pub fn writer(&self) -> Writer {
        match self {
            Self::Known(row) => row.writer,
            _ if self.is_reserved() => Writer::Service,
            Self::Custom(_) | Self::Other(_) => Writer::Client,
        }
    }

    /// Whether events of this name are refused over HTTP and on the bus. Verifiers rely on these records, so only this
    /// service writes them. The service actions of the catalogue are not reserved: the product may report its own tokens
    /// and reads on the bus, and no verifier relies on those.
    pub fn is_reserved(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Custom(name) | Self::Other(name) => {
                let letters =
                    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
                letters.take(Self::RESERVED.len()).eq(Self::RESERVED.bytes())
            }
        }
    }

    /// Whether the action records an admin's change of the log itself, or is a receipt. Such events cannot be redacted.
    pub fn is_accountability(&self) -> bool {
        self.writer() == Writer::Service && self.name() != "audit_log_accessed"
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The catalogue action that the name probably misspells; `None` if the name is an action of the catalogue itself.
pub fn slip_of(name: &str) -> Option<&'static str> {
    if name.len() > MAX_COMPARED_BYTES || row(name).is_some() {
        return None;
    }
    let name = name.to_ascii_lowercase();
    CATALOGUE.iter().map(|row| row.action).find(|action| strsim::damerau_levenshtein(&name, action) <= 2)
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
    fn a_misspelt_action_is_distinguished_from_a_name_of_another_product() {
        assert_eq!(slip_of("Group_Craeted"), Some("group_created"));
        assert_eq!((slip_of("group_created"), slip_of("user.created")), (None, None));
    }

    #[test]
    fn the_catalogue_is_the_one_that_was_promised() {
        let listing: String = CATALOGUE
            .iter()
            .map(|row| {
                let CatalogueRow { action, event, category, writer, ocsf } = row;
                let OcsfActivity { class_uid, activity_id, severity_id } = ocsf;
                let ocsf = format!("{class_uid}/{activity_id}/{severity_id}");
                format!("{:<22} {action:<42} {ocsf:<9} {event} [{writer:?}]\n", category.name)
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
        fn check(name: &str, strict: Option<&str>, lenient: Option<&str>) {
            fn category(action: Option<Action>) -> Option<&'static str> {
                action.map(|action| action.category().name)
            }
            assert_eq!(category(Action::parse(name)), strict, "{name}");
            assert_eq!(category(Action::parse_lenient(name)), lenient, "{name}");
        }
        check("group_created", Some("user_groups"), Some("user_groups"));
        check("x_invoice_paid", Some("custom"), Some("custom"));
        check("x_", None, Some("other"));
        check(&format!("x_{}", "a".repeat(61)), Some("custom"), Some("custom"));
        check(&format!("x_{}", "a".repeat(62)), None, Some("other"));
        check("dashboard_shared", None, Some("other"));
        for name in
            ["user.login", "ConsoleLogin", "google.iam.v1.SetIamPolicy", "Add member to role.", "ab", "4624"]
        {
            check(name, None, Some("other"));
        }
        check("Microsoft.Compute/virtualMachines/write", None, Some("other"));
        check("ユーザー登録", None, Some("other"));
        check("Group_Created", None, Some("other"));
        check(&"ä".repeat(255), None, Some("other"));
        check(&"a".repeat(256), None, None);
        for name in ["", " ", " login", "login\n", "a,b", "a\u{0}", "a\u{85}", "\u{202e}nigol", "a\u{ffff}"] {
            check(name, None, None);
        }
    }

    #[test]
    fn reserved_names_are_recognized_wherever_the_underscores_are() {
        fn check(name: &str, reserved: bool) {
            let action = Action::parse_lenient(name).expect(name);
            assert_eq!(action.is_reserved(), reserved, "{name}");
            assert!(!reserved || action.writer() == Writer::Service, "{name}");
        }
        check("x_audit_log_expired", true);
        check("x_audit_log_anything", true);
        check("x_audit_log", true);
        check("x_audit_logs_expired", true);
        check("x_auditlog_expired", true);
        check("x__audit__log__expired", true);
        check("xaudit_log_expired", true);
        check(&format!("x_audit_log_{}", "a".repeat(52)), true);
        check("x_audit_lo", false);
        check("x_my_audit_log_expired", false);
        check("audit_log_accessed", false);
        check("audit_log_expired", false);
        check("api_token_workspace_created", false);
    }

    #[test]
    fn no_row_of_the_catalogue_has_a_custom_name() {
        // The description of a custom action is its name. A row of the same name would change it for recorded events.
        assert!(CATALOGUE.iter().all(|row| !row.action.starts_with("x_")));
    }
}
