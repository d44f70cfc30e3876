//! The config file: what `auditlog login` keeps for later commands, by profile.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{credentials::Credentials, error::Error, private_file, terminal};

/// The profile that is used if none is named.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// The content of the config file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    profiles: BTreeMap<String, Credentials>,
}

impl Config {
    /// Reads the file; an empty config where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::file(path, error)),
        };
        if private_file::is_open_to_others(&file).map_err(|error| Error::file(path, error))? {
            let path = path.display();
            terminal::say(&format!(
                "warning: others can read {path}, which holds tokens; run chmod 600 on it."
            ));
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| Error::file(path, error))?;
        serde_json::from_slice(&content).map_err(|error| {
            // The message of the parser may repeat what it found: a secret.
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::failure(
                format!("{} is not a config file of auditlog: {place}.", path.display()),
                "Mend it, or delete it and run `auditlog login`.",
            )
        })
    }

    /// The content of a profile; `None` if there is no such profile.
    pub(crate) fn profile(&self, name: &str) -> Option<&Credentials> {
        self.profiles.get(name)
    }

    /// The names of all profiles.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The names of the workspaces of all profiles, each once.
    pub(crate) fn workspaces(&self) -> Vec<String> {
        let names = self.profiles.values().filter_map(|profile| profile.workspace.clone());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Sets what a profile holds, and writes the file for its owner only.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn save(mut self, path: &Path, profile: &str, credentials: Credentials) -> Result<(), Error> {
        self.profiles.insert(profile.to_owned(), credentials);
        self.write(path)
    }

    /// Removes profiles, and writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn remove<'a>(
        mut self,
        path: &Path,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        for name in names {
            self.profiles.remove(name);
        }
        self.write(path)
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            private_file::create_directory(directory)?;
        }
        let mut content = serde_json::to_vec_pretty(self).map_err(|error| Error::file(path, error))?;
        content.push(b'\n');
        private_file::replace(path, &content)
    }
}

/// Where the config file is: `AUDITLOG_CONFIG`, or else where the platform keeps such files.
///
/// # Errors
/// If the environment does not say where the user's files are.
pub(crate) fn path(environment: impl Fn(&str) -> Option<String>) -> Result<PathBuf, Error> {
    if let Some(path) = environment("AUDITLOG_CONFIG") {
        return Ok(path.into());
    }
    let directory = directory(environment).ok_or_else(|| {
        Error::failure(
            "The environment does not say where your config files are.",
            "Set AUDITLOG_CONFIG to the path of a file.",
        )
    })?;
    Ok(directory.join("auditlog").join("config.json"))
}

fn directory(environment: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if cfg!(windows) {
        absolute(&environment, "APPDATA")
    } else if cfg!(target_os = "macos") {
        absolute(&environment, "HOME").map(|home| home.join("Library").join("Application Support"))
    } else {
        // The XDG Base Directory Specification ignores a path that is not absolute.
        absolute(&environment, "XDG_CONFIG_HOME")
            .or_else(|| Some(absolute(&environment, "HOME")?.join(".config")))
    }
}

fn absolute(environment: impl Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    environment(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_file_is_where_the_platform_keeps_such_files() {
        fn check(variables: &[(&str, &str)], expected: Option<&str>) {
            let found = path(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found.ok(), expected.map(PathBuf::from));
        }
        check(&[("HOME", "/home/me")], Some("/home/me/.config/auditlog/config.json"));
        check(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/c")], Some("/c/auditlog/config.json"));
        check(
            &[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "c")],
            Some("/home/me/.config/auditlog/config.json"),
        );
        check(&[("HOME", "/home/me"), ("AUDITLOG_CONFIG", "mine")], Some("mine"));
        check(&[], None);
    }

    #[test]
    fn a_broken_file_is_told_without_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        private_file::replace(&path, br#"{"profiles": {"default": {"bearer": ["alw_hush"]}}}"#).unwrap();
        let Err(Error::Failure(message)) = Config::read(&path) else { panic!("read") };
        assert!(!message.to_string().contains("hush"), "{message}");
    }
}
