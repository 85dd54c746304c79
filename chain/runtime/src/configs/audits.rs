//! Who looks at machines, what they ask of them, and what follows.

use alloc::vec::Vec;

use dbc_bench::{Case, LINKS_MAX};
use dbc_primitives::{
    LeaseId, MachineId, MachineStatus, Profile, Slot,
    audit::{AuditId, Terms, Verdict},
};
use frame_support::traits::{ConstU32, ConstU64, Get as _};
use pallet_audits::{NoTerms, Proof, Purpose, VisitedLease, catalogue};
use pallet_disputes::Kind;
use pallet_machines::{Fleet as _, Part};
use pallet_rewards::Rewards as _;

use super::{
    liveness::AuthorVrf, market::CurrentSlot, money::TreasuryAccount,
    parameters::dynamic_params::audits as numbers, rewards,
};
use crate::{
    AccountId, Audits, Balance, Balances, Disputes, Machines, Rewards, Runtime, RuntimeHoldReason,
    System,
    configs::governance::AuditorSeats,
    constants::{DAYS, HOURS, MINUTES, SLOT_MS},
};

/// Rows and columns of the processor's challenge: small enough to be checked again on the chain.
const EDGE: u32 = 256;
/// Products of the processor's challenge for each slot that auditors have: a slow core needs a tenth of
/// their time.
const LINKS_PER_SLOT: u32 = 8;
/// Rows and columns of the cards' challenge: the largest that the chain checks again (rule 8).
const CARD_EDGE: u32 = 1_024;
/// Part of a card's memory that is filled, in per cent: drivers keep some, and the factors take some.
const FILLED: u64 = 80;
/// Part of its model's memory that a card has at least, in per cent: some is kept for the correction of errors.
const MEMORY_LEAST: u32 = 90;
/// Millions of products a second that a card makes at least, for each tenth of a TFLOPS of its published
/// single-precision figure: a fifth of what an H100 was measured to make (docs/reference/performance.md).
const FLOOR: u64 = 400;
/// Rows that an auditor has opened: a fifth left out survives three auditors with 2 × 10⁻⁵ (rule 8).
const OPENINGS: u32 = 16;
/// Slots that a visit is rented for, from its start to its end.
const VISIT_TAKES: Slot = 10 * MINUTES;
/// Milliseconds for the openings: too short to fetch what was not kept.
const OPEN_MS: u32 = 5_000;

impl pallet_audits::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = CurrentSlot;
    type Randomness = AuthorVrf;
    type Machines = Audited;
    type Sink = Audited;
    type Pay = Pay;
    type Check = Challenge;
    type Treasury = TreasuryAccount;
    type SeatOrigin = AuditorSeats;
    type Bond = numbers::AuditorBond;
    type AuditorsMax = ConstU32<1_024>;
    type Drawn = numbers::Drawn;
    type FullFrom = ConstU32<15>;
    type Window = ConstU64<{ 4 * MINUTES }>;
    type DrawDelay = ConstU64<25>;
    type CommitSlots = ConstU64<{ 3 * MINUTES }>;
    type RevealSlots = ConstU64<{ MINUTES }>;
    type VisitEvery = numbers::VisitEvery;
    type VisitSlots = ConstU64<{ 12 * HOURS }>;
    type VisitCost = numbers::VisitCost;
    type NearMs = numbers::NearMs;
    type ProofLife = numbers::ProofLife;
    type BackOff = ConstU64<{ 10 * MINUTES }>;
    type KeptSlots = ConstU64<{ 30 * DAYS }>;
    type LeaveDelay = ConstU64<{ 10 * DAYS }>;
    type StrikesMax = ConstU32<5>;
    type SecondLooks = numbers::SecondLooks;
    type DemandBond = numbers::DemandBond;
    type ShowSlots = ConstU64<{ 2 * HOURS }>;
    type TranscriptMax = ConstU32<{ 256 * 1_024 }>;
    type StepsPerBlock = ConstU32<32>;
    type WeightInfo = pallet_audits::weights::CountedWeight<Runtime>;
}

/// The machines, as audits see them, and what they become by audits.
pub struct Audited;

impl pallet_audits::AuditedMachines<AccountId> for Audited {
    fn count() -> u32 {
        pallet_machines::NextIndex::<Runtime>::get()
    }

    fn at(index: u32) -> Option<MachineId> {
        pallet_machines::MachineAt::<Runtime>::get(index)
    }

    fn provider(machine: MachineId) -> Option<AccountId> {
        Some(pallet_machines::Machines::<Runtime>::get(machine)?.provider)
    }

    fn terms(machine: MachineId) -> Result<Terms, NoTerms> {
        terms(&present(machine)?)
    }

