//! Who is calling, as API Gateway's authorizers say, and what they may do.
//!
//! The partition key of every read and write comes from here, never from what the caller wrote: a
//! path that names another workspace is as good as one that names none.

use crate::model::{
    error::Error,
    id::{TokenId, WorkspaceId},
    scope::Scope,
};

/// The holder of a workspace token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The one workspace that the token opens.
    pub workspace: WorkspaceId,
    /// The token, by its public part.
    pub token: TokenId,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

/// An admin of a workspace, as the product's identity provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The workspace they administer.
    pub workspace: WorkspaceId,
    /// Their id in the product.
    pub user_id: String,
    /// Their name in the product, where the identity provider tells it.
    pub username: Option<String>,
}

impl TokenHolder {
    /// Lets the holder act in `workspace` if it is the token's own and the token has the scope.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] for any other workspace, whether there is one of that name or not;
    /// [`Error::Forbidden`] where the scope is missing.
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

impl Admin {
    /// Lets the admin act in `workspace` if it is their own.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] for any other.
    pub fn require(&self, workspace: &WorkspaceId) -> Result<(), Error> {
        if self.workspace == *workspace { Ok(()) } else { Err(Error::UnknownWorkspace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::parse(name).unwrap()
    }

    #[test]
    fn a_token_opens_its_own_workspace_for_its_own_scopes() {
        let holder = TokenHolder {
            workspace: workspace("acme"),
            token: TokenId::parse("abcdefABCDEF").unwrap(),
            scopes: vec![Scope::Read],
        };
        assert!(holder.require(&workspace("acme"), Scope::Read).is_ok());
        assert!(matches!(holder.require(&workspace("acme"), Scope::Write), Err(Error::Forbidden(_))));
        // The workspace is judged first: a foreign one is not even told which scope it would take.
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
