use crate::cli;
use crate::failure::Outcome;
use anyhow::{Context as _, Result};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

/// Arguments of `git chant generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where `man/` and `completions/` are written
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub fn run(args: Args) -> Result<Outcome> {
    for (path, bytes) in pages()? {
        let path = args.dir.join(path);
        let dir = path.parent().context("a page lies in a directory")?;
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        std::fs::write(&path, bytes).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(Outcome::Yes)
}

/// Every generated file: its path below the repository's top, and its bytes.
pub fn pages() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut tree = cli::tree().disable_help_subcommand(true);
    tree.build();
    let mut list = Vec::new();
    page(&tree, "git-chant", &mut list)?;
    for verb in tree.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page(verb, &format!("git-chant-{}", verb.get_name()), &mut list)?;
    }
    for (shell, name) in [(Shell::Bash, "git-chant.bash"), (Shell::Zsh, "_git-chant"), (Shell::Fish, "git-chant.fish")] {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut cli::tree().bin_name("git-chant"), "git-chant", &mut bytes);
        list.push((Path::new("completions").join(name), bytes));
    }
    Ok(list)
}

fn page(command: &clap::Command, name: &str, list: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<()> {
    let mut bytes = Vec::new();
    // No date: the page follows from the command line alone.
    let man = clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).date("").manual("git-chant");
    man.render(&mut bytes).context("could not render a man page")?;
    list.push((Path::new("man").join(format!("{name}.1")), bytes));
    Ok(())
}