    fn terms_now(machine: MachineId) -> Result<Terms, NoTerms> {
        let record = present(machine)?;
        match record.gpus_leased {
            0 => terms(&record),
            _ => Ok(processor_terms()),
        }
    }

    fn terms_of(machine: MachineId, cards: u16) -> Result<Terms, NoTerms> {
        let record = present(machine)?;
        match cards {
            0 => Ok(processor_terms()),
            _ => cards_terms(&record, cards),
        }
    }

    fn free_cards(machine: MachineId) -> u16 {
        let record = pallet_machines::Machines::<Runtime>::get(machine);
        record.map_or(0, |record| record.free_gpus().count_ones() as u16)
    }

    fn region(machine: MachineId) -> Option<u16> {
        let record = pallet_machines::Machines::<Runtime>::get(machine)?;
        // 0 is untold.
        Some(record.location.region).filter(|region| *region != 0)
    }

    fn can_be_rented(machine: MachineId) -> bool {
        !Self::is_away(machine)
            && visit_cost(machine).is_some_and(|cost| cost <= numbers::VisitCost::get())
    }

    fn lease(lease: LeaseId) -> Option<VisitedLease<AccountId>> {
        let record = pallet_leases::Leases::<Runtime>::get(lease)?;
        let paid = [record.paid, record.fees, record.platform_fees, record.burned];
        let due = [record.due, record.due_fees, record.due_platform];
        Some(VisitedLease {
            cards: record.gpus.len() as u16,
            cost: paid.into_iter().chain(due).fold(0, Balance::saturating_add),
            renter: record.renter,
            machine: record.machine,
            created_at: record.created_at,
            started: record.started_at.is_some(),
        })
    }

    fn is_leased(machine: MachineId) -> bool {
        let record = pallet_machines::Machines::<Runtime>::get(machine);
        record.is_some_and(|record| record.is_leased())
    }

    fn is_away(machine: MachineId) -> bool {
        // Whoever announced it is looked at when he is back.
        Machines::in_maintenance(machine, CurrentSlot::get())
    }

    fn is_silent(machine: MachineId) -> bool {
        let running = pallet_disputes::RunningOf::<Runtime>::get(machine);
        let offence = running.and_then(pallet_disputes::Offences::<Runtime>::get);
        offence.is_some_and(|offence| matches!(offence.kind, Kind::Unreachable { .. }))
    }

    fn may_ask(machine: MachineId, who: &AccountId) -> bool {
        Machines::may_run(machine, who)
    }

    fn is_involved(machine: MachineId, who: &AccountId) -> bool {
        Machines::may_run(machine, who)
    }
}

/// A machine that does not leave.
fn present(machine: MachineId) -> Result<pallet_machines::MachineOf<Runtime>, NoTerms> {
    let record = pallet_machines::Machines::<Runtime>::get(machine).ok_or(NoTerms::Gone)?;
    match record.status {
        MachineStatus::Retiring { .. } => Err(NoTerms::Gone),
        _ => Ok(record),
    }
}

/// What it costs to rent all that is free of a machine for as long as a visit takes; `None` when nothing of it
/// can be rented.
fn visit_cost(machine: MachineId) -> Option<Balance> {
    let record = pallet_machines::Machines::<Runtime>::get(machine)?;
    let free = record.free_gpus();
    let gpus: Vec<u8> = (0..16u8).filter(|at| free >> at & 1 == 1).collect();
    let part = match record.facts.gpus.is_empty() {
        true => Part {
            profile: Profile::Cpu,
            gpus: &[],
            cpu_shares: record.cpu_shares().saturating_sub(record.cpu_leased),
        },
        false => Part { profile: Profile::Gpu, gpus: &gpus, cpu_shares: 0 },
    };
    if part.gpus.is_empty() && part.cpu_shares == 0 {
        return None;
    }
    let quote = Machines::quote(machine, part, record.offer_version).ok()?;
    Some(quote.rate.saturating_mul(VISIT_TAKES.into()))
}

/// Slots and milliseconds from an auditor's secret to the root.
fn commit_time() -> (u32, u32) {
    let commit = u32::try_from(Audits::pace().commit).unwrap_or(u32::MAX);
    let slot_ms = u32::try_from(SLOT_MS).unwrap_or(u32::MAX);
    (commit, commit.saturating_mul(slot_ms) / 2)
}

/// What a machine's processor is asked: of one without cards, or while its cards are leased.
fn processor_terms() -> Terms {
    let (commit, commit_ms) = commit_time();
    let links = commit.saturating_mul(LINKS_PER_SLOT);
    Terms { gpus: 0, edge: EDGE, links, openings: OPENINGS, commit_ms, open_ms: OPEN_MS }
}

