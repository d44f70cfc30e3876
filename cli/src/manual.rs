//! What is generated from the command line itself: completions for shells, and the manual.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{cli::Cli, error::Error, output::Output};

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
    /// Writes the script.
    pub(crate) fn run(&self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "auditlog", &mut script);
        Output::new().text(&String::from_utf8_lossy(&script))
    }
}

impl Manual {
    /// Writes the pages.
    pub(crate) fn run(&self) -> Result<(), Error> {
        match &self.dir {
            Some(directory) => write_pages(directory).map_err(|error| Error::file(directory, error)),
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                Output::new().text(&String::from_utf8_lossy(&page))
            }
        }
    }
}

fn write_pages(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}
