//! What calls are tried on: machines, leases, audits, offences and people in every state that a call asks for,
//! brought there by the calls themselves, a few of each, so that no two tries touch the same entries.

use anyhow::{Context as _, Result, anyhow};
use codec::Encode as _;
use dbc_bench::{Case as Challenge, Prover, Transcript, hash_of};
use dbc_primitives::{
    Amount, BoundedVec, Gpu, HardwareFacts, LeaseId, Location, MachineClass, MachineId,
    MachineStatus, NetworkFacts, Offer, Order, Price, Profile, Slot,
    audit::{AuditId, Candidate, Verdict, candidate, commitment, visit_commitment},
    liveness::{self, Opening, Tree},
    machine::GPUS_MAX,
    proof::register_message,
};
use dbc_runtime::{
    AccountId, Liveness, Machines, Runtime, RuntimeCall, System,
    configs::{audits::Audited, disputes::Outages},
    constants::DBC,
};
use pallet_audits::{
    AuditSink as _, AuditedMachines as _, Findings, Impression, Outcome, Phase, Proof, Visit,
    VisitDraw, VisitReport,
};
use pallet_liveness::OutageSink as _;
use sp_core::Pair as _;

use crate::chain::{
    AuditsCall, LeasesCall, LivenessCall, MachinesCall, PricesCall, Role, account, act, block,
    blocks_to, endow, govern, machine_key, now, person,
};

/// First slot of the stretch in which everything is made; an interval and a duty epoch begin with it.
pub const START: Slot = 600_000_000;
/// Slot of the last block: the next but one ends a session, and the one after begins an interval.
pub const LAST: Slot = START + 37;
/// Slot of the first block, so that the session ends where it should.
const FIRST: Slot = START + 39 - dbc_runtime::constants::EPOCH_SLOTS;
/// Slots of an interval.
const INTERVAL: Slot = 10;
/// What draws visits.
const SEED: [u8; 32] = [8; 32];
/// Units for a card and hour.
const HOUR: u128 = DBC;
/// Auditors whose visits are drawn; the others plan theirs.
pub const PLANNERS: u32 = 8;
/// Cards of the machines that calls are tried on.
const CARDS: usize = 8;

/// The numbers that calls need.
pub struct Subjects {
    /// How many of each.
    pub samples: u32,
    /// Leases that wait for their start.
    pub pending: Vec<LeaseId>,
    /// Leases that run.
    pub running: Vec<LeaseId>,
    /// Leases whose time is over.
    pub over: Vec<LeaseId>,
    /// Leases whose cards were given up.
    pub suspended: Vec<LeaseId>,
    /// Platforms.
    pub platforms: Vec<u32>,
    /// Vouchers.
    pub vouchers: Vec<u32>,
    /// Audits whose auditors commit.
    pub asked: Vec<AuditId>,
    /// Audits whose auditors reveal, with one of them.
    pub revealed: Vec<(AuditId, u32)>,
    /// An audit with an honest transcript, and its auditor.
    pub honest: Option<Judged>,
    /// One with a transcript that says otherwise than its verdict.
    pub lying: Option<Judged>,
    /// Offences that can be appealed against.
    pub offences: Vec<u64>,
    /// Who watches the first cohort and has yet to tell, and what he shows.
    pub watcher: (u32, Opening),
}

/// An audit that is over.
#[derive(Clone)]
pub struct Judged {
    /// Which.
    pub audit: AuditId,
    /// Its auditor's number.
    pub auditor: u32,
    /// His transcript.
    pub transcript: Vec<u8>,
}

/// A machine of a kind.
pub fn machine(kind: &str, number: u32) -> MachineId {
    MachineId(machine_key(kind, number).public().0)
}

/// The interval that reports are of when calls are tried.
pub fn told_interval() -> liveness::Interval {
    LAST / INTERVAL - 1
}

