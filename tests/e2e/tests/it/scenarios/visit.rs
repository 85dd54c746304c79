//! The network's auditor rents its machine as anybody does, and tells afterwards (rule 1).

use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use dbc_testkit::{Dbc, Network, wait_for};
use tokio::{io::AsyncWriteExt as _, process::Command, time::sleep};

use super::lease::units;

/// From the money on its account to the empty account: at the pace of development a visit has eight minutes.
const VISITED: Duration = Duration::from_secs(900);
/// What an account is given.
const FUND_DBC: u128 = 250;
const DBC: u128 = 1_000_000_000_000_000;
/// What a machine that starves its renters leaves them of a core: microseconds in each tenth of a second.
const STARVED: &str = "2000";
/// The treasury: of a network this young nobody else can pay for duties.
const TREASURY: &str = "5EYCAe5gKDru48HhUqRMzmh6FdY3JboaMhPbdp9eE7uzrRVJ";

/// The network's auditor, as its daemon runs.
struct Auditor<'a> {
    network: &'a Network,
    owner: Dbc,
    state: String,
}

impl<'a> Auditor<'a> {
    fn of(network: &'a Network) -> Self {
        let state = network.state().join("audit").display().to_string();
        Self { network, owner: network.user("owner"), state }
    }

    fn words<'b>(&'b self, words: &[&'b str]) -> Vec<&'b str> {
        let mut all = vec!["audit"];
        all.extend(words);
        all.extend(["--wallet", "//Eve", "--state", &self.state]);
        all
    }

    /// A fresh account with money.
    async fn account(&self) -> Result<String> {
        let made = self.owner.json(&self.words(&["accounts", "add", "1"])).await?;
        let account = made["accounts"][0].as_str().context("an address")?.to_owned();
        ensure!(units(&made["fund_each"])? <= FUND_DBC * DBC, "{made}");
        let amount = FUND_DBC.to_string();
        self.owner.ok(&["wallet", "fund", &account, "--amount", &amount]).await?;
        Ok(account)
    }

    /// State and balance of an account.
    async fn look(&self, account: &str) -> Result<(String, u128)> {
        let all = self.owner.json(&self.words(&["accounts"])).await?;
        let rows = all["accounts"].as_array().context("accounts")?;
        let row = rows.iter().find(|row| row["account"] == account);
        let row = row.with_context(|| format!("{account} is not among {all}"))?;
        Ok((row["state"].as_str().context("a state")?.into(), units(&row["balance"])?))
    }

    /// Waits until an account is used up.
    async fn used(&self, account: &str) -> Result<()> {
        wait_for("the visit to be told", VISITED, || async {
            let (state, _) = self.look(account).await?;
            Ok((state == "used").then_some(()))
        })
        .await
        .with_context(|| format!("its words:\n{}", self.words_said(40)))
    }

    /// What the daemon says of visits: their verdicts, in lines.
    fn said(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.network.state().join("logs/audit.log"));
        let text = text.unwrap_or_default();
        text.lines().filter(|line| line.starts_with("visit ")).map(str::to_owned).collect()
    }

