//! Ten thousand machines that beat: what their statements take of a node that authors and of one that only
//! follows, and what five watchers make of them. The machines stand in the genesis, as `cargo xtask bench beats`
//! writes it: to bond so many by transactions would take longer than all that is measured.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use codec::Encode as _;
use dbc_benchmarks::{Samples, rounds};
use dbc_chain_client::{At, ChainClient, ChainConfig, Signer, Statement, Submitted};
use dbc_primitives::{
    MachineId, SLOT_SECONDS,
    liveness::{self, Beat, COHORT, Interval},
};
use dbc_testkit::{DevNode, program};
use dbc_watch::{Told, Watcher, WatcherConfig};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// Slots of an interval.
const INTERVAL: u64 = 10;
/// Connections that beats come by.
const SENDERS: usize = 32;
/// Time over which the beats of an interval are spread; machines see a block at much the same time.
const SPREAD: Duration = Duration::from_secs(20);
/// Intervals in which nobody beats.
const IDLE: usize = 3;
const PATIENCE: Duration = Duration::from_secs(300);
/// Those of the preset who have money enough.
const WATCHERS: [&str; 5] = ["Ferdie", "Dave", "Eve", "Charlie", "Bob"];

/// A machine that beats.
struct Machine {
    key: SigningKey,
    index: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = rounds(10)?;
    let (machines, entries) = genesis()?;
    let signers = WATCHERS.map(|who| Signer::from_uri(&format!("//{who}")));
    let signers = signers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let accounts: Vec<_> = signers.iter().map(|who| who.account().to_string()).collect();
    let patch = json!({ "liveness": { "watchers": accounts } });
    let node = DevNode::start_with_state(patch, entries).await?;
    let follower = Follower::start(&node).await?;
    let chain = ChainClient::connect(ChainConfig::new(node.url())).await?;

    let folder = tempfile::tempdir()?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    for (number, signer) in signers.into_iter().enumerate() {
        let config = WatcherConfig { state_dir: folder.path().join(number.to_string()) };
        let chain = ChainClient::connect(ChainConfig::new(node.url())).await?;
        let mut watcher = Watcher::open(chain, signer, &config).await?;
        let (tell, stop) = (tell.clone(), stop.clone());
        tokio::spawn(async move {
            let ended = watcher
                .run(stop, |report| {
                    let _ = tell.send(report);
                })
                .await;
            if let Err(error) = ended {
                eprintln!("a watcher gave up: {error:#}");
            }
        });
    }

    let mut quiet = Load::default();
    let mut interval = next_interval(&chain, 0).await?;
    for _ in 0..IDLE {
        interval = quiet.measure(&node, &follower, next_interval(&chain, interval)).await?;
    }
    let mut busy = Load::default();
    let (mut sent, mut late) = (Samples::default(), 0);
    for round in 1..=rounds {
        let (send, all) = (send_all(&node, &chain, &machines, interval), &machines);
        let both = async {
            let (time, refused) = send.await?;
            sent.time(time);
            late += refused;
            next_interval(&chain, interval).await
        };
        interval = busy.measure(&node, &follower, both).await?;
        eprintln!("interval {round} of {rounds}: {} beats sent", all.len());
    }
    // The last interval is told of during the next.
    next_interval(&chain, interval).await?;
    let horizon = chain.at(At::Best).await?.next_interval().await?;
    stop.cancel();
    let mut reports = Vec::new();
    while let Ok(report) = told.try_recv() {
        reports.push(report);
    }
    print(&machines, &chain, &quiet, &busy, &sent, late)?;
    heard(&reports, interval, rounds);
    println!("the horizon is {} intervals behind the one at hand", interval + 1 - horizon);
    ensure!(!reports.is_empty(), "no watcher told anything");
    Ok(())
}

/// What a node takes in an interval.
#[derive(Default)]
struct Load {
    author: Samples,
    follower: Samples,
    bytes: Samples,
    memory_mib: f64,
}

