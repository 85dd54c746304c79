//! The accounts that visits are made under. Their owner funds them; nobody shall see a link to him.

use anyhow::Result;
use dbc_chain_client::{AccountId, At, ChainClient, Signer};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::notes::Notes;

/// Most accounts that are made at once.
const AT_ONCE: u32 = 100;
/// The governed number that bounds what a visit may cost.
const COST: (&str, &str) = ("audits", "VisitCost");
/// What is reckoned with where the chain has no such number: 50 DBC.
const COST_ELSE: u128 = 50 * DBC;
/// For fees, and for what stays on an account so that it lives: 1 DBC.
const FEES: u128 = DBC;
const DBC: u128 = 1_000_000_000_000_000;

/// An account for visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FreshAccount {
    /// Its address.
    pub account: AccountId,
    /// Where it stands.
    pub state: FreshState,
}

/// Where an account for visits stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshState {
    /// Nobody heard of it.
    Unused,
    /// A visit is under way with it.
    Visiting,
    /// It was used, and is never again.
    Used,
}

impl FreshState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Visiting => "visiting",
            Self::Used => "used",
        }
    }
}

impl Serialize for FreshState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Makes accounts and keeps their seeds, before anybody hears of them.
///
/// # Errors
/// When they are none or more than 100, or the notes cannot be kept.
pub(crate) fn add(notes: &Notes, count: u32) -> Result<Vec<AccountId>> {
    anyhow::ensure!((1..=AT_ONCE).contains(&count), "{count} accounts: 1 to {AT_ONCE} can be made");
    let mut made = Vec::new();
    for _ in 0..count {
        let seed = Zeroizing::new(rand::random());
        let account = Signer::from_seed(*seed)?.account();
        notes.add_account(account, &seed)?;
        made.push(account);
    }
    Ok(made)
}

/// What an account needs for one visit, in units: what the chain pays back at most, and fees.
///
/// # Errors
/// When the node does not answer.
pub async fn visit_cost(client: &ChainClient) -> Result<u128> {
    let numbers = client.at(At::Best).await?.numbers().await?;
    let found = numbers.iter().find(|n| (n.group.as_str(), n.name.as_str()) == COST);
    Ok(found.map_or(COST_ELSE, |number| number.value).saturating_add(FEES))
}
