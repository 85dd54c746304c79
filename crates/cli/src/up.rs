//! `dbc up` and `dbc down`: a network on this machine as a list of components. Each knows how to
//! come up (doing nothing when it is), whether it is well, and how to stop; a later one joins by a
//! file here and a line in [`components`].

mod agent;
mod chain;
mod demo;
mod duty;
mod engine;
pub mod images;
pub mod market;
mod outage;
mod process;
mod registry;
mod relay;
pub mod state;
pub mod status;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use crate::{
    args::{Down, Offer, Up},
    context::Context,
    print::{self, Step},
};
use state::Network;

/// A part of the network.
#[async_trait]
pub trait Component: Send + Sync {
    /// Its name in messages, logs and `dbc status`.
    fn name(&self) -> &'static str;

    /// Makes it run; nothing happens when it does. Gives one line for a person.
    async fn ensure(&self, network: &mut Network, step: &mut Step) -> Result<String>;

    /// One line when it is well.
    ///
    /// # Errors
    /// Why it is not.
    async fn health(&self, network: &Network) -> Result<String>;

    /// Stops it; nothing happens when it does not run.
    async fn stop(&self, network: &Network) -> Result<()>;
}

/// All components, in the order in which they come up.
fn components() -> Vec<Box<dyn Component>> {
    vec![
        Box::new(engine::EngineComponent),
        Box::new(registry::Registry),
        Box::new(images::Images),
        Box::new(relay::Relay),
        Box::new(chain::Chain),
        Box::new(agent::Agent),
        Box::new(duty::WATCH),
        Box::new(duty::AUDIT),
        Box::new(duty::FEED),
    ]
}

/// Brings everything up, joins the market and does the main job once.
pub async fn run(context: &Context, args: Up) -> Result<u8> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "`dbc up` needs root: containers, mounts, firewall rules"
    );
    let quiet = context.quiet();
    let mut network = open(context, &args)?;
    for component in components() {
        let mut step = Step::begin(component.name(), quiet);
        let text = component
            .ensure(&mut network, &mut step)
            .await
            .with_context(|| format!("{} did not come up", component.name()))?;
        network.save()?;
        step.done(&text);
    }
    let offer = Offer {
        gpu_hour: "10".into(),
        cpu_hour: "1".into(),
        min_term: 300,
        max_term: 30 * 86_400,
        region: 0,
        cpu_shares: None,
    };
    let mut step = Step::begin("market", quiet);
    let market = context.market()?;
    let wallets = market::wallets(context, &market, &mut step).await?;
    let ask = crate::cmd::ask(&offer)?;
    let machine =
        market::join(&market, &wallets.provider, &network, &ask, &offer, &mut step).await?;
    step.done(&format!("machine {} is {}, wallets have test money", machine.index, machine.status));

    let job = match !args.no_demo && (args.demo || !network.demo_done) {
        // Cut off, it undoes what it did to the agent.
        true => Some(tokio::select! {
            job = demo::run(context, &market, &wallets, &network, !args.no_outage) => job?,
            signal = interrupted() => {
                anyhow::bail!("{} came; the network runs, and `dbc up` begins the job anew", signal?)
            }
        }),
        false => None,
    };
    network.demo_done |= job.is_some();
    network.save()?;
    market.close().await;
    let (closing, meter) = job.map(|job| (job.closing, job.meter)).unzip();
    let all = serde_json::json!({
        "chain": network.chain_url(), "registry": network.registry(), "relay": network.relay_url(),
        "machine": machine, "demo": closing, "meter": meter,
    });
    print::data(context.json, &all, || next_steps(&network));
    Ok(0)
}

/// Waits until somebody wants this program to end; gives by which signal.
async fn interrupted() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    })
}

fn next_steps(network: &Network) -> String {
    format!(
        "\nThe network runs: chain {}, registry {}. What to do next:\n\n  dbc machines                       what can be rented\n  dbc rent --template base --term 1h a container; then `dbc ssh LEASE`\n  dbc rent --template jupyter        JupyterLab; then `dbc ports LEASE --forward jupyter`\n  dbc status                         what runs and where its log is\n  dbc down                           stop; `dbc up` goes on where it was",
        network.chain_url(),
        network.registry()
    )
}

/// The network in the folder, or a new one.
fn open(context: &Context, args: &Up) -> Result<Network> {
    let dir = &context.net_dir;
    std::fs::create_dir_all(dir.join("logs"))
        .with_context(|| format!("cannot make {}", dir.display()))?;
    let bin_dir = match &args.bin_dir {
        Some(dir) => dir.clone(),
        None => {
            let program = std::env::current_exe().context("path of this program")?;
            program.parent().map(PathBuf::from).context("this program lies in no folder")?
        }
    };
    let mut network = match Network::load(dir)? {
        Some(known) => {
            if known.validators != args.validators && args.validators != 1 {
                print::note(&format!(
                    "the network here has {} validators; `dbc down --purge` first makes room for another",
                    known.validators
                ));
            }
            Network { bin_dir, ..known }
        }
        None => {
            anyhow::ensure!(matches!(args.validators, 1 | 4), "a network has 1 or 4 validators");
            Network::new(dir, bin_dir, args.validators, args.pool_gib)?
        }
    };
    network.light |= args.light;
    network.save()?;
    Ok(network)
}

/// Stops everything, last first; with `--purge`, removes it.
pub async fn down(context: &Context, args: Down) -> Result<u8> {
    let Some(network) = Network::load(&context.net_dir)? else {
        print::data(context.json, &serde_json::json!({"stopped": false}), || {
            format!("no network in {}", context.net_dir.display())
        });
        return Ok(0);
    };
    let mut removed = Vec::new();
    let mut all = components();
    all.reverse();
    for component in all {
        // The engine goes last of all: what runs on it is taken away first.
        if component.name() == engine::NAME {
            removed = agent::clear(&network, args.purge).await?;
        }
        let step = Step::begin(component.name(), context.quiet());
        component
            .stop(&network)
            .await
            .with_context(|| format!("{} does not stop", component.name()))?;
        step.done("stopped");
    }
    if args.purge {
        std::fs::remove_dir_all(&network.dir)
            .with_context(|| format!("cannot remove {}", network.dir.display()))?;
        removed.push(network.dir.display().to_string());
    }
    print::data(context.json, &serde_json::json!({"stopped": true, "removed": removed}), || {
        match args.purge {
            true => format!(
                "everything is gone but packages and your wallets:\n  {}",
                removed.join("\n  ")
            ),
            false => "stopped; `dbc up` goes on where it was".into(),
        }
    });
    Ok(0)
}

/// Probes until it is well, at most for `limit`; a process that died ends the wait at once.
async fn until_well<F, Fut>(process: &process::Process, limit: Duration, mut probe: F) -> Result<()>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = bool> + Send,
{
    let end = tokio::time::Instant::now() + limit;
    loop {
        if probe().await {
            return Ok(());
        }
        let alive = process.pid().is_some();
        if !alive || tokio::time::Instant::now() >= end {
            let why = if alive { "does not answer" } else { "ended" };
            anyhow::bail!(
                "it {why}; the last lines of {}:\n{}",
                process.log().display(),
                process.tail(8)
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether something accepts connections on a port of this machine.
async fn answers(port: u16) -> bool {
    let connect = tokio::net::TcpStream::connect(("127.0.0.1", port));
    matches!(tokio::time::timeout(Duration::from_secs(2), connect).await, Ok(Ok(_)))
}
