//! The many: machines and leases that are only there. Each is a copy of one that calls have made, under its own
//! key and at its own place, with the stake or the deposit on hold from its own provider or renter, its presence,
//! its share in the rewards, its proof with its end in the queue, and the places by which a lease is found.

use anyhow::{Context as _, Result};
use codec::Encode as _;
use dbc_primitives::{MachineId, Slot, liveness};
use dbc_runtime::{AccountId, Balances, Runtime, RuntimeHoldReason, configs::liveness::Followers};
use frame_support::traits::fungible::{Mutate as _, MutateHold as _};
use pallet_audits::{Due, Findings, Proof};
use pallet_leases::Lease;
use pallet_machines::{Machine, Presence as _};
use pallet_rewards::{Fleet, Global, Share};
use sp_core::Pair as _;
use sp_io::hashing::blake2_256;
use sp_state_machine::BasicExternalities;

use crate::{
    chain::machine_key,
    state::Entry,
    subjects::{LAST, Subjects, machine, told_interval},
};

/// Machines of each provider.
pub const FLEET: u32 = 50;
/// Leases of each renter.
pub const LEASES: u32 = 10;
/// Watchers that tell of each cohort.
const TOLD: usize = 5;

/// What is copied, and from which place on.
pub struct Crowd {
    /// How many machines.
    pub machines: u32,
    /// How many leases, at most as many as machines: each is on a machine of its own.
    pub leases: u32,
    /// Whether machines have keys that can sign; making them takes time.
    real_keys: bool,
    first_index: u32,
    first_audit: u64,
    first_lease: u64,
    machine: Machine<AccountId>,
    presence: pallet_liveness::Presence,
    share: Share<AccountId>,
    lease: Option<Lease<AccountId>>,
    all: Global,
}

impl Crowd {
    /// Takes the patterns, and makes room for the crowd in what all share: counters, sums, maps. Those who
    /// watch tell that they heard everybody.
    ///
    /// # Errors
    /// When there are more leases than machines, or no pattern.
    pub fn enter(of: &Subjects, machines: u32, leases: u32) -> Result<Self> {
        anyhow::ensure!(leases <= machines, "each lease of the crowd is on a machine of its own");
        let mut crowd = Self::like(machine("leased", 0), machines)?;
        crowd.leases = leases;
        let lease =
            pallet_leases::Leases::<Runtime>::get(of.running[0]).context("no lease to copy")?;
        crowd.lease = Some(Lease { gpus: vec![0].try_into().unwrap_or_default(), ..lease });
        crowd.share_in_all();
        crowd.tell();
        Ok(crowd)
    }

    /// A crowd at the genesis of a network, of machines that can sign and that nobody has rented or audited.
    ///
    /// # Errors
    /// When the genesis refuses the pattern.
    pub fn at_genesis(machines: u32) -> Result<Self> {
        crate::subjects::pattern()?;
        let mut crowd = Self::like(machine("pattern", 0), machines)?;
        crowd.real_keys = true;
        crowd.share_in_all();
        Ok(crowd)
    }

    fn like(pattern: MachineId, machines: u32) -> Result<Self> {
        let found = pallet_machines::Machines::<Runtime>::get(pattern).context("no pattern")?;
        let cards = found.facts.gpus.len().max(1);
        let share = pallet_rewards::Shares::<Runtime>::get(pattern).context("no share to copy")?;
        let index = found.index.index;
        let stake = found.stake / cards as u128;
        let mut one = Machine { gpus_leased: 0, cpu_leased: 0, stake, ..found };
        one.facts.gpus.truncate(1);
        Ok(Self {
            machines,
            leases: 0,
            real_keys: false,
            first_index: pallet_machines::NextIndex::<Runtime>::get(),
            first_audit: pallet_audits::NextAudit::<Runtime>::get(),
            first_lease: pallet_leases::NextLease::<Runtime>::get(),
            machine: one,
            presence: pallet_liveness::Presences::<Runtime>::get(index)
                .context("no presence to copy")?,
            share: Share {
                points: share.points / cards as u64,
                gpus: 1,
                provisional: 0,
                fees: 0,
                ..share
            },
            lease: None,
            all: pallet_rewards::All::<Runtime>::get(),
        })
    }

    /// The key of a machine of the crowd.
    pub fn id(&self, n: u32) -> MachineId {
        match self.real_keys {
            true => MachineId(machine_key("crowd", n).public().0),
            false => MachineId(blake2_256(&(b"crowd", n).encode())),
        }
    }

    /// First dense index of the crowd.
    pub fn first_index(&self) -> u32 {
        self.first_index
    }

