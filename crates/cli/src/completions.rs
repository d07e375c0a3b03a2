//! Completions for shells and manual pages, both made of the table of commands.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use crate::call::Call;
use crate::table::Outcome;
use crate::{connection, tree};

/// Prints a script for a shell.
pub(crate) fn script(call: &Call) -> Outcome {
    let name = call.needed("SHELL");
    let shell: Shell = name
        .parse()
        .map_err(|_| anyhow::anyhow!("there are no completions for `{name}`: bash, zsh, fish, elvish or powershell"))?;
    let name = connection::program(&call.settings);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program(call), name, &mut script);
    crate::output::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Everything that can be called.
fn program(call: &Call) -> Command {
    let name = connection::program(&call.settings);
    tree::complete((call.program)().name(name).bin_name(name))
}

/// Writes a page for each command.
pub(crate) fn manual(call: &Call) -> Outcome {
    let folder = Path::new(call.text("FOLDER").unwrap_or("man"));
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut program = program(call);
    program.build();
    let number = pages(&program, folder)?;
    call.print.say(format!("{number} pages are in {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn pages(command: &Command, folder: &Path) -> anyhow::Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page).with_context(|| format!("{} cannot be written", file.display()))?;
    command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .map(|inner| pages(inner, folder))
        .sum::<anyhow::Result<usize>>()
        .map(|inner| inner + 1)
}
