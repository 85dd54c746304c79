//! A whole network on this machine, by the same `dbc up` that a user runs, in folders of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::programs::program;

/// Longest time that one command of a test may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(600);

/// A running network; [`Network::purge`] ends it.
#[derive(Debug)]
pub struct Network {
    dbc: PathBuf,
    state: PathBuf,
    images: PathBuf,
    folder: TempDir,
}

/// One user's command line: a folder with wallets and keys, on a network.
#[derive(Debug, Clone)]
pub struct Dbc {
    dbc: PathBuf,
    state: PathBuf,
    images: PathBuf,
    home: PathBuf,
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// Messages.
    pub stderr: String,
}

impl Network {
    /// Starts a network with `dbc up` and its first demonstration job left out.
    ///
    /// # Errors
    /// When a program is not built or the network does not come up; the log folder is named.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let dbc = program("dbc")?;
        let folder = tempfile::Builder::new().prefix("dbc-e2e-").tempdir()?;
        let state = folder.path().join("state");
        // Images are built once for all runs: they depend on nothing but their recipes.
        let target = dbc.parent().and_then(Path::parent).context("dbc lies in no target folder")?;
        let images = target.join("dbc/images");
        let network = Self { dbc, state, images, folder };
        let mut words = vec!["up", "--no-demo"];
        words.extend_from_slice(arguments);
        let output = network.user("owner").run(&words).await?;
        if output.code != 0 {
            // What came up must not outlive the test, or the next one meets it.
            network.purge().await?;
            bail!("dbc up failed:\n{}\n{}", output.stdout, output.stderr);
        }
        Ok(network)
    }

    /// The command line of the person who owns the machine (`owner`) or of somebody else.
    pub fn user(&self, name: &str) -> Dbc {
        Dbc {
            dbc: self.dbc.clone(),
            state: self.state.clone(),
            images: self.images.clone(),
            home: self.folder.path().join(name),
        }
    }

    /// Folder with the network's state, logs and process ids.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Ends the network and undoes everything that it changed on this machine.
    ///
    /// # Errors
    /// When `dbc down --purge` fails.
    pub async fn purge(self) -> Result<()> {
        let output = self.user("owner").run(&["down", "--purge"]).await?;
        ensure!(output.code == 0, "dbc down --purge failed:\n{}\n{}", output.stdout, output.stderr);
        Ok(())
    }
}

impl Dbc {
    /// The user's folder of wallets and keys.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A command that has not run yet, for tests that need its streams.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.dbc);
        command
            .args(words)
            .env("DBC_NET_DIR", &self.state)
            .env("DBC_HOME", &self.home)
            .env("DBC_IMAGE_CACHE", &self.images)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started or takes longer than ten minutes.
    pub async fn run(&self, words: &[&str]) -> Result<Output> {
        let running = self.command(words).output();
        let output = timeout(COMMAND_LIMIT, running)
            .await
            .with_context(|| format!("dbc {} took too long", words.join(" ")))?
            .with_context(|| format!("dbc {} did not start", words.join(" ")))?;
        Ok(Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that must succeed, and gives its output.
    ///
    /// # Errors
    /// When it exits with anything but 0; the message has both streams.
    pub async fn ok(&self, words: &[&str]) -> Result<String> {
        let output = self.run(words).await?;
        ensure!(
            output.code == 0,
            "dbc {} exited with {}:\n{}\n{}",
            words.join(" "),
            output.code,
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Runs a command with `--json` and parses what it prints.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub async fn json(&self, words: &[&str]) -> Result<Value> {
        let mut all = words.to_vec();
        // Before a `--`, after which words belong to the workload's command.
        let at = all.iter().position(|word| *word == "--").unwrap_or(all.len());
        all.insert(at, "--json");
        let text = self.ok(&all).await?;
        serde_json::from_str(&text).with_context(|| format!("dbc {} printed {text}", all.join(" ")))
    }
}