    fn fleet(&self, provider: u32) -> Fleet {
        let machines = FLEET.min(self.machines - provider * FLEET);
        Fleet {
            points: self.share.points * u64::from(machines),
            gpus: machines,
            acc: 0,
            mark: self.all.acc,
            machines,
            flat: self.share.points * u64::from(self.share.bonus) * u64::from(machines),
        }
    }

    /// Counters and sums.
    fn share_in_all(&self) {
        pallet_machines::NextIndex::<Runtime>::mutate(|next| *next += self.machines);
        pallet_audits::NextAudit::<Runtime>::mutate(|next| *next += u64::from(self.machines));
        pallet_leases::NextLease::<Runtime>::mutate(|next| *next += u64::from(self.leases));
        pallet_rewards::All::<Runtime>::mutate(|all| {
            for provider in 0..self.machines.div_ceil(FLEET) {
                let fleet = self.fleet(provider);
                all.points += fleet.counted();
                all.gpus += fleet.gpus;
            }
        });
        pallet_liveness::Regions::<Runtime>::mutate(self.presence.region, |region| {
            region.machines += self.machines;
        });
        for index in self.first_index..self.first_index + self.machines {
            let (cohort, bit) = (index / liveness::COHORT, (index % liveness::COHORT) as u16);
            let set = |map: &mut liveness::Bitmap| {
                if map.is_empty() {
                    *map = liveness::none();
                }
                liveness::set(map, bit, true);
            };
            pallet_liveness::Present::<Runtime>::mutate(cohort, set);
            pallet_liveness::Heard::<Runtime>::mutate(cohort, set);
        }
    }

    /// All but the one whose report is tried say that they heard everybody.
    fn tell(&self) {
        let interval = told_interval();
        let indexes = pallet_machines::NextIndex::<Runtime>::get();
        for cohort in 0..indexes.div_ceil(liveness::COHORT) {
            let heard = pallet_liveness::Heard::<Runtime>::get(cohort);
            let watchers = dbc_runtime::Liveness::duties(interval / 20, cohort);
            let silent = (cohort == 0).then(|| watchers.last().cloned()).flatten();
            let reports: Vec<_> = watchers
                .iter()
                .take(TOLD)
                .filter(|watcher| Some(*watcher) != silent.as_ref())
                .map(|watcher| pallet_liveness::Report {
                    watcher: watcher.clone(),
                    heard: heard.clone(),
                    drawn: watchers.len() as u8,
                    abstains: false,
                })
                .collect();
            let reports: dbc_primitives::BoundedVec<_, _> = reports.try_into().unwrap_or_default();
            pallet_liveness::Reports::<Runtime>::insert(interval, cohort, reports);
        }
        pallet_liveness::LastReported::<Runtime>::put(interval);
    }

    /// Entries of all of the crowd, and how much money and how many machines they add to the sums, which the
    /// caller adds.
    ///
    /// # Errors
    /// When money does not suffice.
    pub fn entries(&self, mut each: impl FnMut(Entry)) -> Result<Added> {
        let mut added = Added::default();
        // In parts, each of its own people.
        let providers = self.machines.div_ceil(FLEET);
        for part in (0..providers).step_by(200) {
            let range = part..(part + 200).min(providers);
            self.part(|| range.clone().try_for_each(|p| self.provider(p)), &mut added, &mut each)?;
        }
        let renters = self.leases.div_ceil(LEASES);
        for part in (0..renters).step_by(1_000) {
            let range = part..(part + 1_000).min(renters);
            self.part(|| range.clone().try_for_each(|r| self.renter(r)), &mut added, &mut each)?;
        }
        Ok(added)
    }

    fn part(
        &self,
        make: impl FnOnce() -> Result<()>,
        added: &mut Added,
        each: &mut impl FnMut(Entry),
    ) -> Result<()> {
        let mut storage = BasicExternalities::new_empty();
        storage.execute_with(|| {
            make()?;
            added.issuance += pallet_balances::TotalIssuance::<Runtime>::take();
            added.machines += pallet_machines::Machines::<Runtime>::count();
            frame_support::storage::unhashed::kill(&counter());
            Ok::<_, anyhow::Error>(())
        })?;
        storage.into_storages().top.into_iter().for_each(&mut *each);
        Ok(())
    }

    fn provider(&self, number: u32) -> Result<()> {
        let who = somebody("crowd provider", number);
        let operator = somebody("crowd operator", number);
        pallet_machines::Operators::<Runtime>::insert(&who, &operator);
        pallet_machines::ProviderOf::<Runtime>::insert(operator, &who);
        let fleet = self.fleet(number);
        let stake = self.machine.stake * u128::from(fleet.machines);
        hold(&who, RuntimeHoldReason::Machines(pallet_machines::HoldReason::Stake), stake)?;
        for n in number * FLEET..number * FLEET + fleet.machines {
            self.one(n, &who);
        }
        pallet_rewards::Fleets::<Runtime>::insert(who, fleet);
        Ok(())
    }

