//! Bad input and parts that are away, met by who types commands: each has its own code and says what to do.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::Command,
    task::JoinHandle,
    time::timeout,
};

use super::{
    crash::kill,
    image::{Recipe, publish},
    lease::{end_all, rent, units},
};

/// The code and hint of a refusal.
fn refusal(output: &dbc_testkit::Output) -> Result<(String, String)> {
    let value: Value = serde_json::from_str(&output.stdout)
        .with_context(|| format!("a refusal as JSON: {output:?}"))?;
    let text = |name: &str| {
        let text = value["error"][name].as_str();
        Ok::<_, anyhow::Error>(text.with_context(|| format!("a {name}: {value}"))?.to_owned())
    };
    Ok((text("code")?, text("hint")?))
}

/// An image for another processor is refused at once, and the money returns.
pub async fn an_image_for_another_processor_is_named_and_the_money_returns(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let recipe = Recipe { programs: &["sleep"], architecture: "arm64", ..Recipe::default() };
    let image = publish(network, "arm", &recipe).await?;
    let failed = owner.run(&["rent", "--image", &image.reference, "--json"]).await?;
    let (code, hint) = refusal(&failed)?;
    ensure!(code == "image_platform" && hint.contains("linux/amd64"), "{failed:?}");
    ensure!(failed.code == 1 && failed.stdout.contains("linux/arm64"), "{failed:?}");
    for lease in owner.json(&["lease", "list"]).await?.as_array().into_iter().flatten() {
        let closing = owner.json(&["lease", "end", &lease["id"].to_string()]).await?;
        ensure!(units(&closing["refund"])? == units(&closing["deposited"])?, "{closing}");
    }
    Ok(())
}

