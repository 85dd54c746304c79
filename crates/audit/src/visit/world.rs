//! What a visit needs of chain and market. A trait, so that the order of its steps is tried without either.

use std::time::Duration;

use async_trait::async_trait;
use dbc_bench::Case;
use dbc_chain_client::{AccountId, Signer, VisitTold};
use dbc_primitives::{
    MachineId, Slot,
    audit::{AuditId, Terms},
};
use dbc_sdk::RentOrder;

use super::step::{Now, Seen};
use crate::challenge::{Away, Explained};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// Chain, relay or machine are away, or nobody knows: the same call may succeed later.
    #[error("{0}")]
    Passing(String),
    /// No: somebody else was faster, the offer changed, the chain refuses.
    #[error("{0}")]
    No(String),
}

/// How the start of a workload went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Started {
    /// It runs, in a lease of this number.
    Runs(u64),
    /// The lease is closed and it never ran.
    Closed(String),
}

/// Chain and market, as one auditor has them.
#[async_trait]
pub(super) trait World: Send + Sync {
    /// The auditor.
    fn me(&self) -> AccountId;

    /// Hash of the network's first block.
    fn genesis(&self) -> [u8; 32];

    /// The newest block's time.
    fn now(&self) -> Now;

    /// The auditor's visit that is open.
    async fn seen(&self) -> Result<Seen, Trouble>;

    /// From when on he may plan the next; `None` when he is no auditor.
    async fn from(&self) -> Result<Option<Slot>, Trouble>;

    /// What an account needs for a visit, in units.
    async fn cost(&self) -> Result<u128, Trouble>;

    /// What an account can spend.
    async fn funds(&self, account: AccountId) -> Result<u128, Trouble>;

    /// Binds the auditor; returns when that is final.
    async fn plan(&self, commit: [u8; 32]) -> Result<(), Trouble>;

    /// The machine at an index.
    async fn machine_at(&self, index: u32) -> Result<Option<MachineId>, Trouble>;

    /// Whether the chain says that a machine can be rented by a visit of this auditor now.
    async fn can_be_visited(&self, machine: MachineId) -> Result<bool, Trouble>;

    /// An order for all that is free of a machine, with the cards that it has, within what the account can spend.
    async fn order(
        &self,
        account: &Signer,
        machine: MachineId,
    ) -> Result<(RentOrder, u16), Trouble>;

    /// What a visit asks of a machine with so many leased cards.
    async fn terms(&self, machine: MachineId, cards: u16) -> Result<Option<Terms>, Trouble>;

    /// Orders; with a tag that was ordered before, gives that lease.
    async fn place(&self, account: &Signer, order: &RentOrder) -> Result<u64, Trouble>;

    /// Waits for a while until the order's workload runs.
    async fn start(&self, account: &Signer, order: &RentOrder) -> Result<Started, Trouble>;

    /// Challenges the machine from inside of a lease.
    async fn examine(&self, account: &Signer, lease: u64, case: &Case) -> Result<Explained, Away>;

    /// Ends a lease, if it is open, and waits for its last minutes, at most so long.
    async fn leave(&self, account: &Signer, lease: u64, most: Duration) -> Result<(), Trouble>;

    /// Tells what was found; returns when that is final.
    async fn reveal(&self, told: VisitTold) -> Result<(), Trouble>;

    /// Says that none of the candidates can be visited; returns when that is final.
    async fn give_up(&self, secret: [u8; 32], account: AccountId) -> Result<(), Trouble>;

    /// Whether the chain has this auditor's verdict of an audit, for good.
    async fn is_told(&self, audit: AuditId) -> Result<bool, Trouble>;

    /// Ends what an account still rents and sends what is left on it to the auditor; whether nothing more is to come.
    async fn sweep(&self, account: &Signer) -> Result<bool, Trouble>;

    /// Removes what was kept to reach the leases of an account.
    async fn forget(&self, account: AccountId);
}
