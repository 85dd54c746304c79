//! What a DBC costs in dollars: reads and calls.

use dbc_primitives::Slot;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated,
    read::View,
    tx::Submission,
};

/// A feeder's seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeederRecord {
    /// On hold from him; 0 before he joined.
    pub bond: u128,
    /// What he told last, in millionths of a dollar, and when.
    pub told: Option<(u128, Slot)>,
    /// Values that lay far from the median.
    pub strikes: u32,
    /// Whether his values no longer count.
    pub suspended: bool,
}

impl View {
    /// Average over the last hour in millionths of a dollar per DBC; `None` while nobody knows.
    pub async fn dollar_price(&self) -> Result<Option<u128>, ChainError> {
        self.view("Prices", "average", ()).await
    }

    /// Slots of an interval: each feeder tells one value in it.
    pub async fn feed_interval(&self) -> Result<Slot, ChainError> {
        self.view("Prices", "interval_slots", ()).await
    }

    /// The seat of a feeder; `None` without one.
    pub async fn feeder(&self, who: AccountId) -> Result<Option<FeederRecord>, ChainError> {
        let entry = generated::storage().prices().seats();
        let seats = self.get("feeders", entry, ()).await?.map(|seats| seats.0).unwrap_or_default();
        let seat = seats.into_iter().find(|seat| seat.feeder.0 == who.0);
        Ok(seat.map(|seat| FeederRecord {
            bond: seat.bond,
            told: seat.value.map(|value| (value.price, value.at)),
            strikes: seat.strikes,
            suspended: seat.suspended,
        }))
    }
}

impl ChainClient {
    /// Bonds the signer as a feeder.
    pub async fn join_feed(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().prices().join()).await
    }

    /// Gives the signer's seat back; his bond returns.
    pub async fn leave_feed(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().prices().leave()).await
    }

    /// Tells what a DBC costs, in millionths of a dollar.
    pub async fn feed(&self, signer: &Signer, price: u128) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().prices().feed(price)).await
    }
}