impl Load {
    /// Measures both nodes while something happens.
    async fn measure<T>(
        &mut self,
        node: &DevNode,
        follower: &Follower,
        meanwhile: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let before = (cpu(node.pid())?, cpu(follower.child.id())?, follower.bytes().await);
        let outcome = meanwhile.await?;
        self.author.value(cpu(node.pid())? - before.0);
        self.follower.value(cpu(follower.child.id())? - before.1);
        if let (Some(before), Some(after)) = (before.2, follower.bytes().await) {
            self.bytes.value((after - before) / 1_048_576.0);
        }
        self.memory_mib = memory(node.pid())?;
        Ok(outcome)
    }
}

fn print(
    machines: &[Machine],
    chain: &ChainClient,
    quiet: &Load,
    busy: &Load,
    sent: &Samples,
    late: usize,
) -> Result<()> {
    let bytes = statement(&machines[0], &chain.genesis(), 1)?.len();
    let each = 1e6 / machines.len() as f64;
    println!(
        "{} machines, a beat each in every interval of {} s: statements of {bytes} bytes",
        machines.len(),
        INTERVAL * SLOT_SECONDS
    );
    println!("  sent to one node within, s      {sent}; not taken: {late}");
    println!("  CPU of the author, s            {}; without beats {}", busy.author, quiet.author);
    println!(
        "  CPU of a follower, s            {}; without beats {}",
        busy.follower, quiet.follower
    );
    println!(
        "  per beat, µs of CPU             author {:.0}, follower {:.0}",
        (busy.author.median() - quiet.author.median()) * each,
        (busy.follower.median() - quiet.follower.median()) * each
    );
    println!("  came to the follower, MiB       {}; without beats {}", busy.bytes, quiet.bytes);
    println!(
        "  memory of the author, MiB       {:.0}; before {:.0}",
        busy.memory_mib, quiet.memory_mib
    );
    Ok(())
}

/// What watchers told of the intervals in which all beat.
fn heard(reports: &[Told], last: Interval, rounds: usize) {
    let of: Vec<_> = reports
        .iter()
        .filter(|report| report.interval < last && report.interval + rounds as u64 >= last)
        .collect();
    let mut shares = Samples::default();
    for report in &of {
        shares.value(100.0 * f64::from(report.heard) / f64::from(report.present.max(1)));
    }
    println!("  reports                         {} of {} watchers", of.len(), WATCHERS.len());
    println!("  heard of those present, %       {shares}; lowest {:.1}", shares.quantile(0.0));
}

/// Entries of a genesis by their keys.
type Storage = Map<String, Value>;

/// The machines and their entries, as the runner wrote them.
fn genesis() -> Result<(Arc<[Machine]>, Storage)> {
    let file = std::env::var_os("DBC_BENCH_GENESIS")
        .context("DBC_BENCH_GENESIS names no file; `cargo xtask bench beats` makes it")?;
    let bytes = std::fs::read(&file).with_context(|| Path::new(&file).display().to_string())?;
    let told: Value = serde_json::from_slice(&bytes)?;
    let first = told["first_index"].as_u64().context("first_index")?;
    let mut machines = Vec::new();
    for (place, seed) in told["seeds"].as_array().context("seeds")?.iter().enumerate() {
        let seed = seed.as_str().and_then(|text| text.strip_prefix("0x")).context("a seed")?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed, &mut bytes)?;
        let index = u32::try_from(first)? + u32::try_from(place)?;
        machines.push(Machine { key: SigningKey::from_bytes(&bytes), index });
    }
    let entries = told["top"].as_object().context("top")?.clone();
    Ok((machines.into(), entries))
}

/// Waits for an interval after this one.
async fn next_interval(chain: &ChainClient, after: Interval) -> Result<Interval> {
    let mut heads = chain.best();
    let later = heads.wait_for(|head| head.slot / INTERVAL > after);
    let head = *timeout(PATIENCE, later).await??;
    Ok(head.slot / INTERVAL)
}

