//! The claims of an admin's JWT. Each identity provider has names and forms of its own for them.
//!
//! API Gateway has checked the signature, the issuer, the audience and the times. It passes each claim on as text, and a
//! list as `[a b]`: an element with a space cannot be told from two elements. So a value that makes an admin must not be a
//! word of another role's name.

use std::{borrow::Cow, collections::HashMap};

use crate::model::id::WorkspaceId;

/// The part of an admin value that stands for the workspace of the request.
const WORKSPACE: &str = "{workspace}";
/// The claims whose text is a list of words (RFC 8693 §4.2; Entra and Okta write `scp`).
const WORD_LISTS: [&str; 2] = ["scope", "scp"];

/// The names of the claims that say who an admin is, and of which workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminClaims {
    /// The claim with the workspace, or with a list of workspaces.
    pub workspace: String,
    /// The claim with the id of the user.
    pub user_id: String,
    /// The claim with the name of the user. A JWT may lack it.
    pub username: String,
    /// The claim with the role, or with a list of roles, groups or scopes.
    pub admin: String,
    /// The values of [`Self::admin`] that make an admin. In a value with `{workspace}`, the name of the workspace stands
    /// for it; such a value makes an admin of that workspace without a claim with the workspace.
    pub admin_values: Vec<String>,
}

/// The reason why a JWT does not make its user an admin of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmin {
    /// The user has no role that makes an admin.
    Role,
    /// The JWT has no claim with a valid name of a workspace.
    NoWorkspace,
    /// The user is of other workspaces.
    OtherWorkspace,
}

impl Default for AdminClaims {
    fn default() -> Self {
        Self {
            workspace: "workspace".to_owned(),
            user_id: "sub".to_owned(),
            username: "username".to_owned(),
            admin: "role".to_owned(),
            admin_values: vec!["admin".to_owned()],
        }
    }
}

impl AdminClaims {
    /// Checks that the claims make their user an admin of `workspace`.
    ///
    /// # Errors
    /// The reason why they do not. A user of other workspaces is not told whether the role would do.
    pub fn check(&self, claims: &HashMap<String, String>, workspace: &WorkspaceId) -> Result<(), NotAdmin> {
        let roles = claims.get(&self.admin).map(|text| values(&self.admin, text)).unwrap_or_default();
        let (of_workspace, of_any): (Vec<_>, Vec<_>) =
            self.admin_values.iter().partition(|value| value.contains(WORKSPACE));
        let has = |value: &str| roles.iter().any(|role| role == value);
        if of_workspace.iter().any(|value| has(&value.replace(WORKSPACE, workspace.as_str()))) {
            return Ok(());
        }
        if of_any.is_empty() {
            return Err(NotAdmin::Role);
        }
        let workspaces = claims.get(&self.workspace).map(|text| values(&self.workspace, text));
        let mut workspaces = workspaces.unwrap_or_default();
        workspaces.retain(|name| WorkspaceId::parse(name).is_ok());
        if workspaces.is_empty() {
            return Err(NotAdmin::NoWorkspace);
        }
        if !workspaces.iter().any(|name| name == workspace.as_str()) {
            return Err(NotAdmin::OtherWorkspace);
        }
        if of_any.into_iter().any(|value| has(value)) { Ok(()) } else { Err(NotAdmin::Role) }
    }
}

