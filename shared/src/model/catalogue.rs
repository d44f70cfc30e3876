//! The catalogue: 50 actions in 9 categories, in one table.
//!
//! Rows are added, never renamed, reordered or removed: what was recorded under a name must read
//! the same for as long as it is kept.

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
    /// The label people read, such as `User Membership`.
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
    /// What it is to security tools.
    pub ocsf: OcsfActivity,
}

/// Who may write events of an action over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Any client that may record events.
    Client,
    /// This service, in the workspace it concerns.
    Service,
}

/// What was done, in the terms of the Open Cybersecurity Schema Framework 1.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcsfActivity {
    /// The class of the event, such as 3001 for Account Change.
    pub class_uid: u16,
    /// The activity within its class; 99 where the class has none that fits.
    pub activity_id: u8,
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
    ($($category:ident { $($writer:ident $action:literal $class_uid:literal/$activity_id:literal $event:literal)* })*) => {
        /// The nine categories, in the order they are listed.
        pub const CATEGORIES: &[Category] = &[$($category),*];

        /// Every action the product knows, in the order they are listed.
        pub const CATALOGUE: &[CatalogueRow] = &[$($(CatalogueRow {
            action: $action,
            event: $event,
            category: &$category,
            writer: Writer::$writer,
            ocsf: OcsfActivity { class_uid: $class_uid, activity_id: $activity_id },
        },)*)*];
    };
}

catalogue! {
    USER_MEMBERSHIP {
        Client "org_user_role_changed" 3005/1 "Change the role of a member"
        Client "org_user_invited" 3001/1 "Invite a member"
        Client "org_user_invitation_resent" 3001/99 "Resend an invite"
        Client "org_user_reinvited" 3001/2 "Reinvite a former member"
    }
    USER_GROUPS {
        Client "group_created" 3006/6 "Create a group"
        Client "group_member_added" 3006/3 "Add a member to a group"
        Client "group_member_removed" 3006/4 "Remove a member from a group"
        Client "group_deleted" 3006/5 "Delete a group"
    }
    WORKSPACE_COLLECTIONS {
        Client "workspace_default_access_changed" 3004/3 "Change default Workspace access"
        Client "collection_created" 3004/1 "Create a collection"
        Client "collection_deleted" 3004/4 "Delete a collection"
        Client "collection_member_added" 3005/1 "Add a member to a collection"
        Client "collection_member_removed" 3005/2 "Remove a member from a collection"
        Client "collection_member_access_changed" 3005/1 "Change collection access for a member"
        Client "collection_group_added" 3006/1 "Add a group to a collection"
        Client "collection_group_removed" 3006/2 "Remove a group from a collection"
        Client "collection_group_access_changed" 3006/1 "Change collection access for a group"
    }
    WORKSPACE_CONNECTIONS {
        Client "connection_created" 3004/1 "Create a connection"
        Client "connection_deleted" 3004/4 "Delete a connection"
        Client "connection_member_added_with_role" 3005/1 "Add a member to a connection with role (Manage, Query, View)"
        Client "connection_member_removed" 3005/2 "Remove a member from a connection"
        Client "connection_group_added_with_role" 3006/1 "Add a group to a connection with role (Manage, Query, View)"
        Client "connection_group_removed" 3006/2 "Remove a group from a connection"
        Client "connection_member_access_changed" 3005/1 "Change connection access for a member"
        Client "connection_group_access_changed" 3006/1 "Change connection access for a group"
    }
    EXPORT_DATA {
        Client "export_data_sql_exported" 6003/2 "SQL Editor: Output is Exported"
        Client "export_data_report_exported_csv" 6003/2 "Report Read-only View: Export as CSV"
        Client "export_data_report_exported_pdf" 6003/2 "Report Read-only View: Export as PDF"
    }
    REPORT_ACTIVITY {
        Client "report_activity_report_created" 6003/1 "When new report is created"
        Client "report_activity_report_edited" 6003/3 "When report is Edited"
        Client "report_activity_report_deleted" 6003/4 "When report is Deleted"
        Client "report_activity_report_moved" 6003/3 "When report is Moved"
        Client "report_activity_sql_added" 6003/1 "SQL is added"
        Client "report_activity_sql_deleted" 6003/4 "SQL is deleted"
        Client "report_activity_visualization_added" 6003/1 "When new visualization added"
        Client "report_activity_visualization_deleted" 6003/4 "When visualization is Deleted"
        Client "report_activity_python_notebook_added" 6003/1 "Python Notebook Added"
        Client "report_activity_r_notebook_added" 6003/1 "R Notebook Added"
    }
    REPORT_SCHEDULE {
        Client "report_schedule_created" 6003/1 "When new schedule added"
        Client "report_schedule_edited" 6003/3 "When schedule is Edited"
        Client "report_schedule_deleted" 6003/4 "When schedule is Deleted"
        Client "report_schedule_user_email_added" 6003/3 "When user email is added to the schedule"
        Client "report_schedule_user_email_removed" 6003/3 "When user email is removed from the schedule"
        Client "report_schedule_channel_added" 6003/3 "When Slack channel is added to the schedule"
        Client "report_schedule_channel_removed" 6003/3 "When Slack channel is removed from the schedule"
    }
    API_TOKEN {
        Service "api_token_workspace_created" 3004/1 "Create workspace token"
        Client "api_token_member_key_generated" 3004/1 "API token generation by member"
        Client "api_token_member_key_revoked" 3004/4 "Revoke member API keys"
        Service "api_token_workspace_revoked" 3004/4 "Revoke workspace token"
    }
    AUDIT_LOGS_ACCESS {
        Service "audit_log_accessed" 6003/2 "When the audit log endpoint has been accessed"
    }
}