/// Makes everything, in blocks from the first to [`LAST`]. Transcripts of audits take seconds.
///
/// # Errors
/// When the runtime refuses what it should take.
pub fn make(samples: u32, transcripts: bool) -> Result<Subjects> {
    block(FIRST, || Ok(()))?;
    let (mut pending, mut running, mut over, mut suspended) = (vec![], vec![], vec![], vec![]);
    let (mut platforms, mut vouchers) = (vec![], vec![]);
    // In the interval of prices before the one in which calls are tried.
    block(START - 30, feeders)?;
    block(START + 1, || {
        for n in 0..samples {
            platforms.push(pallet_leases::NextPlatform::<Runtime>::get());
            vouchers.push(pallet_leases::NextVoucher::<Runtime>::get());
            people(n)?;
            machines(n)?;
            pending.push(lease(n, 0)?);
            running.push(lease(n, 1)?);
            over.push(lease(n, 2)?);
            suspended.push(lease(n, 3)?);
            for leases in [&running, &over, &suspended] {
                let lease = leases[n as usize];
                act(&account(Role::Operator, n), LeasesCall::started { lease })?;
            }
            // Their least time is over: they may sleep.
            for lease in [running[n as usize], suspended[n as usize]] {
                pallet_leases::Leases::<Runtime>::mutate(lease, |record| {
                    let Some(record) = record.as_mut() else { return };
                    let least = 5 * dbc_runtime::constants::MINUTES;
                    record.started_at = record.started_at.map(|at| at.saturating_sub(least));
                });
            }
            let lease = suspended[n as usize];
            act(&account(Role::Renter, n), LeasesCall::suspend { lease })?;
        }
        Ok(())
    })?;
    blocks_to(START + 20)?;
    let first_audit = pallet_audits::NextAudit::<Runtime>::get();
    block(START + 21, || {
        for n in 0..samples {
            for kind in ["asked", "revealed", "judged"] {
                let request = AuditsCall::request { machine: machine(kind, n) };
                act(&account(Role::Provider, n), request)?;
            }
        }
        Ok(())
    })?;
    let mut told = None;
    block(START + 23, || {
        told = Some(watch(samples)?);
        Ok(())
    })?;
    blocks_to(START + 31)?;
    let audit = |n: u32, place: u64| first_audit + u64::from(n) * 3 + place;
    let mut offences = vec![];
    let mut revealed = vec![];
    block(START + 32, || {
        for n in 0..samples {
            revealed.push(commit(audit(n, 1))?);
            let machine = machine("listed", n);
            let next = pallet_disputes::NextOffence::<Runtime>::get();
            Outages::silent(machine, now() - 250, true);
            Outages::back(machine, now());
            offences.push(next);
            earn(n);
        }
        Ok(())
    })?;
    let (honest, lying) = match transcripts {
        true => (Some(judged(audit(0, 2), false)?), Some(judged(audit(1 % samples, 2), true)?)),
        false => (None, None),
    };
    let (on_duty, notes) = told.context("nobody watches")?;
    let opening = opening(on_duty, &notes)?;
    blocks_to(LAST)?;
    Ok(Subjects {
        samples,
        pending,
        running,
        over,
        suspended,
        platforms,
        vouchers,
        asked: (0..samples).map(|n| audit(n, 0)).collect(),
        revealed,
        honest,
        lying,
        offences,
        watcher: (on_duty, opening),
    })
}

/// Moves what takes days to where it is due. What the pallets say of themselves no longer holds then: a queue
/// has its entries where they were.
///
/// # Errors
/// When something is not there.
pub fn date_back(subjects: &Subjects) -> Result<()> {
    use pallet_machines::Machines;
    for n in 0..subjects.samples {
        Machines::<Runtime>::mutate(machine("retired", n), |record| {
            if let Some(record) = record {
                record.status = MachineStatus::Retiring { since: 1 };
            }
        });
        pallet_liveness::Watchers::<Runtime>::mutate(account(Role::Fresh, n), |record| {
            if let Some(record) = record {
                record.leaving = Some(1);
            }
        });
        pallet_audits::Auditors::<Runtime>::mutate(account(Role::Fresh, n), |record| {
            if let Some(record) = record {
                record.leaving = Some(1);
            }
        });
        pallet_leases::Leases::<Runtime>::mutate(subjects.over[n as usize], |record| {
            if let Some(record) = record {
                record.ends_at = LAST;
                record.due_at = LAST;
            }
        });
        if n < PLANNERS {
            visit(n);
        }
        pallet_audits::Audits::<Runtime>::mutate(subjects.revealed[n as usize].0, |audit| {
            if let Some(audit) = audit {
                audit.phase = Phase::Reveal;
            }
        });
    }
    for judged in [&subjects.honest, &subjects.lying].into_iter().flatten() {
        close(judged)?;
    }
    if let Some(Judged { audit, auditor, .. }) = &subjects.honest {
        let (audit, auditor) = (*audit, account(Role::Auditor, *auditor));
        act(&account(Role::Renter, 0), AuditsCall::demand { audit, auditor })?;
    }
    pallet_prices::Seats::<Runtime>::mutate(|seats| {
        if let Some(seat) = seats.iter_mut().find(|seat| seat.feeder == account(Role::Feeder, 1)) {
            seat.suspended = true;
        }
    });
    Ok(())
}

