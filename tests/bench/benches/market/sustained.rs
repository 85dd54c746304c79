//! The market kept busy for minutes. In each round some order, those of the round before end what they ordered,
//! and payers send as much money to those of the next round, all at once and in the same blocks.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use dbc_benchmarks::Samples;
use dbc_chain_client::{At, ChainClient, Signed, Signer};
use dbc_primitives::{DBC, SLOT_SECONDS};
use ed25519_dalek::SigningKey;

use super::{EACH, RENTERS, order, run};

/// Slots of an interval of liveness.
const INTERVAL: u64 = 10;
/// Renters of a round: two rounds share the machines.
const HALF: usize = RENTERS as usize / 2;

/// The renters of a round; the first ones need money.
pub fn renters(round: usize) -> Result<Vec<Signer>> {
    let renters = (0..HALF).map(|n| Signer::from_uri(&format!("//Round//{round}//{n}")));
    Ok(renters.collect::<Result<_, _>>()?)
}

/// Keeps the market busy and prints what it took.
pub async fn keep_busy(
    chain: &ChainClient,
    keys: &[SigningKey],
    payers: &[Signer],
    minutes: u64,
) -> Result<()> {
    let (began, first) = (Instant::now(), chain.best().borrow().number);
    let watch = tokio::spawn(lag(chain.clone()));
    let (mut calls, mut transfers, mut busy, mut again) = (0, 0, Samples::default(), 0);
    let (mut round, mut before, mut these) = (0, Vec::new(), renters(0)?);
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let next = renters(round + 1)?;
        let mut signed = Vec::new();
        for (n, renter) in these.iter().enumerate() {
            signed.push(creates(chain, keys, (round % 2) * HALF + n, renter).await?);
        }
        for renter in &before {
            signed.push(ends(chain, renter).await?);
        }
        calls += signed.iter().map(Vec::len).sum::<usize>();
        for (n, payer) in payers.iter().enumerate() {
            let mut ahead = chain.ahead(payer).await?;
            let to = next[n % HALF].account();
            let list: Vec<_> =
                (0..EACH).map(|_| ahead.transfer(to, 4 * DBC)).collect::<Result<_, _>>()?;
            transfers += list.len();
            signed.push(list);
        }
        let rate = run(chain, signed).await?;
        busy.value(rate.sustained);
        again += rate.again;
        round += 1;
        (before, these) = (these, next);
        eprintln!("round {round}: {:.0} s of {minutes} min", began.elapsed().as_secs_f64());
    }
    let blocks = chain.best().borrow().number - first;
    watch.abort();
    // It prints what it saw when it is gone.
    drop(watch.await);
    let seconds = began.elapsed().as_secs_f64();
    println!("kept busy for {seconds:.0} s, {round} rounds, {blocks} blocks of {SLOT_SECONDS} s");
    println!("  orders and ends of leases   {:>6.0} per second", calls as f64 / seconds);
    println!("  transfers beside them       {:>6.0} per second", transfers as f64 / seconds);
    println!("  all calls while any waited  {busy} per second; sent again {again}");
    Ok(())
}

/// Orders of a renter's places.
async fn creates(
    chain: &ChainClient,
    keys: &[SigningKey],
    n: usize,
    renter: &Signer,
) -> Result<Vec<Signed>> {
    let mut ahead = chain.ahead(renter).await?;
    let places = n * EACH..(n + 1) * EACH;
    places.map(|place| Ok(ahead.create_lease(order(keys, place)?)?)).collect()
}

/// Ends of all that a renter has.
async fn ends(chain: &ChainClient, renter: &Signer) -> Result<Vec<Signed>> {
    let leases = chain.at(At::Best).await?.leases_of_renter(renter.account()).await?;
    ensure!(leases.len() == EACH, "{} of {EACH} orders became leases", leases.len());
    let mut ahead = chain.ahead(renter).await?;
    Ok(leases.iter().map(|lease| ahead.end(lease.id)).collect::<Result<_, _>>()?)
}

/// Prints, when it is stopped, how far behind the newest block the horizon of settlement was at each.
async fn lag(chain: ChainClient) -> Result<()> {
    struct Print(Samples);
    impl Drop for Print {
        fn drop(&mut self) {
            println!("settlement lag over {} blocks, s: {}", self.0.len(), self.0);
        }
    }
    let mut samples = Print(Samples::default());
    let mut heads = chain.best();
    loop {
        heads.changed().await?;
        let head = *heads.borrow_and_update();
        let next = chain.at(At::Block(head.hash)).await?.next_interval().await?;
        let slots = head.slot.saturating_sub(next * INTERVAL);
        samples.0.value((slots * SLOT_SECONDS) as f64);
    }
}
