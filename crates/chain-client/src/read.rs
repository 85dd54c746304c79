//! [`View`]: the chain's state at one block.

use std::sync::Arc;

use codec::{Decode, Encode};
use dbc_primitives::{LeaseId, MachineId};
use subxt::{storage::Address, utils::Static};

use crate::{
    account::AccountId,
    client::{AtBlock, Shared},
    error::ChainError,
    generated,
    record::{Account, Constants, Lease, Machine},
};

/// Most machines, or leases of one account or machine, that are read at once.
pub(crate) const ITEMS_MAX: usize = 10_000;

/// The chain's state at one block. Reads go to the node one by one; nodes keep the state of the newest
/// 256 blocks.
pub struct View {
    pub(crate) shared: Arc<Shared>,
    pub(crate) block: AtBlock,
}

impl View {
    pub(crate) fn new(shared: Arc<Shared>, block: AtBlock) -> Self {
        Self { shared, block }
    }

    /// Hash of the block.
    pub fn hash(&self) -> [u8; 32] {
        self.block.block_hash().0
    }

    /// Height of the block.
    pub fn number(&self) -> u64 {
        self.block.block_number()
    }

    /// Version of the runtime.
    pub fn spec_version(&self) -> u32 {
        self.block.spec_version()
    }

    /// Slot in which the block was made.
    pub async fn slot(&self) -> Result<u64, ChainError> {
        let slot = self.get("slot", generated::storage().babe().current_slot(), ()).await?;
        Ok(slot.map_or(0, |slot| slot.0))
    }

    /// A machine.
    pub async fn machine(&self, machine: MachineId) -> Result<Option<Machine>, ChainError> {
        let found = self
            .get("machine", generated::storage().machines().machines(), (Static(machine),))
            .await?;
        Ok(found.map(|found| crate::convert::machine(machine, found)))
    }

    /// All machines, at most 10,000, in no order.
    pub async fn machines(&self) -> Result<Vec<Machine>, ChainError> {
        let entry = self
            .block
            .storage()
            .entry(generated::storage().machines().machines())
            .map_err(|error| self.failed("machines", error))?;
        let mut items = self.shared.call("machines", entry.iter(())).await?;
        let mut machines = Vec::new();
        while let Some(item) = self.next("machines", items.next()).await? {
            let key = item.key().map_err(|error| self.failed("machines", error))?;
            let (Static(id),) = key.decode().map_err(|error| self.failed("machines", error))?;
            let found = item.value().decode().map_err(|error| self.failed("machines", error))?;
            machines.push(crate::convert::machine(id, found));
            if machines.len() >= ITEMS_MAX {
                break;
            }
        }
        Ok(machines)
    }

    /// The operator that a provider named.
    pub async fn operator(&self, provider: AccountId) -> Result<Option<AccountId>, ChainError> {
        let entry = generated::storage().machines().operators();
        let found = self.get("operator", entry, (provider.to_subxt(),)).await?;
        Ok(found.map(|account| AccountId(account.0)))
    }

    /// The provider whose machines an account runs.
    pub async fn provider_of(&self, operator: AccountId) -> Result<Option<AccountId>, ChainError> {
        let entry = generated::storage().machines().provider_of();
        let found = self.get("provider", entry, (operator.to_subxt(),)).await?;
        Ok(found.map(|account| AccountId(account.0)))
    }

    /// The governed relays; what is not UTF-8 is left out.
    pub async fn relays(&self) -> Result<Vec<String>, ChainError> {
        let found = self.get("relays", generated::storage().machines().relays(), ()).await?;
        let relays = found.map(|relays| relays.0).unwrap_or_default();
        Ok(relays.into_iter().filter_map(|relay| String::from_utf8(relay.0).ok()).collect())
    }

    /// A lease; `None` when there is none of this number, or its record is gone.
    pub async fn lease(&self, lease: LeaseId) -> Result<Option<Lease>, ChainError> {
        let found = self.get("lease", generated::storage().leases().leases(), (lease,)).await?;
        Ok(found.map(|found| crate::convert::lease(lease, found)))
    }

    /// The lease that the renter's order with this tag led to.
    pub async fn lease_by_tag(
        &self,
        renter: AccountId,
        tag: u64,
    ) -> Result<Option<LeaseId>, ChainError> {
        self.get("tag", generated::storage().leases().tags(), (renter.to_subxt(), tag)).await
    }

    /// The leases of a machine whose records are there, at most 10,000, oldest first.
    pub async fn leases_of_machine(&self, machine: MachineId) -> Result<Vec<Lease>, ChainError> {
        let entry = self
            .block
            .storage()
            .entry(generated::storage().leases().by_machine())
            .map_err(|error| self.failed("leases", error))?;
        let mut items = self.shared.call("leases", entry.iter((Static(machine),))).await?;
        let mut ids = Vec::new();
        while let Some(item) = self.next("leases", items.next()).await? {
            let key = item.key().map_err(|error| self.failed("leases", error))?;
            let (_, id) = key.decode().map_err(|error| self.failed("leases", error))?;
            ids.push(id);
            if ids.len() >= ITEMS_MAX {
                break;
            }
        }
        self.leases(ids).await
    }