/// A machine with a card, made at the genesis of a network: the pattern of a crowd.
///
/// # Errors
/// When the runtime refuses it.
pub fn pattern() -> Result<()> {
    let provider = endow(Role::Provider, 0)?;
    let operator = endow(Role::Operator, 0)?;
    act(&provider, MachinesCall::set_operator { operator })?;
    register("pattern", 0, 1, true).map(drop)
}

/// Those who act, and those who leave watchers and auditors.
fn people(n: u32) -> Result<()> {
    let provider = endow(Role::Provider, n)?;
    let operator = endow(Role::Operator, n)?;
    endow(Role::Renter, n)?;
    act(&provider, MachinesCall::set_operator { operator })?;
    let leaving = endow(Role::Fresh, n)?;
    act(&leaving, LivenessCall::join {})?;
    act(&leaving, LivenessCall::leave {})?;
    govern(AuditsCall::seat { auditor: leaving.clone(), seated: true })?;
    act(&leaving, AuditsCall::join { key: [n as u8; 32] })?;
    act(&leaving, AuditsCall::leave {})?;
    // They take what others hand over, pledge, and sell what others rent.
    let taker = endow(Role::Taker, n)?;
    act(&taker, MachinesCall::set_operator { operator: taker.clone() })?;
    act(&taker, LeasesCall::pledge {})?;
    act(&taker, LeasesCall::register_platform { fee: 10_000, beneficiary: taker.clone() })?;
    let (holder, budget, expires) = (account(Role::Renter, n), 1_000 * DBC, LAST + 100_000);
    act(&taker, LeasesCall::issue_voucher { holder, budget, class: None, expires })?;
    // They are about to join.
    let fresh = endow(Role::Fresh, 1_000 + n)?;
    govern(AuditsCall::seat { auditor: fresh, seated: true })
}

fn machines(n: u32) -> Result<()> {
    let operator = account(Role::Operator, n);
    for kind in ["listed", "leased", "unlisted", "retired", "slashed", "offered"] {
        let machine = register(kind, n, CARDS, true)?;
        act(&operator, MachinesCall::set_offer { machine, offer: offer() })?;
        if kind != "unlisted" {
            act(&operator, MachinesCall::list { machine })?;
        }
        match kind {
            "retired" => act(&operator, MachinesCall::retire { machine })?,
            "offered" => {
                let (from, until) = (LAST + 2_000, LAST + 2_100);
                act(&operator, MachinesCall::announce_maintenance { machine, from, until })?;
                let to = account(Role::Taker, n);
                let provider = account(Role::Provider, n);
                act(&provider, MachinesCall::offer_handover { machine, to })?;
            }
            "slashed" => {
                let most = 1_000 * DBC;
                let taken = Machines::slash(machine, most, &account(Role::Renter, n));
                anyhow::ensure!(taken == most, "nothing was taken");
            }
            _ => {}
        }
    }
    for kind in ["idle", "asked", "revealed", "judged"] {
        register(kind, n, 0, false)?;
    }
    Ok(())
}

/// Registers a machine of a kind; verified from the beginning, or not.
///
/// # Errors
/// When it is refused.
pub fn register(kind: &str, n: u32, cards: usize, verified: bool) -> Result<MachineId> {
    let machine = machine(kind, n);
    if verified {
        pallet_machines::VerifiedAtGenesis::<Runtime>::insert(machine, ());
    }
    act(&account(Role::Operator, n), registration(kind, n, cards))?;
    Ok(machine)
}