    fn one(&self, n: u32, provider: &AccountId) {
        let machine = self.id(n);
        let mut record = Machine { provider: provider.clone(), ..self.machine.clone() };
        record.index.index = self.first_index + n;
        record.network.endpoint = machine.0;
        let leased = n < self.leases;
        record.gpus_leased = u16::from(leased);
        let rented = if leased { 10_000 } else { 0 };
        pallet_machines::MachineAt::<Runtime>::insert(record.index.index, machine);
        pallet_machines::ByProvider::<Runtime>::insert(provider, machine, ());
        let presence = pallet_liveness::Presence { machine, ..self.presence };
        pallet_liveness::Presences::<Runtime>::insert(record.index.index, presence);
        pallet_machines::Machines::<Runtime>::insert(machine, record);
        Followers::bonded(machine);
        let cohort = (self.first_index + n) / liveness::COHORT;
        let paused = if cohort == self.share.cohort { self.share.paused } else { 0 };
        let share = Share {
            provider: provider.clone(),
            mark: 0,
            seen: self.all.acc,
            rented,
            cohort,
            paused,
            ..self.share.clone()
        };
        pallet_rewards::Shares::<Runtime>::insert(machine, share);
        if self.lease.is_none() {
            return;
        }
        let audit = self.first_audit + u64::from(n);
        let until = LAST + 1_000 + Slot::from(n) % 400_000;
        let findings = Findings::default();
        let (at, provisional, region) = (LAST - 1, false, None);
        let proof = Proof { audit, at, until, provisional, findings, region };
        pallet_audits::Proofs::<Runtime>::insert(machine, proof);
        pallet_audits::Queue::<Runtime>::insert(until, (audit, Due::Proof), machine);
    }

    fn renter(&self, number: u32) -> Result<()> {
        let pattern = self.lease.as_ref().context("no lease to copy")?;
        let who = somebody("crowd renter", number);
        let leases = LEASES.min(self.leases - number * LEASES);
        let deposit = pattern.deposit * u128::from(leases);
        hold(&who, RuntimeHoldReason::Leases(pallet_leases::HoldReason::Deposit), deposit)?;
        for n in number * LEASES..number * LEASES + leases {
            let (id, machine) = (self.first_lease + u64::from(n), self.id(n));
            let mut record = Lease {
                renter: who.clone(),
                payer: who.clone(),
                provider: somebody("crowd provider", n / FLEET),
                machine,
                tag: n.into(),
                tail: None,
                ..pattern.clone()
            };
            record.machine_index.index = self.first_index + n;
            let later = Slot::from(n) % 100_000;
            record.ends_at += later;
            record.due_at += later;
            pallet_leases::Expiry::<Runtime>::insert(record.due_at, id, ());
            pallet_leases::ByMachine::<Runtime>::insert(machine, id, ());
            pallet_leases::Running::<Runtime>::insert(machine, id, ());
            pallet_leases::Tags::<Runtime>::insert(&who, record.tag, id);
            pallet_leases::Leases::<Runtime>::insert(id, record);
        }
        Ok(())
    }
}

/// What the crowd adds to sums.
#[derive(Debug, Clone, Copy, Default)]
pub struct Added {
    issuance: u128,
    machines: u32,
}

impl Added {
    /// Adds it.
    pub fn enter(&self) {
        pallet_balances::TotalIssuance::<Runtime>::mutate(|sum| *sum += self.issuance);
        let machines = pallet_machines::Machines::<Runtime>::count() + self.machines;
        frame_support::storage::unhashed::put(&counter(), &machines);
    }
}

/// Where the number of machines is.
fn counter() -> Vec<u8> {
    frame_support::storage::storage_prefix(b"Machines", b"CounterForMachines").to_vec()
}

/// An account whose key nobody has.
fn somebody(role: &str, number: u32) -> AccountId {
    AccountId::new(blake2_256(&(role, number).encode()))
}

/// Gives somebody money, most of it on hold.
fn hold(who: &AccountId, reason: RuntimeHoldReason, amount: u128) -> Result<()> {
    let free = dbc_runtime::constants::DBC * 1_000;
    Balances::mint_into(who, amount + free).map_err(crate::subjects::told)?;
    Balances::hold(&reason, who, amount).map_err(crate::subjects::told)
}
