//! The states of a machine beside its status, and the calls about them: maintenance, the high-stability tier,
//! other hardware, hand-over; and many machines at once.

use codec::Encode;
use dbc_primitives::{
    Amount, Balance, BoundedVec, ConstU32, HardwareFacts, Location, MachineClass, MachineId, Offer,
    Slot,
};
use futures::future::try_join_all;
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{
            dbc_runtime::RuntimeCall, pallet_audits::pallet::Call as Audits,
            pallet_machines::pallet::Call as Machines,
        },
    },
    read::{ITEMS_MAX, View},
    record::{Machine, Registration},
    tx::Submission,
};

/// Machines of one batch: what fits into a block many times over.
pub const BATCH_MAX: usize = 50;
/// Machines of a provider that are asked for at a time: as many as the chain answers.
const FLEET_PAGE: u32 = 100;
/// Records that are read at a time.
const READS: usize = 32;

/// Whether a machine is in the high-stability tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// It never joined, or left.
    Normal,
    /// It is in the tier.
    Stable,
    /// It lost it by an outage, a slash or other hardware; what was pledged is still on hold.
    Lost,
}

/// A fact that audits have not looked at since it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The size of its disk.
    Disk,
    /// Where it stands.
    Location,
    /// Its bandwidth.
    Bandwidth,
}

impl Fact {
    /// The facts of a record's bits, by their places.
    pub(crate) fn of_bits(bits: u8) -> Vec<Self> {
        let all = [Self::Disk, Self::Location, Self::Bandwidth];
        all.into_iter()
            .enumerate()
            .filter(|(at, _)| bits & (1 << at) != 0)
            .map(|(_, f)| f)
            .collect()
    }
}

/// What a machine is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// What it is for.
    pub class: MachineClass,
    /// What it has.
    pub facts: HardwareFacts,
    /// Where it is.
    pub location: Location,
}

/// What is looked for among listed machines; `None` or 0 is anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode)]
pub struct Search {
    /// What it is for.
    pub class: Option<MachineClass>,
    /// ISO 3166-1 numeric code of its country.
    pub region: Option<u16>,
    /// Cards that are free at least.
    pub free_gpus: u8,
    /// Most that a card, or a CPU share of a machine without cards, may cost an hour.
    pub max_price: Option<Amount>,
}

/// What the chain found among 256 indexes.
#[derive(Debug, Clone, PartialEq, Eq, codec::Decode)]
pub struct SearchPage {
    /// Machines that fit.
    pub machines: BoundedVec<MachineId, ConstU32<256>>,
    /// The index to go on with; `None` when there are no more.
    pub next: Option<u32>,
}

impl View {
    /// Looks for listed machines, among the 256 indexes from `from` on.
    pub async fn search(&self, from: u32, search: &Search) -> Result<SearchPage, ChainError> {
        self.view("Machines", "search", (from, search)).await
    }

    /// The listed machines that fit, at most 10,000, by rising index.
    pub async fn listed(&self, search: &Search) -> Result<Vec<Machine>, ChainError> {
        let (mut from, mut machines) = (0, Vec::new());
        loop {
            let page = self.search(from, search).await?;
            self.records(&page.machines, &mut machines).await?;
            match page.next {
                Some(next) if next > from && machines.len() < ITEMS_MAX => from = next,
                _ => return Ok(machines),
            }
        }
    }

    /// The machines of a provider, at most 10,000, in no order.
    pub async fn machines_of(&self, provider: AccountId) -> Result<Vec<Machine>, ChainError> {
        let (mut after, mut machines) = (None, Vec::new());
        loop {
            let question = (provider, after, FLEET_PAGE);
            let page: Vec<MachineId> = self.view("Machines", "machines_of", question).await?;
            self.records(&page, &mut machines).await?;
            match page.last() {
                Some(last) if after != Some(*last) && machines.len() < ITEMS_MAX => {
                    after = Some(*last);
                }
                _ => return Ok(machines),
            }
        }
    }

    /// Adds the records of machines.
    async fn records(&self, of: &[MachineId], to: &mut Vec<Machine>) -> Result<(), ChainError> {
        for some in of.chunks(READS) {
            let records = some.iter().map(|id| self.machine(*id));
            to.extend(try_join_all(records).await?.into_iter().flatten());
        }
        Ok(())
    }

    /// What a machine needs on hold to be listed, and what is on hold beyond what stays so: units.
    pub async fn stake_of(
        &self,
        machine: MachineId,
    ) -> Result<Option<(Balance, Balance)>, ChainError> {
        self.view("Machines", "stake_of", machine).await
    }

    /// Whether a machine was there for long enough for the high-stability tier, and since when it is; `None` while it
    /// is silent.
    pub async fn steady_since(
        &self,
        machine: MachineId,
    ) -> Result<Option<(bool, Slot)>, ChainError> {
        self.view("Machines", "steady_since", machine).await
    }
}