/// The call that registers a machine.
pub fn registration(kind: &str, n: u32, cards: usize) -> MachinesCall {
    let key = machine_key(kind, n);
    let provider: [u8; 32] = account(Role::Provider, n).into();
    let proof = key.sign(&register_message(&System::block_hash(0).0, &provider)).0;
    let card = Gpu { model: text("NVIDIA GeForce RTX 4090"), memory_mib: 24_576, ..Gpu::default() };
    let facts = HardwareFacts {
        gpus: vec![card; cards.min(GPUS_MAX as usize)].try_into().unwrap_or_default(),
        cpu_model: text("AMD EPYC 9654 96-Core Processor"),
        cpu_cores: 64,
        memory_mib: 262_144,
        disk_gib: 4_096,
    };
    let network = NetworkFacts {
        endpoint: [n as u8; 32],
        relays: vec![text("https://relay-1.example.org"), text("https://relay-2.example.org")]
            .try_into()
            .unwrap_or_default(),
        up_mbps: 1_000,
        down_mbps: 1_000,
    };
    let class = if cards == 0 { MachineClass::Cpu } else { MachineClass::Inference };
    let (machine, location) = (MachineId(key.public().0), Location::default());
    MachinesCall::register { machine, proof, class, facts, location, network }
}

fn text<const N: u32>(text: &str) -> dbc_primitives::Text<N> {
    text.as_bytes().to_vec().try_into().unwrap_or_default()
}

/// What all machines ask for.
pub fn offer() -> Offer {
    let hour = Amount::Dbc(HOUR);
    Offer {
        price: Price { gpu_hour: hour, cpu_hour: hour },
        min_term: 1,
        max_term: 100_000,
        cpu_shares: 4,
    }
}

/// An order of one card of a machine.
pub fn order(machine: MachineId, card: u8, tag: u64) -> Order<AccountId> {
    let version = pallet_machines::Machines::<Runtime>::get(machine);
    Order {
        machine,
        gpus: vec![card].try_into().unwrap_or_default(),
        profile: Profile::Gpu,
        cpu_shares: 0,
        term: 50_000,
        offer_version: version.map_or(0, |record| record.offer_version),
        max_rate: HOUR,
        cap: None,
        access_key: [7; 32],
        spec_hash: Some([8; 32]),
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag,
    }
}

fn lease(n: u32, card: u8) -> Result<LeaseId> {
    let lease = pallet_leases::NextLease::<Runtime>::get();
    let order = order(machine("leased", n), card, card.into());
    act(&account(Role::Renter, n), LeasesCall::create { order })?;
    Ok(lease)
}

/// All feeders tell a price, and governance gives two seats that nobody has taken yet.
fn feeders() -> Result<()> {
    for n in 0.. {
        let feeder = account(Role::Feeder, n);
        if !pallet_prices::Seats::<Runtime>::get().iter().any(|seat| seat.feeder == feeder) {
            break;
        }
        act(&feeder, PricesCall::feed { price: 20_000 + u128::from(n) })?;
    }
    let feeder = endow(Role::Fresh, 2_000)?;
    govern(PricesCall::seat { feeder })
}

/// Those drawn for the first cohort tell whom they heard in the interval before; gives the last of them, who
/// tells again when calls are tried, with what he heard.
fn watch(samples: u32) -> Result<(u32, Vec<Note>)> {
    let interval = now() / INTERVAL - 1;
    let mut notes = Vec::new();
    for n in 0..samples {
        // Whoever heard too few is not believed.
        for kind in ["listed", "leased", "unlisted", "slashed", "offered"] {
            notes.push(note(kind, n, interval)?);
        }
    }
    let drawn = Liveness::duties(interval / 20, 0);
    let mut map = liveness::none();
    for note in &notes {
        liveness::set(&mut map, note.bit, true);
    }
    // Whoever else stands there is heard as well; only what is asked for has to be in the tree.
    let heard = pallet_liveness::Present::<Runtime>::get(0);
    let mut last = None;
    for watcher in &drawn {
        let bytes = watcher.clone().into();
        let tree = Tree::new(&bytes, notes.iter().map(|note| (note.bit, &note.signature)));
        let number = (0..).take(10_000).find(|n| account(Role::Watcher, *n) == *watcher);
        // Ferdie of the preset may be drawn as well; he is no one whose key is tried.
        let mine = number.is_some();
        let heard = if mine { map.clone() } else { heard.clone() };
        let cohort = 0;
        let root = tree.root();
        let call = LivenessCall::report { interval, cohort, heard, root, opening: None };
        act(watcher, call)?;
        last = number.or(last);
    }
    Ok((last.context("no watcher of ours was drawn")?, notes))
}

