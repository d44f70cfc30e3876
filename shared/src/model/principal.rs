//! The caller of a request, as API Gateway's authorizers report it, and its permissions.
//!
//! The partition key of every read and write comes from the caller's identity, never from the path. A path that names
//! another workspace gets the same answer as a path that names a workspace which does not exist.

use crate::model::{
    error::Error,
    id::{TokenId, WorkspaceId},
    scope::Scope,
};

/// The holder of a workspace token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The workspace that the token belongs to.
    pub workspace: WorkspaceId,
    /// The public part of the token.
    pub token: TokenId,
    /// The token's permissions.
    pub scopes: Vec<Scope>,
}

/// An admin of a workspace, according to the product's identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The workspace they administer.
    pub workspace: WorkspaceId,
    /// The admin's user id in the product.
    pub user_id: String,
    /// The admin's name in the product, if the identity provider sends it.
    pub username: Option<String>,
}

impl TokenHolder {
    /// Checks that the token belongs to `workspace` and has the scope.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] for any other workspace, whether it exists or not; [`Error::Forbidden`] if the scope is
    /// missing.
    pub fn require(&self, workspace: &WorkspaceId, scope: Scope) -> Result<(), Error> {
        if self.workspace != *workspace {
            return Err(Error::UnknownWorkspace);
        }
        if !self.scopes.contains(&scope) {
            return Err(Error::Forbidden(format!(
                "This token lacks the scope {}; ask a workspace admin for one that has it.",
                scope.name()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::parse(name).unwrap()
    }

    #[test]
    fn a_token_is_accepted_for_its_own_workspace_and_scopes_only() {
        let holder = TokenHolder {
            workspace: workspace("acme"),
            token: TokenId::parse("abcdefABCDEF").unwrap(),
            scopes: vec![Scope::Read],
        };
        assert!(holder.require(&workspace("acme"), Scope::Read).is_ok());
        assert!(matches!(holder.require(&workspace("acme"), Scope::Write), Err(Error::Forbidden(_))));
        // The workspace is checked first, so that the answer for another workspace does not name a scope.
        assert!(matches!(holder.require(&workspace("globex"), Scope::Read), Err(Error::UnknownWorkspace)));
        assert!(matches!(holder.require(&workspace("globex"), Scope::Write), Err(Error::UnknownWorkspace)));
    }

    #[test]
    fn scopes_are_passed_on_as_names() {
        for name in Scope::NAMES {
            assert_eq!(Scope::parse(name).map(Scope::name), Some(name));
        }
        assert_eq!(
            Scope::parse_list("audit_log:read audit_log:write"),
            Some(vec![Scope::Read, Scope::Write])
        );
        assert_eq!(Scope::parse_list("audit_log:read admin"), None);
        assert_eq!(Scope::join(&[Scope::Read, Scope::Write]), "audit_log:read audit_log:write");
    }
}
