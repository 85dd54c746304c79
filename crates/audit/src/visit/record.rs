//! What is on disk of a visit.

use codec::{Decode, Encode};
use dbc_chain_client::{AccountId, VisitDraw, VisitRecord};
use dbc_primitives::{
    MachineId, Slot,
    audit::{AuditId, Terms},
};
use dbc_sdk::RentOrder;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::challenge::Explained;

/// A visit. What it has says how far it came.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Visit {
    /// Who rents; never before and never again.
    pub account: AccountId,
    /// What makes the target.
    #[serde(with = "scaled")]
    pub secret: [u8; 32],
    /// What the chain drew.
    pub draw: Option<Draw>,
    /// The order that is on its way, or led to a lease.
    pub order: Option<Order>,
    /// What was found; the first stays.
    #[serde(with = "scaled")]
    pub found: Option<Explained>,
    /// Whether the lease is ended and settled.
    pub left: bool,
    /// Whether the chain took the verdict.
    pub told: bool,
    /// Whether none of the candidates could be visited, and the chain may know.
    pub giving_up: bool,
    /// How it ended.
    pub end: Option<End>,
}

/// What follows from the blocks after the plan.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draw {
    /// Number of the audit that it becomes.
    pub audit: AuditId,
    /// What candidates and challenge are made of, beside secrets.
    #[serde(with = "scaled")]
    pub seed: [u8; 32],
    /// Machines that there were.
    pub count: u32,
    /// Those of which other visits spoke ill.
    #[serde(with = "scaled")]
    pub suspects: Vec<MachineId>,
    /// When it was drawn.
    pub at: Slot,
    /// Slot before which it is told.
    pub until: Slot,
    /// When renting begins: at a moment that says nothing of the draw's.
    pub rent_at: Slot,
}

/// An order for one of the candidates.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Which of the candidates.
    pub attempt: u8,
    /// The machine.
    #[serde(with = "scaled")]
    pub machine: MachineId,
    /// What it is asked for.
    #[serde(with = "scaled")]
    pub terms: Terms,
    /// What is ordered, with its tag.
    pub rent: RentOrder,
    /// The lease, once it is in a block.
    pub lease: Option<u64>,
    /// Whether its workload runs.
    pub runs: bool,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// The chain has its verdict.
    Revealed,
    /// None could be visited.
    GivenUp,
    /// Its time went by.
    Missed,
}

impl Visit {
    /// One that nobody knows of yet.
    pub fn new(account: AccountId, secret: [u8; 32]) -> Self {
        Self {
            account,
            secret,
            draw: None,
            order: None,
            found: None,
            left: false,
            told: false,
            giving_up: false,
            end: None,
        }
    }
}

impl Draw {
    /// As the chain has it.
    pub fn new(record: &VisitRecord, draw: &VisitDraw, rent_at: Slot) -> Self {
        Self {
            audit: record.audit,
            seed: draw.seed,
            count: draw.count,
            suspects: draw.suspects.clone(),
            at: draw.at,
            until: record.until,
            rent_at,
        }
    }
}

/// Values of the chain, as hexadecimal text of their bytes.
mod scaled {
    use super::{Decode, Deserialize as _, Deserializer, Encode, Serializer};

    pub fn serialize<T: Encode, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(value.encode()))
    }

    pub fn deserialize<'de, T: Decode, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        T::decode(&mut &bytes[..]).map_err(serde::de::Error::custom)
    }
}
