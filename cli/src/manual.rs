//! Texts that are generated from the command line itself: completions for shells, and the manual.

use std::path::{Path, PathBuf};

use clap::{Arg, Args, Command, builder::PossibleValuesParser};
use clap_complete::Shell;

use crate::{
    catalogue::{CATEGORIES, actions},
    config::{self, Config},
    error::Error,
    flags::variable,
    output::Output,
};

/// Options of `auditlog completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell they are for
    shell: Shell,
}

/// Options of `auditlog man`.
#[derive(Args, Debug)]
pub(crate) struct Manual {
    /// Write a page for every command into this directory, instead of the first to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Completions {
    /// Writes the script. It has the profiles and workspaces of the config file as they are now.
    pub(crate) fn run(&self, command: Command) -> Result<(), Error> {
        let config = config::path(variable).and_then(|path| Config::read(&path)).unwrap_or_default();
        let mut script = Vec::new();
        let mut command = with_values(command, &config);
        clap_complete::generate(self.shell, &mut command, "auditlog", &mut script);
        Output::new().text(&String::from_utf8_lossy(&script))
    }
}

/// The command, in which each option that takes a name has the names that are known. Only completions use it: the
/// options themselves take other names too.
fn with_values(command: Command, config: &Config) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| with_known_names(argument, config));
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |command| with_values(command, config)))
}

fn with_known_names(argument: Arg, config: &Config) -> Arg {
    let names: Vec<&'static str> = match argument.get_id().as_str() {
        "action" | "not_action" => actions().collect(),
        "category" | "not_category" => CATEGORIES.to_vec(),
        // clap keeps names as long as the process runs, which ends with the script.
        "profile" => config.names().map(|name| &*name.to_owned().leak()).collect(),
        "workspace" => config.workspaces().into_iter().map(|name| &*name.leak()).collect(),
        _ => return argument,
    };
    if names.is_empty() { argument } else { argument.value_parser(PossibleValuesParser::new(names)) }
}

impl Manual {
    /// Writes the pages.
    pub(crate) fn run(&self, command: Command) -> Result<(), Error> {
        match &self.dir {
            Some(directory) => {
                write_pages(command, directory).map_err(|error| Error::named_file(directory, error))
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                Output::new().text(&String::from_utf8_lossy(&page))
            }
        }
    }
}

fn write_pages(command: Command, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command, directory)
}