/// What a machine is asked for what it says it is.
fn terms(record: &pallet_machines::MachineOf<Runtime>) -> Result<Terms, NoTerms> {
    let cards = &record.facts.gpus;
    match cards.len() as u16 {
        0 => Ok(processor_terms()),
        all => cards_terms(record, all),
    }
}

/// What so many of its cards are asked.
fn cards_terms(record: &pallet_machines::MachineOf<Runtime>, asked: u16) -> Result<Terms, NoTerms> {
    let cards = &record.facts.gpus;
    let first = cards.first().filter(|_| usize::from(asked) <= cards.len());
    let first = first.ok_or(NoTerms::Gone)?;
    // Points follow names: each card has to show what its own stands for (mechanisms rule 1).
    if cards.iter().any(|card| card.model != first.model) {
        return Err(NoTerms::MixedCards);
    }
    let memory_mib = cards.iter().map(|card| card.memory_mib).min().unwrap_or_default();
    let known = catalogue::find(&first.model);
    let least = known.map_or(0, |known| u32::from(known.memory_gib) * 1_024 / 100 * MEMORY_LEAST);
    if memory_mib < least {
        return Err(NoTerms::LittleMemory);
    }
    let slowest = || catalogue::CARDS.iter().map(|card| card.tflops_10).min().unwrap_or(1);
    let tenths = known.map_or_else(slowest, |known| known.tflops_10);
    let (_, commit_ms) = commit_time();
    let links = card_links(asked.into(), memory_mib, tenths, commit_ms);
    Ok(Terms {
        gpus: asked,
        edge: CARD_EDGE,
        links,
        openings: OPENINGS,
        commit_ms,
        open_ms: OPEN_MS,
    })
}

/// Products of the chain on each of a machine's cards: as many as fill the smallest of them, and no more than the
/// slowest makes in time.
fn card_links(cards: usize, memory_mib: u32, tenths: u16, commit_ms: u32) -> u32 {
    let edge = u64::from(CARD_EDGE);
    let fill = u64::from(memory_mib) * FILLED / 100 * 1_024 * 1_024 / (edge * edge * 4);
    let floor = u64::from(tenths) * FLOOR * 1_000;
    let in_time = floor * u64::from(commit_ms) / (edge * edge * edge);
    fill.min(in_time).clamp(1, u64::from(LINKS_MAX) / cards as u64) as u32
}

impl pallet_audits::AuditSink for Audited {
    fn passed(machine: MachineId, proof: &Proof) {
        Machines::verify(machine);
        rewards::rate(machine);
        if !proof.provisional {
            Rewards::proven(machine);
        }
        Disputes::end(machine, CurrentSlot::get(), |_| true);
    }

    fn failed(machine: MachineId, purpose: Purpose, proven: bool) {
        Machines::unverify(machine);
        Rewards::failed(machine);
        // Whoever never had a proof earned nothing by it; of a report its own check decides.
        if proven && !matches!(purpose, Purpose::Check(_)) {
            Disputes::begin(machine, Kind::NotRentable, CurrentSlot::get(), None);
        }
    }

    fn expired(machine: MachineId) {
        Machines::unverify(machine);
        // Whoever is leased could not be audited: what he earns waits for his next proof (rule 3).
        if !<Self as pallet_audits::AuditedMachines<AccountId>>::is_leased(machine) {
            Rewards::count(machine, false);
        }
    }

    fn answered(machine: MachineId) {
        let silence = |kind| matches!(kind, Kind::Unreachable { .. });
        Disputes::end(machine, CurrentSlot::get(), silence);
    }

    fn checked(report: u64, upheld: Option<bool>, silent: bool) {
        Disputes::checked(report, upheld, silent);
    }
}

/// Pays for each duty.
pub struct Pay;

impl pallet_audits::DutyPay<AccountId> for Pay {
    fn pay(auditor: &AccountId) {
        let _ = rewards::pay_duty(auditor, numbers::AuditorPay::get());
    }

    fn give_back(auditor: &AccountId, cost: Balance) -> Balance {
        if rewards::pay_duty(auditor, cost) { cost } else { 0 }
    }
}

/// The challenge's verifier.
pub struct Challenge;

impl pallet_audits::TranscriptCheck for Challenge {
    fn supports(
        machine: MachineId,
        audit: AuditId,
        terms: Terms,
        seed: &[u8; 32],
        root: &[u8; 32],
        verdict: &Verdict,
        transcript: &[u8],
    ) -> Option<bool> {
        let genesis = System::block_hash(0).0;
        let case = Case { genesis, machine, audit, seed: *seed, terms };
        // What blocks brought since: nobody knew it when he answered.
        let luck = pallet_audits::Mix::<Runtime>::get();
        case.supports(root, verdict, transcript, &luck)
    }
}