/// A beat as a watcher notes it.
struct Note {
    bit: u16,
    digest: [u8; 32],
    signature: [u8; 64],
}

fn note(kind: &str, n: u32, interval: liveness::Interval) -> Result<Note> {
    let key = machine_key(kind, n);
    let machine = MachineId(key.public().0);
    let record = pallet_machines::Machines::<Runtime>::get(machine).context("no such machine")?;
    let genesis = System::block_hash(0).0;
    let digest = [n as u8; 32];
    let beat = liveness::beat(&genesis, machine, record.index.generation, interval, &digest);
    let bit = u16::try_from(record.index.index)?;
    Ok(Note { bit, digest, signature: key.sign(&beat).0 })
}

/// What the watcher shows of his report.
fn opening(watcher: u32, notes: &[Note]) -> Result<Opening> {
    let who = account(Role::Watcher, watcher);
    let bit = Liveness::asked(&who, 0).context("the watcher is asked for nothing")?;
    let note = notes.iter().find(|note| note.bit == bit).context("it was not heard")?;
    let tree = Tree::new(&who.into(), notes.iter().map(|note| (note.bit, &note.signature)));
    Ok(Opening { digest: note.digest, signature: note.signature, path: tree.path(bit) })
}

/// All auditors of an audit commit; gives the audit and the number of one of them.
fn commit(audit: AuditId) -> Result<(AuditId, u32)> {
    let mut one = None;
    for who in auditors(audit)? {
        let commit = commitment(&who, &[1; 32], &Verdict::Fail);
        act(&who, AuditsCall::commit { audit, commit })?;
        one = number_of(&who).or(one);
    }
    Ok((audit, one.context("no auditor of ours was drawn")?))
}

/// Who was drawn for an audit.
///
/// # Errors
/// When there is no such audit.
pub fn auditors(audit: AuditId) -> Result<Vec<AccountId>> {
    let audit = pallet_audits::Audits::<Runtime>::get(audit).context("no such audit")?;
    Ok(audit.duties.iter().map(|duty| duty.auditor.clone()).collect())
}

/// Which of our auditors somebody is.
pub fn number_of(who: &AccountId) -> Option<u32> {
    (0..10_000)
        .take_while(|n| {
            pallet_audits::Auditors::<Runtime>::contains_key(account(Role::Auditor, *n))
        })
        .find(|n| account(Role::Auditor, *n) == *who)
}

/// What an auditor found, of a machine that answered all or left rows out.
fn judged(audit: AuditId, skips: bool) -> Result<Judged> {
    let found = pallet_audits::Audits::<Runtime>::get(audit).context("no such audit")?;
    let who = auditors(audit)?.into_iter().find_map(|who| number_of(&who));
    let terms = Audited::terms(found.machine).ok().context("the machine has no challenge")?;
    let genesis = System::block_hash(0).0;
    let case = Challenge { genesis, machine: found.machine, audit, seed: found.seed, terms };
    let (secret, block) = ([3; 32], [4; 32]);
    let prover = Prover::run_but(case.params(&secret), |place| skips && place.row % 2 == 0);
    let root = prover.root();
    let asked = case.questions(&secret, &root, &block);
    let openings = asked.iter().filter_map(|place| prover.open(*place)).collect();
    let transcript = Transcript { secret, block, root, commit_ms: 2_000, open_ms: 200, openings };
    let auditor = who.context("no auditor of ours was drawn")?;
    Ok(Judged { audit, auditor, transcript: transcript.encode() })
}

/// The secret of an auditor's visit: by it the suspect of [`visit`] is his first candidate.
fn secret_of(n: u32) -> Option<[u8; 32]> {
    let suspect = |secret: &[u8; 32]| {
        let one = candidate(&SEED, secret, 0, 1, 1);
        matches!(one, Some(Candidate::Suspect(_)))
    };
    (0..=u8::MAX).map(|luck| [luck, n as u8].repeat(16)).find_map(|secret| {
        let secret: [u8; 32] = secret.try_into().ok()?;
        suspect(&secret).then_some(secret)
    })
}