/// All beats of an interval, evenly over [`SPREAD`] unless the node is slower; gives how long it took and how
/// many were not taken.
async fn send_all(
    node: &DevNode,
    chain: &ChainClient,
    machines: &Arc<[Machine]>,
    interval: Interval,
) -> Result<(Duration, usize)> {
    let began = Instant::now();
    let genesis = chain.genesis();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (machines, url) = (machines.clone(), node.url());
        senders.spawn(async move {
            let chain = ChainClient::connect(ChainConfig::new(url)).await?;
            let start = tokio::time::Instant::now();
            let mine = machines.iter().skip(sender).step_by(SENDERS);
            let pause = SPREAD / u32::try_from(machines.len().div_ceil(SENDERS))?;
            let mut refused = 0;
            for (place, machine) in (0u32..).zip(mine) {
                sleep_until(start + pause * place).await;
                let bytes = statement(machine, &genesis, interval)?;
                if let Submitted::Refused(why) = chain.submit_statement(&bytes).await? {
                    refused += 1;
                    if refused == 1 {
                        eprintln!("a beat is not taken: {why}");
                    }
                }
            }
            Ok::<_, anyhow::Error>(refused)
        });
    }
    let mut refused = 0;
    while let Some(sender) = senders.join_next().await {
        refused += sender??;
    }
    Ok((began.elapsed(), refused))
}

/// A machine's beat, as its agent sends it.
fn statement(machine: &Machine, genesis: &[u8; 32], interval: Interval) -> Result<Vec<u8>> {
    let (id, index) = (MachineId(machine.key.verifying_key().to_bytes()), machine.index);
    let message = liveness::beat(genesis, id, 0, interval, &[0; 32]);
    let signature = machine.key.sign(&message).to_bytes();
    let beat = Beat { index, generation: 0, interval, digest: [0; 32], signature };
    let statement = Statement {
        signer: id.0,
        expires_s: u32::try_from((interval + 3) * INTERVAL * SLOT_SECONDS)?,
        sequence: 0,
        channel: liveness::channel(),
        topic: liveness::topic(genesis, index / COHORT),
        data: beat.encode(),
    };
    let signature = machine.key.sign(&statement.signed_bytes()).to_bytes();
    Ok(statement.encode_with(&signature))
}

/// A node without duties that hears everything from the author.
struct Follower {
    child: Child,
    figures: u16,
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Follower {
    async fn start(node: &DevNode) -> Result<Self> {
        let port: u16 = node.url().rsplit(':').next().context("a port")?.parse()?;
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"system_localListenAddresses","params":[]}"#;
        let request = format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = http(port, &request).await?;
        let start = answer.find('{').with_context(|| format!("the node says {answer:?}"))?;
        let answer: Value = serde_json::from_str(answer[start..].trim_end())?;
        let addresses = answer["result"].as_array().context("the node tells no address")?;
        let address = addresses
            .iter()
            .filter_map(Value::as_str)
            .find(|address| address.starts_with("/ip4/127.0.0.1/tcp/") && !address.contains("/ws"))
            .context("the node listens nowhere")?;
        let figures = free_port()?;
        let log = std::fs::File::create(node.folder().join("follower.log"))?;
        let child = Command::new(program("dbc-node")?)
            .arg("--chain")
            .arg(node.folder().join("spec.json"))
            .arg("--base-path")
            .arg(node.folder().join("follower"))
            .args(["--bootnodes", address, "--no-telemetry", "--no-mdns"])
            .args(["--unsafe-force-node-key-generation", "--listen-addr", "/ip4/127.0.0.1/tcp/0"])
            .args(["--rpc-port", &free_port()?.to_string()])
            .args(["--prometheus-port", &figures.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the follower did not start")?;
        let follower = Self { child, figures };
        let began = Instant::now();
        while follower.bytes().await.unwrap_or_default() < 1_000.0 {
            ensure!(began.elapsed() < PATIENCE, "the follower finds nobody");
            sleep(Duration::from_millis(500)).await;
        }
        Ok(follower)
    }

    /// Bytes that came over its network so far; `None` when it does not say.
    async fn bytes(&self) -> Option<f64> {
        let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        let figures = http(self.figures, request).await.ok()?;
        let all = figures.lines().filter(|line| {
            line.starts_with("substrate_sub_libp2p_network_bytes_total")
                && line.contains("direction=\"in\"")
        });
        let values: Vec<f64> =
            all.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

async fn http(port: u16, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Seconds of processor time that a process has taken.
fn cpu(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may contain anything.
    let (_, rest) = stat.rsplit_once(')').context("no process")?;
    let ticks: Vec<u64> =
        rest.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    // A hundred a second, on every Linux for people.
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}

/// Memory of a process in MiB.
fn memory(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
    Ok(kib / 1_024.0)
}