    /// The leases of a renter whose records are there, at most 10,000, oldest first.
    pub async fn leases_of_renter(&self, renter: AccountId) -> Result<Vec<Lease>, ChainError> {
        let entry = self
            .block
            .storage()
            .entry(generated::storage().leases().tags())
            .map_err(|error| self.failed("leases", error))?;
        let mut items = self.shared.call("leases", entry.iter((renter.to_subxt(),))).await?;
        let mut ids = Vec::new();
        while let Some(item) = self.next("leases", items.next()).await? {
            ids.push(item.value().decode().map_err(|error| self.failed("leases", error))?);
            if ids.len() >= ITEMS_MAX {
                break;
            }
        }
        self.leases(ids).await
    }

    /// An account's money; all zero for one that does not exist.
    pub async fn account(&self, account: AccountId) -> Result<Account, ChainError> {
        let id = account.to_subxt();
        let info = self.get("account", generated::storage().system().account(), (id,)).await?;
        let holds = self.get("holds", generated::storage().balances().holds(), (id,)).await?;
        let Some(info) = info else { return Ok(Account::default()) };
        let existential = self.constant(generated::constants().balances().existential_deposit())?;
        // What frozen asks for may lie in the held part; the existential deposit stays free.
        let frozen_free = info.data.frozen.saturating_sub(info.data.reserved);
        let held = holds.map(|holds| holds.0).unwrap_or_default();
        Ok(Account {
            free: info.data.free,
            spendable: info.data.free.saturating_sub(frozen_free.max(existential)),
            held: held
                .into_iter()
                .map(|hold| (crate::convert::hold_reason(&hold.id), hold.amount))
                .collect(),
            nonce: info.nonce,
        })
    }

    /// Figures of the market: those that the runtime fixes, and those that referenda set.
    pub async fn constants(&self) -> Result<Constants, ChainError> {
        let of = generated::constants();
        Ok(Constants {
            stake_per_gpu: self.view("Machines", "stake_per_gpu", ()).await?,
            existential_deposit: self.constant(of.balances().existential_deposit())?,
            retirement_delay: self.view("Machines", "retirement_delay", ()).await?,
            max_term: self.constant(of.machines().max_term())?,
            start_window: self.view("Leases", "start_window", ()).await?,
            minimum_charge: self.view("Leases", "minimum_charge", ()).await?,
        })
    }

    async fn leases(&self, mut ids: Vec<LeaseId>) -> Result<Vec<Lease>, ChainError> {
        ids.sort_unstable();
        let mut leases = Vec::with_capacity(ids.len());
        for id in ids {
            leases.extend(self.lease(id).await?);
        }
        Ok(leases)
    }

    /// What a view function answers. Encoded here: subxt 0.51 leaves the length of the arguments out, which
    /// the runtime's API asks for.
    pub(crate) async fn view<Answer: Decode>(
        &self,
        pallet: &'static str,
        name: &'static str,
        arguments: impl Encode,
    ) -> Result<Answer, ChainError> {
        let metadata = self.block.metadata();
        let found = metadata.pallet_by_name(pallet).and_then(|p| p.view_function_by_name(name));
        let found =
            found.ok_or_else(|| ChainError::malformed(name, "the runtime has no such view"))?;
        let mut question = found.query_id().to_vec();
        arguments.encode().encode_to(&mut question);
        let functions = self.block.view_functions();
        let answer = self.shared.call(name, functions.call_raw(Some(&question))).await?;
        // `Ok` of bytes, and the answer in them.
        let Ok((0, bytes)) = <(u8, Vec<u8>)>::decode(&mut &answer[..]) else {
            return Err(ChainError::malformed(name, "the runtime refuses the question"));
        };
        Answer::decode(&mut &bytes[..]).map_err(|error| ChainError::malformed(name, error))
    }

    /// A figure that the runtime fixes.
    pub(crate) fn constant<Figure: subxt::constants::Address>(
        &self,
        figure: Figure,
    ) -> Result<Figure::Target, ChainError> {
        self.block.constants().entry(figure).map_err(|error| self.failed("constants", error))
    }

    /// One value; the entry's default, if it has one, when nothing is stored.
    pub(crate) async fn get<Entry: Address>(
        &self,
        what: &'static str,
        entry: Entry,
        key: Entry::KeyParts,
    ) -> Result<Option<Entry::Value>, ChainError> {
        let storage = self.block.storage();
        let found = self.shared.call(what, storage.try_fetch(entry, key)).await?;
        found.map(|value| value.decode()).transpose().map_err(|error| self.failed(what, error))
    }

    pub(crate) async fn next<T, E: Into<subxt::Error>>(
        &self,
        what: &'static str,
        next: impl Future<Output = Option<Result<T, E>>>,
    ) -> Result<Option<T>, ChainError> {
        self.shared.call(what, async { next.await.transpose() }).await
    }

    pub(crate) fn failed(&self, what: &'static str, error: impl Into<subxt::Error>) -> ChainError {
        crate::error::from_subxt(&self.shared.config.url, what, error.into())
    }
}
