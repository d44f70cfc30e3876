//! Completions for shells and the manual page, generated from a command line.

use std::io;

use clap::Command;
pub use clap_complete::Shell;

/// The script that completes a command in a shell.
pub fn completions(mut command: Command, shell: Shell) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of a command, and of each of its subcommands after it.
///
/// # Errors
/// If a page cannot be rendered.
pub fn pages(mut command: Command) -> io::Result<String> {
    command.build();
    let mut text = Vec::new();
    render(&command, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn render(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)?;
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        render(subcommand, text)?;
    }
    Ok(())
}