/// The values of a claim: those of a list, the words of a list of scopes, or the whole text.
fn values<'a>(claim: &str, text: &'a str) -> Vec<Cow<'a, str>> {
    if let Some(elements) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return match serde_json::from_str::<Vec<String>>(text) {
            Ok(elements) => elements.into_iter().map(Cow::Owned).collect(),
            Err(_) => {
                elements.split([' ', ',']).filter(|element| !element.is_empty()).map(Cow::Borrowed).collect()
            }
        };
    }
    if WORD_LISTS.contains(&claim) {
        return text.split_ascii_whitespace().map(Cow::Borrowed).collect();
    }
    if text.is_empty() { Vec::new() } else { vec![Cow::Borrowed(text)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(workspace: &str, admin: &str, admin_values: &[&str]) -> AdminClaims {
        AdminClaims {
            workspace: workspace.to_owned(),
            admin: admin.to_owned(),
            admin_values: admin_values.iter().map(|value| (*value).to_owned()).collect(),
            ..AdminClaims::default()
        }
    }

    /// The claims of a JWT, and the answer for the workspace acme.
    type Row<'a> = (&'a [(&'a str, &'a str)], Result<(), NotAdmin>);

    /// Checks the claims of JWTs in the form of one identity provider.
    fn check(names: &AdminClaims, jwts: &[Row<'_>]) {
        let acme = WorkspaceId::parse("acme").unwrap();
        for (claims, expected) in jwts {
            let claims =
                claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(names.check(&claims, &acme), *expected, "{claims:?}");
        }
    }

    const ADMIN: Result<(), NotAdmin> = Ok(());
    const MEMBER: Result<(), NotAdmin> = Err(NotAdmin::Role);
    const STRANGER: Result<(), NotAdmin> = Err(NotAdmin::OtherWorkspace);
    const INCOMPLETE: Result<(), NotAdmin> = Err(NotAdmin::NoWorkspace);

    #[test]
    fn the_default_names_are_workspace_and_role() {
        check(
            &AdminClaims::default(),
            &[
                (&[("workspace", "acme"), ("role", "admin")], ADMIN),
                (&[("workspace", "acme"), ("role", "[admin]")], ADMIN),
                (&[("workspace", "acme"), ("role", r#"["editor","admin"]"#)], ADMIN),
                (&[("workspace", "[globex acme]"), ("role", "admin")], ADMIN),
                (&[("workspace", "acme"), ("role", "member")], MEMBER),
                (&[("workspace", "acme"), ("role", "Admin")], MEMBER),
                (&[("workspace", "acme"), ("role", "no admin")], MEMBER),
                (&[("workspace", "acme"), ("role", "admins")], MEMBER),
                (&[("workspace", "acme"), ("role", "")], MEMBER),
                (&[("workspace", "acme"), ("role", "[]")], MEMBER),
                (&[("workspace", "acme"), ("role", r#"["no admin"]"#)], MEMBER),
                (&[("workspace", "acme")], MEMBER),
                (&[("workspace", "globex"), ("role", "admin")], STRANGER),
                (&[("workspace", "globex"), ("role", "member")], STRANGER),
                (&[("workspace", "acmecorp"), ("role", "admin")], STRANGER),
                (&[("workspace", ""), ("role", "admin")], INCOMPLETE),
                (&[("workspace", "ACME"), ("role", "admin")], INCOMPLETE),
                (&[("role", "admin")], INCOMPLETE),
            ],
        );
    }

    #[test]
    fn a_jwt_of_cognito_makes_an_admin_by_its_groups() {
        check(
            &names("custom:workspace", "cognito:groups", &["audit-admins"]),
            &[
                (&[("custom:workspace", "acme"), ("cognito:groups", "[audit-admins editors]")], ADMIN),
                (&[("custom:workspace", "acme"), ("cognito:groups", "[editors]")], MEMBER),
                (&[("custom:workspace", "globex"), ("cognito:groups", "[audit-admins]")], STRANGER),
                // An access token has no custom claims.
                (&[("cognito:groups", "[audit-admins]"), ("token_use", "access")], INCOMPLETE),
            ],
        );
    }

    #[test]
    fn a_jwt_of_okta_makes_an_admin_by_groups_or_scopes() {
        check(
            &names("workspace", "groups", &["audit-log-admins-{workspace}"]),
            &[
                (&[("groups", "[Everyone audit-log-admins-acme]")], ADMIN),
                (&[("groups", "[Everyone audit-log-admins-globex]")], MEMBER),
                (&[("groups", "[Everyone audit-log-admins-{workspace}]")], MEMBER),
            ],
        );
        check(
            &names("workspace", "scp", &["audit_log.admin"]),
            &[
                (&[("workspace", "acme"), ("scp", "[openid audit_log.admin]")], ADMIN),
                (&[("workspace", "acme"), ("scp", "[openid]")], MEMBER),
            ],
        );
    }

    #[test]
    fn a_jwt_of_auth0_has_claims_with_a_prefix() {
        check(
            &names("https://example.com/workspace", "https://example.com/roles", &["owner", "admin"]),
            &[
                (
                    &[("https://example.com/workspace", "acme"), ("https://example.com/roles", "[owner]")],
                    ADMIN,
                ),
                (
                    &[("https://example.com/workspace", "acme"), ("https://example.com/roles", "[viewer]")],
                    MEMBER,
                ),
                (&[("workspace", "acme"), ("roles", "[owner]")], INCOMPLETE),
            ],
        );
    }

    #[test]
    fn a_jwt_of_entra_makes_an_admin_by_app_roles_or_scopes() {
        check(
            &names("workspace", "roles", &["AuditLog.Admin"]),
            &[
                (&[("workspace", "acme"), ("roles", "[AuditLog.Admin]")], ADMIN),
                (&[("workspace", "acme"), ("roles", "[AuditLog.Reader]")], MEMBER),
            ],
        );
        check(
            &names("workspace", "scp", &["AuditLog.Manage"]),
            &[
                (&[("workspace", "acme"), ("scp", "User.Read AuditLog.Manage")], ADMIN),
                (&[("workspace", "acme"), ("scp", "User.Read")], MEMBER),
            ],
        );
    }

    #[test]
    fn a_jwt_of_keycloak_makes_an_admin_by_groups_with_paths() {
        check(
            &names("workspace", "groups", &["/{workspace}/admins"]),
            &[
                (&[("groups", "[/acme/admins /globex/members]")], ADMIN),
                (&[("groups", "[/acme/members /globex/admins]")], MEMBER),
                (&[("groups", "[/acme/admins/deputies]")], MEMBER),
                (&[("workspace", "acme")], MEMBER),
            ],
        );
    }

    #[test]
    fn a_claim_of_true_makes_an_admin() {
        check(
            &names("org", "is_admin", &["true"]),
            &[
                (&[("org", "acme"), ("is_admin", "true")], ADMIN),
                (&[("org", "acme"), ("is_admin", "false")], MEMBER),
            ],
        );
    }
}