/// A registry on the way to the real one, which breaks down when something is asked of it.
struct Proxy {
    address: String,
    dead: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Dies at the first request that has `last` in it.
    async fn start(registry: &str, last: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (registry, last) = (registry.to_owned(), last.to_owned());
        let dead = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicBool::new(false));
        let is_dead = dead.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_dead.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&registry).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (dead, asked, last) = (is_dead.clone(), asked.clone(), last.clone());
                tokio::spawn(pass(from_server, to_client, is_dead.clone(), |_: &[u8]| false));
                tokio::spawn(pass(from_client, to_server, dead, move |said| {
                    let found = said.windows(last.len()).any(|part| part == last.as_bytes());
                    found && !asked.swap(true, Ordering::SeqCst)
                }));
            }
        });
        Ok(Self { address, dead, task })
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn recover(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes bytes on until one side or the proxy is dead; `last` says whether these kill it.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    dead: Arc<AtomicBool>,
    last: impl Fn(&[u8]) -> bool + Send,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if last(&buffer[..read]) {
            dead.store(true, Ordering::SeqCst);
        }
        if dead.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Rents this image; when the command tells of `trouble` as of something that is tried again, `mend` is called,
/// and the lease must come to run. Gives the lines that it told of its progress.
async fn rent_through(
    owner: &Dbc,
    image: &str,
    trouble: &str,
    mend: impl FnOnce() -> Result<()>,
) -> Result<Vec<String>> {
    let words = ["rent", "--image", image, "--term", "1h", "--disk", "1", "--wait", "3m"];
    let mut running = owner.command(&words).spawn()?;
    let mut told = BufReader::new(running.stderr.take().context("its messages")?).lines();
    let (mut lines, mut mend) = (Vec::new(), Some(mend));
    let read = async {
        while let Some(line) = told.next_line().await? {
            let met = line.contains(trouble) && line.contains("tried again");
            lines.push(line);
            if met && let Some(mend) = mend.take() {
                mend()?;
            }
        }
        running.wait_with_output().await.context("its end")
    };
    let output = timeout(Duration::from_secs(200), read).await??;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(mend.is_none(), "{trouble} was not told of: {lines:#?} {said}");
    ensure!(output.status.success() && said.contains("runs"), "{lines:#?} {said}");
    Ok(lines)
}

/// The registry breaks off in the middle of a pull: the agent tries again, the renter is told why he waits, and
/// when it is back his workload runs.
pub async fn a_registry_that_dies_half_way_is_told_and_waited_for(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let recipe = Recipe { programs: &["sleep"], noise: 4 << 20, ..Recipe::default() };
    let image = publish(network, "large", &recipe).await?;
    let (registry, path) = image.reference.split_once('/').context("a registry")?;
    // The list of parts was told by then; the first of them never comes.
    let proxy = Proxy::start(registry, &format!("/blobs/{}", image.id)).await?;
    let reference = format!("{}/{path}", proxy.address);
    let mend = || {
        ensure!(proxy.is_dead(), "it was another trouble");
        proxy.recover();
        Ok(())
    };
    let rented = rent_through(&owner, &reference, "registry_unreachable", mend).await;
    end_all(network).await;
    rented.map(drop)
}

/// Takes all room of the data pool; gives it back with the value.
struct Filled(PathBuf);

impl Filled {
    async fn new(pool: &Path) -> Result<Self> {
        let file = Self(pool.join("filled-by-a-test"));
        let script = "fallocate -l $(($(df --output=avail -B1 \"$1\" | tail -n 1) - 16777216)) \"$2\"; \
                      dd if=/dev/zero of=\"$2.rest\" bs=1M 2>/dev/null; sync -f \"$1\"; \
                      [ $(df --output=avail -BM \"$1\" | tail -n 1 | tr -d ' M') -lt 8 ]";
        let mut fill = Command::new("sh");
        let filled = fill.args(["-c", script, "sh"]).arg(pool).arg(&file.0).output().await?;
        ensure!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        Ok(file)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        for name in [self.0.clone(), self.0.with_extension("rest")] {
            let _ = std::fs::remove_file(name);
        }
        let _ =
            std::process::Command::new("sync").arg("-f").arg(self.0.with_file_name("")).status();
    }
}

/// The machine's disk is full: told, and when its provider makes room the workload runs.
pub async fn a_full_disk_is_told_and_waited_for(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let recipe = Recipe { programs: &["sleep"], noise: 64 << 20, ..Recipe::default() };
    let image = publish(network, "room", &recipe).await?;
    let filled = Filled::new(&network.state().join("agent/pool")).await?;
    let mend = move || {
        drop(filled);
        Ok(())
    };
    let rented = rent_through(&owner, &image.reference, "disk_full", mend).await;
    end_all(network).await;
    rented.map(drop)
}

/// Whoever says which network he means is not served by another.
pub async fn a_node_of_another_network_is_refused(network: &Network) -> Result<()> {
    let user = network.user("stranger");
    std::fs::create_dir_all(user.home())?;
    let config = user.home().join("config.toml");
    std::fs::write(&config, format!("genesis = \"0x{}\"\n", "11".repeat(32)))?;
    let refused = user.run(&["machines", "--json"]).await?;
    let (code, hint) = refusal(&refused)?;
    ensure!(
        refused.code == 2 && code == "wrong_network" && hint.contains("--chain"),
        "{refused:?}"
    );
    std::fs::write(&config, "genesis = \"0x11\"\n")?;
    let damaged = user.run(&["machines", "--json"]).await?;
    ensure!(refusal(&damaged)?.0 == "invalid_input", "{damaged:?}");
    std::fs::write(&config, "genesys = \"0x11\"\n")?;
    let unknown = user.run(&["machines"]).await?;
    ensure!(unknown.code == 2 && unknown.stderr.contains("config.toml"), "{unknown:?}");
    Ok(())
}

/// Registry and relay die; the command that needs one says which. Chain and agent: `crash.rs`.
pub async fn a_registry_or_relay_that_is_away_is_named(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let checked = async {
        let status = owner.json(&["status"]).await?;
        let image = format!("127.0.0.1:{}/test/none:1", status["network"]["registry_port"]);
        kill(network, "registry").await?;
        let words = ["rent", "--image", &image, "--wait", "3s", "--json"];
        let away = owner.run(&words).await?;
        let (code, hint) = refusal(&away)?;
        ensure!(away.code == 2 && code == "registry_unreachable", "{away:?}");
        ensure!(hint.contains("by itself") && away.stdout.contains("after 3 s"), "{away:?}");
        kill(network, "relay").await?;
        let away = owner.run(&["exec", &lease, "--json", "--", "true"]).await?;
        let (code, hint) = refusal(&away)?;
        ensure!(code == "relay_unreachable" && hint.contains("network"), "{away:?}");
        Ok(())
    };
    let checked = checked.await;
    owner.ok(&["up", "--no-demo"]).await?;
    end_all(network).await;
    checked
}
