//! Credentials: endpoint, workspace, token and JWT.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{error::Error, secret::Secret};

/// The endpoint, the workspace and the secrets for calls to the API, as far as they are known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Credentials {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<String>,
    /// The whole workspace token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bearer: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_jwt: Option<Secret>,
}

impl Credentials {
    /// Reads a file with credentials. What else it holds is not ours to judge.
    ///
    /// # Errors
    /// If it cannot be read; its content is not repeated.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let content = std::fs::read(path).map_err(|error| Error::named_file(path, error))?;
        serde_json::from_slice(&content).map_err(|_| {
            Error::usage(
                format!("{} is not a file with credentials.", path.display()),
                "It must be a JSON object with endpoint, workspace, bearer and admin_jwt, each optional.",
            )
        })
    }

    /// These, and where one is missing, the other's.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(other.endpoint),
            workspace: self.workspace.or(other.workspace),
            bearer: self.bearer.or(other.bearer),
            admin_jwt: self.admin_jwt.or(other.admin_jwt),
        }
    }

    /// These, and where one is missing, that of a profile. A saved secret is for the saved endpoint: with another
    /// endpoint, none is taken from the profile, so that a flag or a variable cannot send it elsewhere.
    ///
    /// # Errors
    /// If a secret is missing that the profile has for another endpoint.
    pub(crate) fn or_kept(self, profile: Self) -> Result<Self, Error> {
        let elsewhere = matches!((&self.endpoint, &profile.endpoint), (Some(this), Some(kept))
            if this.trim_end_matches('/') != kept.trim_end_matches('/'));
        if !elsewhere {
            return Ok(self.or(profile));
        }
        let nothing_given = self.bearer.is_none() && self.admin_jwt.is_none();
        if nothing_given && (profile.bearer.is_some() || profile.admin_jwt.is_some()) {
            return Err(Error::usage(
                "The saved token is for another endpoint than the one that --endpoint or AUDITLOG_ENDPOINT names.",
                "Give a token for this endpoint with --token -, or keep one with `auditlog login --profile NAME`.",
            ));
        }
        Ok(self.or(Self { bearer: None, admin_jwt: None, ..profile }))
    }

    /// The name of the workspace.
    ///
    /// # Errors
    /// If it is missing, or no name that a workspace can have.
    pub(crate) fn workspace(&self) -> Result<&str, Error> {
        let name = self
            .workspace
            .as_deref()
            .ok_or_else(|| missing("workspace", "--workspace", "AUDITLOG_WORKSPACE"))?;
        fn first(byte: u8) -> bool {
            byte.is_ascii_lowercase() || byte.is_ascii_digit()
        }
        let valid = matches!(name.as_bytes(), [head, tail @ ..] if first(*head) && tail.len() < 63
            && tail.iter().all(|byte| first(*byte) || b"_-".contains(byte)));
        if valid {
            return Ok(name);
        }
        Err(Error::usage(
            "The workspace has a name that none can have.",
            "Give its name as it stands in URLs: lower-case letters, digits, _ and -.",
        ))
    }

    /// The workspace token.
    ///
    /// # Errors
    /// If it is missing.
    pub(crate) fn bearer(&self) -> Result<&Secret, Error> {
        self.bearer.as_ref().ok_or_else(|| missing("workspace token", "--token -", "AUDITLOG_TOKEN"))
    }

    /// The admin's JWT.
    ///
    /// # Errors
    /// If it is missing.
    pub(crate) fn admin_jwt(&self) -> Result<&Secret, Error> {
        self.admin_jwt.as_ref().ok_or_else(|| missing("admin's JWT", "--admin-jwt -", "AUDITLOG_ADMIN_JWT"))
    }
}

/// That something is missing, and the ways to give it.
pub(crate) fn missing(what: &str, option: &str, variable: &str) -> Error {
    Error::usage(
        format!("The {what} is missing."),
        format!("Run `auditlog login` once, or give {option}, or set {variable}."),
    )
}
