//! The network replaces its own runtime (C5; mechanisms §4): asked, decided, brought, and everybody goes on.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Network, made, wait_for};

use super::lease::{rent, units};

/// The next version of the runtime, as `./test` builds it.
fn code() -> Result<String> {
    let code = made("runtime-rehearsal.wasm", "cargo xtask wasm --rehearsal")?;
    Ok(code.to_str().context("a path in UTF-8")?.to_owned())
}

/// What `dbc vote upgrade` says of code that nobody has decided on.
const UNAUTHORIZED: &str = "was not authorized";

/// The next version is asked for on the strictest track and voted for; nobody can bring it before.
pub async fn c5_another_runtime_is_decided_on(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let code = code()?;
    let bring = ["vote", "upgrade", &code, "--wallet", "//Bob"];
    let early = owner.run(&bring).await?;
    ensure!(early.code != 0 && early.stderr.contains(UNAUTHORIZED), "{early:?}");
    let ask = ["vote", "propose", "--upgrade", &code, "--wallet", "//Alice"];
    let asked = owner.json(&ask).await?;
    let id = asked["id"].as_u64().context("a number")?.to_string();
    ensure!(asked["open"]["track"] == "root", "{asked}");
    for voter in ["//Alice", "//Bob"] {
        let vote = ["vote", "aye", &id, "--amount", "900000000", "--wallet", voter];
        owner.ok(&vote).await?;
    }
    wait_for("the question to pass", Duration::from_secs(900), || async {
        let shown = owner.json(&["vote", "show", &id]).await?;
        ensure!(shown["open"].is_object() || shown["state"] == "approved", "{shown}");
        Ok((shown["state"] == "approved").then_some(()))
    })
    .await
}

/// The runtime that was decided on (the scenario above), which migrates over many blocks, is brought. A workload runs
/// through it untouched, its meter goes on, and the money is all there in the end.
pub async fn c5_the_network_goes_on_with_another_runtime(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let code = code()?;
    let lease = rent(&owner, &[]).await?;
    let started = Instant::now();
    let boot = "cut -d' ' -f22 /proc/1/stat";
    let before = owner.ok(&["exec", &lease, "--", "sh", "-c", boot]).await?;
    // What passed waits for those who would leave first, and is done; then the code may come.
    let upgrade = ["vote", "upgrade", &code, "--wallet", "//Bob", "--json"];
    let done =
        wait_for("the runtime to be authorized and brought", Duration::from_secs(300), || async {
            let brought = owner.run(&upgrade).await?;
            let not_yet = brought.stdout.contains(UNAUTHORIZED);
            ensure!(brought.code == 0 || not_yet, "{brought:?}");
            Ok((brought.code == 0).then_some(brought.stdout))
        })
        .await?;
    let done: serde_json::Value = serde_json::from_str(&done)?;
    ensure!(done["to"].as_u64() > done["from"].as_u64(), "{done}");

    // While it migrates no call gets into a block; what is sent meanwhile waits.
    owner.ok(&["lease", "extend", &lease, "--by", "10m"]).await?;
    let after = owner.ok(&["exec", &lease, "--", "sh", "-c", boot]).await?;
    ensure!(before == after, "the workload was started anew: {before} {after}");
    let ran = started.elapsed().as_secs();
    let closing = owner.json(&["lease", "end", &lease]).await?;
    ensure!(closing["reason"] == "ended_by_renter", "{closing}");
    let settled = wait_for("the last minutes", Duration::from_secs(300), || async {
        let show = owner.json(&["lease", "show", &lease]).await?["lease"].clone();
        Ok(show["tail_until"].is_null().then_some(show))
    })
    .await?;
    // Nobody can tell of a machine in blocks without calls; such minutes are charged all the same.
    let charged = settled["charged_s"].as_u64().context("a time")?;
    ensure!(charged + 60 >= ran, "{charged} s charged of {ran}: {settled}");
    let sum = ["paid", "fees", "refunded", "deposit"]
        .into_iter()
        .try_fold(0, |sum, part| Ok::<_, anyhow::Error>(sum + units(&settled[part])?))?;
    ensure!(sum == units(&closing["deposited"])?, "every unit is somewhere: {settled}");
    let again = owner.run(&["vote", "upgrade", &code, "--wallet", "//Bob"]).await?;
    ensure!(again.code != 0 && again.stderr.contains("is there already"), "{again:?}");
    let next = rent(&owner, &[]).await?;
    owner.ok(&["lease", "end", &next]).await.map(drop)
}