    fn words_said(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(self.network.state().join("logs/audit.log"));
        let text = text.unwrap_or_default();
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    async fn money(&self) -> Result<u128> {
        units(&self.owner.json(&["wallet", "show", "eve"]).await?["balance"]["free"])
    }
}

/// Keeps the auditor's key as a wallet, so that his money can be looked at.
async fn wallet(owner: &Dbc) -> Result<()> {
    let mut import = owner.command(&["wallet", "import", "eve", "--no-password"]);
    let mut import = import.stdin(Stdio::piped()).spawn()?;
    let mut input = import.stdin.take().context("its input")?;
    input.write_all(b"//Eve\n").await?;
    drop(input);
    ensure!(import.wait().await?.success(), "a wallet for the auditor");
    Ok(())
}

/// An account is funded; the rest goes by itself: the machine is rented under it, passes, and what is left is the
/// auditor's. The transcript stands up to doubt.
pub async fn rule_01_a_machine_that_serves_renters_passes_a_visit(network: &Network) -> Result<()> {
    let auditor = Auditor::of(network);
    let owner = &auditor.owner;
    wallet(owner).await?;
    owner.ok(&["wallet", "fund", TREASURY, "--amount", "1000"]).await?;
    let before = auditor.money().await?;
    let told = auditor.said().len();
    let account = auditor.account().await?;
    auditor.used(&account).await?;

    let said = auditor.said();
    ensure!(said.len() == told + 1, "{said:?}");
    let words = said.last().context("a line")?;
    ensure!(words.contains(": pass, root in "), "{words}");
    let number = words.split([' ', ',']).nth(1).context("a number")?.to_owned();
    let shown = owner.json(&["audit", "show", &number]).await?;
    ensure!(shown["phase"] == "passed", "{shown}");
    let found = shown["duties"][0]["found"].as_str().unwrap_or_default();
    ensure!(found.starts_with("pass"), "{shown}");

    let (_, left) = auditor.look(&account).await?;
    ensure!(left < DBC / 10, "{left} units stay on an account that is never used again");
    // What it was given, its pay, and what the lease has cost.
    let gained = auditor.money().await?.saturating_sub(before);
    ensure!(gained > (FUND_DBC + 1) * DBC, "{gained} units came to the auditor");

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("transcript").display().to_string();
    owner.ok(&auditor.words(&["transcript", &number, "--out", &file])).await?;
    ensure!(std::fs::metadata(&file)?.len() > 1_000, "it has its rows");
    let shows = || auditor.words_said(usize::MAX).matches("is shown to whoever doubted").count();
    let before = shows();
    let eve = shown["duties"][0]["auditor"].as_str().context("an auditor")?;
    owner.ok(&["audit", "doubt", &number, eve, "--wallet", "//Bob"]).await?;
    wait_for("the transcript to be shown", Duration::from_secs(120), || async {
        Ok((shows() > before).then_some(()))
    })
    .await?;
    let status = owner.json(&["audit", "status", "--wallet", "//Eve"]).await?;
    ensure!(status["strikes"] == 0 && status["bond"].as_u64() > Some(0), "{status}");
    Ok(())
}

/// The machine answers auditors in the open and leaves its renters next to nothing. Whom it starves it cannot know.
pub async fn rule_01_a_machine_that_starves_its_renters_fails_a_visit(
    network: &Network,
) -> Result<()> {
    let auditor = Auditor::of(network);
    let owner = &auditor.owner;
    let told = auditor.said().len();
    let before = containers().await?;
    let account = auditor.account().await?;
    let (starved, used) = tokio::join!(starve(&before), auditor.used(&account));
    starved?;
    used?;
    let said = auditor.said();
    ensure!(said.len() == told + 1, "{said:?}");
    let words = said.last().context("a line")?;
    ensure!(words.contains(": fail, no root within "), "{words}");
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    ensure!(status["audits"][0]["proof"].is_null(), "its proof is gone: {status}");
    ensure!(status["machines"][0]["status"] != "listed", "nobody is sent to it: {status}");
    let (_, left) = auditor.look(&account).await?;
    ensure!(left < DBC / 10, "{left} units stay");

    // Honest again, it is audited again. Stake was taken, if it had to be.
    owner.run(&["provider", "top-up", "--wallet", "provider"]).await?;
    let join = ["provider", "join", "--wallet", "provider", "--gpu-hour", "10", "--cpu-hour", "1"];
    let machine = owner.json(&join).await?;
    ensure!(machine["status"] == "listed", "{machine}");
    Ok(())
}

/// Containers that run.
async fn containers() -> Result<BTreeSet<String>> {
    let listed = Command::new("docker").args(["ps", "-q"]).output().await?;
    ensure!(listed.status.success(), "docker ps: {}", String::from_utf8_lossy(&listed.stderr));
    Ok(String::from_utf8(listed.stdout)?.lines().map(str::to_owned).collect())
}

/// Leaves the next container that starts next to nothing of a core, as its host may.
async fn starve(before: &BTreeSet<String>) -> Result<()> {
    let end = Instant::now() + VISITED;
    while Instant::now() < end {
        let running = containers().await?;
        if let Some(new) = running.difference(before).next() {
            let update = ["update", "--cpu-quota", STARVED, new];
            let done = Command::new("docker").args(update).output().await?;
            ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
    bail!("nobody rented the machine within {VISITED:?}")
}
