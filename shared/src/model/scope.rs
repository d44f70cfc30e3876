//! The scopes of workspace tokens.

/// A permission of a workspace token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read the audit log of the workspace.
    Read,
    /// Record events in the workspace.
    Write,
}

impl Scope {
    /// The names of all scopes.
    pub const NAMES: [&str; 2] = ["audit_log:read", "audit_log:write"];

    /// Reads a scope by its wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "audit_log:read" => Some(Self::Read),
            "audit_log:write" => Some(Self::Write),
            _ => None,
        }
    }

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "audit_log:read",
            Self::Write => "audit_log:write",
        }
    }

    /// Reads names separated by spaces, the form in which the authorizer passes them on.
    pub fn parse_list(names: &str) -> Option<Vec<Self>> {
        names.split_ascii_whitespace().map(Self::parse).collect()
    }

    /// The names, separated by spaces.
    pub fn join(scopes: &[Self]) -> String {
        scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
    }
}
