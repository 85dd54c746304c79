//! The guides, done as they stand there. A fence of `sh run` is run in order, on the network of the test, as the
//! person who owns the machine; a line `# -> text` says what the command before it prints, `# .. text` what it
//! prints after a while, when it is given again and again.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use dbc_testkit::{Dbc, Network, wait_for};

/// How long `# ..` waits.
const PATIENCE: Duration = Duration::from_secs(600);
/// The guide whose commands need the machine for themselves.
const OF_PROVIDERS: &str = "provider.md";

/// N2, C5, D61, D74: whatever a guide marks as runnable does what it says.
pub async fn what_guides_say_is_what_happens(network: &Network) -> Result<()> {
    follow(network, 30, |guide| guide != OF_PROVIDERS).await
}

/// D71: the provider's guide does with this machine what it says.
pub async fn what_the_provider_s_guide_says_is_what_happens(network: &Network) -> Result<()> {
    follow(network, 8, |guide| guide == OF_PROVIDERS).await
}

/// Runs the commands of guides, and `least` of them, so that a changed mark does not make the test empty.
async fn follow(network: &Network, least: usize, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut guides = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs/guides"))? {
        guides.push(entry?.path());
    }
    guides.sort();
    let owner = network.user("owner");
    let mut done = 0;
    for guide in guides {
        let named = guide.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !wanted(&named) {
            continue;
        }
        let steps = steps(&std::fs::read_to_string(&guide)?);
        for Step { line, command, says } in steps.with_context(|| named.clone())? {
            let at = format!("{named}:{line}: {}", command.join(" "));
            walk(&owner, &command, &says).await.with_context(|| at)?;
            done += 1;
        }
    }
    ensure!(done >= least, "only {done} commands of guides can be run");
    Ok(())
}

/// A command with what it prints.
struct Step {
    line: usize,
    command: Vec<String>,
    says: Vec<Says>,
}

enum Says {
    AtOnce(String),
    InTheEnd(String),
}

/// The commands of a guide's runnable fences.
fn steps(text: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(text.lines()) {
        if text.starts_with("```") {
            inside = !inside && text == "```sh run";
            continue;
        }
        if !inside || text.trim().is_empty() {
            continue;
        }
        if let Some(note) = text.strip_prefix("# ") {
            let says = match (note.strip_prefix("-> "), note.strip_prefix(".. ")) {
                (Some(text), _) => Says::AtOnce(text.into()),
                (_, Some(text)) => Says::InTheEnd(text.into()),
                _ => continue,
            };
            steps
                .last_mut()
                .with_context(|| format!("line {line} follows no command"))?
                .says
                .push(says);
            continue;
        }
        let mut command = words(text);
        ensure!(
            command.first().is_some_and(|word| word == "dbc"),
            "line {line} is no command of dbc"
        );
        command.remove(0);
        steps.push(Step { line, command, says: Vec::new() });
    }
    Ok(steps)
}

/// Words of a line as a shell has them: quotes in pairs, a comment behind `#`.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '#' if !quoted && words.last().is_some_and(String::is_empty) => break,
            blank if blank.is_whitespace() && !quoted => words.push(String::new()),
            other => words.last_mut().expect("at least one").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

async fn walk(user: &Dbc, command: &[String], says: &[Says]) -> Result<()> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let printed = print(user, &words).await?;
    for expected in says {
        match expected {
            Says::AtOnce(text) if printed.contains(text) => {}
            Says::AtOnce(text) => bail!("does not print {text:?} but:\n{printed}"),
            Says::InTheEnd(text) => {
                wait_for(text, PATIENCE, || async {
                    let printed = print(user, &words).await?;
                    ensure!(printed.contains(text), "it prints:\n{printed}");
                    Ok(Some(()))
                })
                .await?;
            }
        }
    }
    Ok(())
}

/// What it prints, messages included.
async fn print(user: &Dbc, words: &[&str]) -> Result<String> {
    let output = user.run(words).await?;
    let printed = format!("{}\n{}", output.stdout, output.stderr);
    ensure!(output.code == 0, "ends with {}:\n{printed}", output.code);
    Ok(printed)
}