/// The name of what was done, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A row of the catalogue.
    Known(&'static CatalogueRow),
    /// A name of the product's own: `x_[a-z0-9_]{1,61}`.
    Custom(String),
    /// Any other name, such as `user.login` or `google.iam.v1.SetIamPolicy`. Only the bus may bring one: the products
    /// behind it are not ours to rename, and losing an event is worse than not knowing its name.
    Other(String),
}

impl Action {
    /// The longest name of any action, in characters.
    pub const MAX_CHARACTERS: usize = 255;
    /// The longest custom name, in bytes.
    pub const MAX_CUSTOM_BYTES: usize = 64;
    /// The beginning of the names of custom actions that this service alone records, without underscores. Names that
    /// only place the underscores otherwise would be mistaken for those, so they are reserved too.
    const RESERVED: &str = "xauditlog";
    /// The same as a regular expression.
    pub const RESERVED_PATTERN: &str = "^x_*a_*u_*d_*i_*t_*l_*o_*g";

    /// Reads a name of the catalogue or a custom one; `None` for any other.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(row) = row(name) {
            return Some(Self::Known(row));
        }
        let rest = name.strip_prefix("x_")?;
        ((1..=61).contains(&rest.len()) && rest.bytes().all(is_name_byte))
            .then(|| Self::Custom(name.to_owned()))
    }

    /// Reads any name, known or not. Filters list names with commas between them and name each once, so a name has no
    /// comma, no space at its ends, and no character that cannot be seen or sent.
    pub fn parse_lenient(name: &str) -> Option<Self> {
        Self::parse(name).or_else(|| {
            let well_formed = !name.is_empty()
                && name.chars().count() <= Self::MAX_CHARACTERS
                && name.trim() == name
                && name.chars().all(|character| may_stand(character, Kind::Id) && character != ',');
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

    /// The custom action this service records under `name`, which no client may use: see [`Self::is_reserved`].
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

    /// What it is to security tools. A name that is not in the catalogue is some activity of an API.
    pub fn ocsf(&self) -> OcsfActivity {
        match self {
            Self::Known(row) => row.ocsf,
            Self::Custom(_) | Self::Other(_) => OcsfActivity { class_uid: 6003, activity_id: 99 },
        }
    }

    /// Who may record it over HTTP.
    pub fn writer(&self) -> Writer {
        match self {
            Self::Known(row) => row.writer,
            _ if self.is_reserved() => Writer::Service,
            Self::Custom(_) | Self::Other(_) => Writer::Client,
        }
    }

    /// Whether no door takes an event of this name: verifiers judge a log by such records, so only this service
    /// writes them. The catalogue's own service actions are not among them: the product may report its own tokens
    /// and its own reads on the bus, and no verifier relies on those.
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

    /// Whether it is the act of an admin on the log itself, or a receipt: nothing is erased of its records.
    pub fn is_accountability(&self) -> bool {
        self.writer() == Writer::Service && self.name() != "audit_log_accessed"
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The action of the catalogue that a slip or two make this name of, if it is no action of the catalogue itself.
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
    fn a_slip_is_told_from_a_name_of_another_product() {
        assert_eq!(slip_of("Group_Craeted"), Some("group_created"));
        assert_eq!((slip_of("group_created"), slip_of("user.created")), (None, None));
    }

    #[test]
    fn the_catalogue_is_the_one_that_was_promised() {
        let listing: String = CATALOGUE
            .iter()
            .map(|row| {
                let CatalogueRow { action, event, category, writer, ocsf } = row;
                let OcsfActivity { class_uid, activity_id } = ocsf;
                let ocsf = format!("{class_uid}/{activity_id}");
                format!("{:<22} {action:<42} {ocsf:<7} {event} [{writer:?}]\n", category.name)
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
    fn reserved_names_are_recognized_however_the_underscores_are_placed() {
        let check = |name: &str, reserved: bool| {
            let action = Action::parse_lenient(name).expect(name);
            assert_eq!(action.is_reserved(), reserved, "{name}");
            assert!(!reserved || action.writer() == Writer::Service, "{name}");
        };
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
        // The description of a custom action is its name, which a row of the same name would change.
        assert!(CATALOGUE.iter().all(|row| !row.action.starts_with("x_")));
    }
}
