//! From a signed order to the first output of a command over SSH, on a warm machine of a `dev`
//! network, beside what nobody can avoid, measured in the same run: inclusion and finality of an
//! extrinsic, and `docker run` of the same image without anything of ours.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use dbc_benchmarks::{Samples, rounds};
use dbc_sdk::{
    Market, MarketConfig, Money, Need, Phase, RentOrder, RentStep, RentUntil, Signer, WorkloadSpec,
};
use dbc_testkit::Network;
use tokio::{process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(120);
const TERM_S: u64 = 3_600;

/// Where the time of one lease goes, in the order of the steps.
#[derive(Default)]
struct Steps {
    in_block: Samples,
    accepted: Samples,
    finality: Samples,
    running: Samples,
    output: Samples,
    whole: Samples,
}

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = rounds(20)?;
    let network = Network::start(&[]).await?;
    let measured = measure(&network, rounds).await;
    network.purge().await?;
    measured
}

async fn measure(network: &Network, rounds: usize) -> Result<()> {
    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(network.state().join("network.json"))?)?;
    let port = |name: &str| state[name].as_u64().with_context(|| format!("no {name}"));
    let home = network.user("bench").home().to_path_buf();
    let url = format!("ws://127.0.0.1:{}", port("rpc_port")?);
    let market = Market::connect(MarketConfig::new(url, home)).await?;
    let signer = Signer::from_uri("//Eve")?;
    let image = format!("127.0.0.1:{}/dbc/base:12", port("registry_port")?);

    lease(&market, &signer, &image, &mut Steps::default()).await?; // fetches the image
    docker(&image).await?;
    let (mut steps, mut finality, mut engine) =
        (Steps::default(), Samples::default(), Samples::default());
    for round in 1..=rounds {
        lease(&market, &signer, &image, &mut steps).await?;
        let started = Instant::now();
        market.transfer(&signer, Signer::from_uri("//Bob")?.account(), Money(1)).await?;
        finality.time(started.elapsed());
        engine.time(docker(&image).await?);
        eprintln!("round {round} of {rounds}: {:.2} s", steps.whole.quantile(1.0));
    }
    let floor = finality.median() + engine.median();
    println!("lease ordered → first output over SSH, in seconds");
    println!("  order in a block          {}", steps.in_block);
    println!("  + machine has the spec    {}", steps.accepted);
    println!("  + order final             {}", steps.finality);
    println!("  + workload healthy        {}", steps.running);
    println!("  + first output            {}", steps.output);
    println!("  whole                     {}", steps.whole);
    println!("a transfer, in a block and final  {finality}");
    println!("docker run of the same image      {engine}");
    println!(
        "median − (finality + docker run) = {:+.3} s; ratio {:.2}",
        steps.whole.median() - floor,
        steps.whole.median() / floor
    );
    Ok(())
}

async fn lease(market: &Market, signer: &Signer, image: &str, steps: &mut Steps) -> Result<()> {
    let quote = quote(market).await?;
    let spec = WorkloadSpec::container(image);
    let order = RentOrder { until: RentUntil::Final, ..RentOrder::new(quote, spec) };
    let started = Instant::now();
    let mut last = started;
    let mut lap = |samples: &mut Samples| {
        let now = Instant::now();
        samples.time(now - std::mem::replace(&mut last, now));
    };
    let rented = market.rent(signer, order, |step| match step {
        RentStep::InBlock { .. } => lap(&mut steps.in_block),
        RentStep::SpecAccepted => lap(&mut steps.accepted),
        RentStep::Final => lap(&mut steps.finality),
        _ => {}
    });
    let lease = rented.await?.id;
    let agent = market.agent(lease).await?;
    let mut watch = agent.watch().await?;
    loop {
        let next =
            timeout(PATIENCE, watch.next()).await.context("the workload does not start")??;
        match next.context("the agent ended the watch")?.phase {
            Phase::Running => break,
            Phase::Failed => anyhow::bail!("the workload failed"),
            _ => {}
        }
    }
    lap(&mut steps.running);
    let mut first = None;
    let argv = ["echo".to_owned(), "here".to_owned()];
    agent.exec(&argv, |_, bytes| first = first.or((bytes == b"here\n").then(Instant::now))).await?;
    let first = first.context("the command printed something else")?;
    lap(&mut steps.output);
    steps.whole.time(first - started);
    market.end(signer, lease).await?;
    Ok(())
}

/// Waits until the machine is free again.
async fn quote(market: &Market) -> Result<dbc_sdk::Quote> {
    let started = Instant::now();
    loop {
        match market.quote(&Need::cpu(TERM_S)).await {
            Ok(quote) => return Ok(quote),
            Err(error) => ensure!(started.elapsed() < PATIENCE, "no machine: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What the engine alone needs for the same: a container's start and one command's output.
async fn docker(image: &str) -> Result<Duration> {
    let started = Instant::now();
    let output =
        Command::new("docker").args(["run", "--rm", image, "echo", "here"]).output().await?;
    ensure!(output.stdout == b"here\n", "docker run: {}", String::from_utf8_lossy(&output.stderr));
    Ok(started.elapsed())
}
