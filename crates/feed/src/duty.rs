//! The loop: once in each interval, ask, believe or look again, tell.

use anyhow::{Context as _, Result};
use dbc_chain_client::{At, ChainClient, ChainError, Signer};
use dbc_primitives::Slot;
use dbc_service::error_chain;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::source::Sources;

/// A jump by more than this share of what was told last, in per cent, is looked at twice.
const JUMP_PERCENT: u128 = 25;
/// Two looks agree within this share, in per cent.
const AGREE_PERCENT: u128 = 5;

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// In which interval: its first slot.
    pub interval: Slot,
    /// Millionths of a dollar per DBC.
    pub price: u128,
}

/// A feeder at work.
pub struct Feeder {
    client: ChainClient,
    signer: Signer,
    sources: Sources,
    interval: Slot,
    /// What was told last, in this run or before.
    last: Option<u128>,
    /// A jump that waits for a second look.
    jump: Option<u128>,
    done: Option<Slot>,
}

/// Whether a value is believed now: near what was told last, or borne out by the look before. Pure.
pub fn believe(last: Option<u128>, jump: Option<u128>, now: u128) -> bool {
    let near = |one: u128, percent: u128| {
        one.abs_diff(now).saturating_mul(100) <= one.saturating_mul(percent)
    };
    last.is_none_or(|last| near(last, JUMP_PERCENT))
        || jump.is_some_and(|jump| near(jump, AGREE_PERCENT))
}

impl Feeder {
    /// Makes it ready; does not join.
    ///
    /// # Errors
    /// When the node does not answer, or the account has no seat or has not bonded.
    pub async fn open(client: ChainClient, signer: Signer, sources: Sources) -> Result<Self> {
        let view = client.at(At::Best).await?;
        let seat = view.feeder(signer.account()).await?;
        let seat =
            seat.context("this account has no seat; a referendum on `operations` gives one")?;
        anyhow::ensure!(seat.bond > 0, "this account has not bonded; `dbc feed join` does");
        let interval = view.feed_interval().await?.max(1);
        let last = seat.told.map(|(price, _)| price);
        Ok(Self { client, signer, sources, interval, last, jump: None, done: None })
    }

    /// Does its duty until `shutdown`; `told` hears of each value.
    ///
    /// # Errors
    /// When the account is suspended or lost its seat.
    pub async fn run(
        &mut self,
        shutdown: CancellationToken,
        mut told: impl FnMut(Told),
    ) -> Result<()> {
        let mut heads = self.client.best();
        loop {
            let slot = heads.borrow_and_update().slot;
            let turn = self.turn(slot, &mut told);
            match shutdown.run_until_cancelled(turn).await {
                None => return Ok(()),
                Some(Ok(())) => {}
                Some(Err(error)) if error.is::<ChainError>() => {
                    warn!(error = error_chain(error.as_ref()), "the chain does not answer");
                }
                Some(Err(error)) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                changed = heads.changed() => {
                    if changed.is_err() {
                        anyhow::bail!("the connection to the chain is gone for good");
                    }
                }
            }
        }
    }

    async fn turn(&mut self, slot: Slot, told: &mut impl FnMut(Told)) -> Result<()> {
        let interval = slot - slot % self.interval;
        if self.done == Some(interval) || slot == 0 {
            return Ok(());
        }
        let view = self.client.at(At::Best).await?;
        let seat = view.feeder(self.signer.account()).await?;
        let seat = seat.context("this account has lost its seat")?;
        anyhow::ensure!(
            !seat.suspended,
            "this account is suspended: too many of its values lay far from the others'; \
             a referendum on `operations` can reinstate it"
        );
        if seat.told.is_some_and(|(_, at)| at >= interval) {
            self.done = Some(interval);
            return Ok(());
        }
        // Tried once in an interval, whatever comes of it.
        self.done = Some(interval);
        let Some(price) = self.sources.ask().await else { return Ok(()) };
        if !believe(self.last, self.jump, price) {
            warn!(last = self.last, price, "a jump: it is told if the next look bears it out");
            self.jump = Some(price);
            return Ok(());
        }
        self.jump = None;
        let sent =
            async { self.client.feed(&self.signer, price).await?.in_block().await.map(drop) };
        match sent.await {
            Ok(()) => {
                self.last = Some(price);
                info!(price, "told");
                told(Told { interval, price });
            }
            Err(error) => warn!(error = error_chain(&error), "the value was not taken"),
        }
        Ok(())
    }
}