/// A visit of an auditor is drawn to the machine whose lease runs, of which others spoke ill: what he tells fails it.
fn visit(n: u32) {
    let who = account(Role::Auditor, n);
    let machine = machine("leased", n);
    let Some(secret) = secret_of(n) else { return };
    let audit = pallet_audits::NextAudit::<Runtime>::mutate(|next| {
        *next += 1;
        *next - 1
    });
    let suspects = vec![machine].try_into().unwrap_or_default();
    let draw = VisitDraw { at: START, seed: SEED, count: 1, suspects };
    let commit = visit_commitment(&who, &secret, &account(Role::Renter, n));
    let until = LAST + 1_000;
    let visit = Visit { audit, commit, draw: Some(draw), until };
    pallet_audits::Visits::<Runtime>::insert(&who, visit);
    pallet_audits::VisitorOf::<Runtime>::insert(audit, &who);
    let due = (audit, pallet_audits::Due::Visit);
    pallet_audits::Queue::<Runtime>::insert(until, due, MachineId([0; 32]));
    let ill = |other: u32| Impression {
        auditor: account(Role::Auditor, (n + other) % 16),
        at: START,
        good: false,
    };
    let all = BoundedVec::truncate_from((1..=6).map(ill).collect());
    pallet_audits::Impressions::<Runtime>::insert(machine, all);
    let (findings, at, until) = (Findings::default(), START, LAST + 1);
    let proof = Proof { audit: 0, at, until, provisional: false, findings, region: None };
    pallet_audits::Proofs::<Runtime>::insert(machine, proof);
}

/// What an auditor tells of his visit.
///
/// # Errors
/// When it was not drawn.
pub fn told_visit(of: &Subjects, n: u32) -> Result<VisitReport<AccountId>> {
    let machine = machine("leased", n);
    let cards = pallet_leases::Leases::<Runtime>::get(of.running[n as usize])
        .context("no such lease")?
        .gpus
        .len() as u16;
    Ok(VisitReport {
        secret: secret_of(n).context("no secret draws the suspect")?,
        renter: account(Role::Renter, n),
        attempt: 0,
        lease: of.running[n as usize],
        terms: Audited::terms_of(machine, cards).ok().context("no challenge")?,
        root: [7; 32],
        verdict: Verdict::Fail,
    })
}

/// Closes an audit with the verdict that its one auditor revealed.
fn close(judged: &Judged) -> Result<()> {
    let transcript: Transcript = codec::Decode::decode(&mut &judged.transcript[..])?;
    let who = account(Role::Auditor, judged.auditor);
    pallet_audits::Audits::<Runtime>::try_mutate(judged.audit, |audit| {
        let audit = audit.as_mut().context("no such audit")?;
        let terms = Audited::terms(audit.machine).ok().context("the machine has no challenge")?;
        let genesis = System::block_hash(0).0;
        let (machine, seed) = (audit.machine, audit.seed);
        let case = Challenge { genesis, machine, audit: judged.audit, seed, terms };
        let findings = case.judge(&transcript, &[9; 32]).unwrap_or_default();
        audit.phase = Phase::Closed(Outcome::Passed);
        audit.next = LAST + 100_000;
        for duty in audit.duties.iter_mut().filter(|duty| duty.auditor == who) {
            duty.revealed = Some((hash_of(&judged.transcript), Verdict::Pass(findings)));
        }
        pallet_audits::OpenOf::<Runtime>::remove(audit.machine);
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(())
}

/// A machine of his passed a proof: its provider has something to claim.
fn earn(n: u32) {
    let findings = Findings::default();
    let (at, until) = (now(), now() + 1);
    let proof = Proof { audit: 0, at, until, provisional: false, findings, region: None };
    Audited::passed(machine("unlisted", n), &proof);
}

/// A call as the transaction of somebody.
pub type Made = (sp_core::sr25519::Pair, RuntimeCall);

/// Somebody's call.
pub fn by(role: Role, n: u32, call: impl Into<RuntimeCall>) -> Result<Made> {
    Ok((person(role, n), call.into()))
}

/// The error of a runtime's part, as others are told.
pub fn told(error: impl core::fmt::Debug) -> anyhow::Error {
    anyhow!("{error:?}")
}