impl ChainClient {
    /// Announces that a machine may be away.
    pub async fn announce_maintenance(
        &self,
        signer: &Signer,
        machine: MachineId,
        from: Slot,
        until: Slot,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.announce_maintenance(Static(machine), from, until)).await
    }

    /// Takes the announcement back, or ends the maintenance.
    pub async fn cancel_maintenance(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.cancel_maintenance(Static(machine))).await
    }

    /// Joins the high-stability tier.
    pub async fn join_tier(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().machines().join_tier(Static(machine))).await
    }

    /// Leaves it.
    pub async fn leave_tier(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().machines().leave_tier(Static(machine))).await
    }

    /// Says what a machine is from now on.
    pub async fn change_hardware(
        &self,
        signer: &Signer,
        machine: MachineId,
        hardware: Hardware,
    ) -> Result<Submission, ChainError> {
        let Hardware { class, facts, location } = hardware;
        let call = generated::transactions().machines().change_hardware(
            Static(machine),
            Static(class),
            Static(facts),
            Static(location),
        );
        self.submit(signer, &call).await
    }

    /// Takes back what is on hold beyond what is asked for.
    pub async fn release_stake(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.release_stake(Static(machine))).await
    }

    /// Offers a machine to another provider.
    pub async fn offer_handover(
        &self,
        signer: &Signer,
        machine: MachineId,
        to: AccountId,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.offer_handover(Static(machine), to.to_subxt())).await
    }

    /// Takes a machine over that is offered to the signer.
    pub async fn accept_handover(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.accept_handover(Static(machine))).await
    }

    /// Offers a machine to nobody any more.
    pub async fn withdraw_handover(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let machines = generated::transactions().machines();
        self.submit(signer, &machines.withdraw_handover(Static(machine))).await
    }

    /// Registers machines, all or none.
    ///
    /// Errors: also when they are more than [`BATCH_MAX`].
    pub async fn register_all(
        &self,
        signer: &Signer,
        machines: Vec<Registration>,
    ) -> Result<Submission, ChainError> {
        let calls = machines.into_iter().map(|registration| {
            let Registration { machine, proof, class, facts, location, network } = registration;
            RuntimeCall::Machines(Machines::register {
                machine: Static(machine),
                proof,
                class: Static(class),
                facts: Static(facts),
                location: Static(location),
                network: Static(network),
            })
        });
        self.submit_all(signer, calls.collect()).await
    }

    /// Sets what machines ask, all or none.
    ///
    /// Errors: also when they are more than [`BATCH_MAX`].
    pub async fn set_offers(
        &self,
        signer: &Signer,
        offers: Vec<(MachineId, Offer)>,
    ) -> Result<Submission, ChainError> {
        let calls = offers.into_iter().map(|(machine, offer)| {
            RuntimeCall::Machines(Machines::set_offer {
                machine: Static(machine),
                offer: Static(offer),
            })
        });
        self.submit_all(signer, calls.collect()).await
    }

    /// Books audits of machines, all or none.
    ///
    /// Errors: also when they are more than [`BATCH_MAX`].
    pub async fn request_audits(
        &self,
        signer: &Signer,
        machines: Vec<MachineId>,
    ) -> Result<Submission, ChainError> {
        let calls = machines
            .into_iter()
            .map(|machine| RuntimeCall::Audits(Audits::request { machine: Static(machine) }));
        self.submit_all(signer, calls.collect()).await
    }

    /// Puts machines up for rent, all or none.
    ///
    /// Errors: also when they are more than [`BATCH_MAX`].
    pub async fn list_all(
        &self,
        signer: &Signer,
        machines: Vec<MachineId>,
    ) -> Result<Submission, ChainError> {
        let calls = machines
            .into_iter()
            .map(|machine| RuntimeCall::Machines(Machines::list { machine: Static(machine) }));
        self.submit_all(signer, calls.collect()).await
    }

    async fn submit_all(
        &self,
        signer: &Signer,
        calls: Vec<RuntimeCall>,
    ) -> Result<Submission, ChainError> {
        if calls.is_empty() || calls.len() > BATCH_MAX {
            let why = format!("{} machines, 1 to {BATCH_MAX} are allowed", calls.len());
            return Err(ChainError::Input { field: "machines", why });
        }
        self.submit(signer, &generated::transactions().utility().batch_all(calls)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_record_name_its_facts() {
        assert_eq!(Fact::of_bits(0), []);
        assert_eq!(Fact::of_bits(0b101), [Fact::Disk, Fact::Bandwidth]);
        assert_eq!(Fact::of_bits(u8::MAX), [Fact::Disk, Fact::Location, Fact::Bandwidth]);
    }
}
