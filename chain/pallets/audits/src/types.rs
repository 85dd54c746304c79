//! Audits, verdicts and proofs.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
pub use dbc_primitives::audit::{AuditId, Findings, Verdict};
use dbc_primitives::{Balance, BoundedVec, ConstU32, LeaseId, MachineId, Slot, audit::Terms};
use scale_info::TypeInfo;
use sp_runtime::serde::{Deserialize, Serialize};

/// Most auditors of one audit, and most impressions of a machine.
pub const DRAWN_MAX: u32 = 7;
/// Most machines that are suspected at once.
pub const SUSPECTS_MAX: u32 = 16;
/// Of those drawn, how many are of the machine's region if there are.
pub const OF_REGION: usize = 2;

/// An auditor.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Auditor {
    /// On hold from him.
    pub bond: Balance,
    /// The ed25519 key by which machines know his connections; it signs nothing else.
    pub key: [u8; 32],
    /// When he joined; audits booked before never draw him.
    pub joined: Slot,
    /// Duties that he missed, less those made up for.
    pub strikes: u32,
    /// Duties that he did since the last strike came or went.
    pub streak: u32,
    /// When he asked to leave.
    pub leaving: Option<Slot>,
    /// Audits that he was drawn for and that are not closed.
    pub open: u32,
    /// Where governance says that his connections come from (mechanisms rule 37).
    pub region: Option<u16>,
    /// Slot from which he may plan another visit.
    pub visit_from: Slot,
}

/// Why a machine is audited.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Purpose {
    /// It has no proof yet, or lost it.
    First,
    /// Its proof is about to expire.
    Renewal,
    /// The chain picked it.
    Random,
    /// Somebody reported it; the number is the report's.
    Check(u64),
    /// An auditor rented it under an account that nobody knew; the number is the lease's.
    Visit(u64),
}

/// What one of those drawn has said so far.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Duty<AccountId> {
    /// Who.
    pub auditor: AccountId,
    /// Hash of his transcript's root, his verdict and himself.
    pub commit: Option<[u8; 32]>,
    /// What he revealed: the root and the verdict.
    pub revealed: Option<([u8; 32], Verdict)>,
    /// The X25519 key to which evidence for this duty alone is sealed.
    pub key: Option<[u8; 32]>,
}

/// Where an audit stands. Phases go by slot, whoever is silent.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Phase {
    /// It waits for its start, when auditors are drawn.
    Booked,
    /// Auditors challenge the machine and commit to what they found.
    Commit,
    /// They reveal it.
    Reveal,
    /// Over.
    Closed(Outcome),
}

/// How an audit ended.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Outcome {
    /// Two thirds of those drawn said so.
    Passed,
    /// Two thirds of those drawn said so, or that it did not answer.
    Failed,
    /// Neither. A proof that was to be borne out counts no more if somebody spoke against it.
    Undecided,
}

/// An audit.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Audit<AccountId> {
    /// The machine.
    pub machine: MachineId,
    /// Why.
    pub purpose: Purpose,
    /// When it was booked; what draws its auditors is not older.
    pub booked: Slot,
    /// When it starts, with all others of its window.
    pub starts: Slot,
    /// When the next phase begins.
    pub next: Slot,
    /// Where it stands.
    pub phase: Phase,
    /// Those drawn.
    pub duties: BoundedVec<Duty<AccountId>, ConstU32<DRAWN_MAX>>,
    /// What the challenge of each auditor is made of beside his own secret.
    pub seed: [u8; 32],
    /// What each auditor asks for, as it was when they were drawn: a transcript is checked by it, whatever becomes
    /// of the machine. `None` before.
    pub terms: Option<Terms>,
    /// Whether it was drawn a second time.
    pub again: bool,
}

/// What a passed audit proved of a machine. Each value is the median of those who passed it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Proof {
    /// Which audit.
    pub audit: AuditId,
    /// When it was passed.
    pub at: Slot,
    /// When it is worth nothing any more.
    pub until: Slot,
    /// Whether fewer auditors than a full draw were there to say so.
    pub provisional: bool,
    /// What was measured.
    pub findings: Findings,
    /// The region whose auditors had the machine's rows as fast as only there (mechanisms rule 37).
    pub region: Option<u16>,
}

/// How often a machine failed, and when it may ask again.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Attempts {
    /// Audits failed in a row.
    pub failed: u32,
    /// Slot before which no other is booked.
    pub not_before: Slot,
}

/// The time that audits take, for networks whose genesis is in a hurry.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(crate = "sp_runtime::serde")]
pub struct Pace {
    /// Slots of a window.
    pub window: Slot,
    /// Slots between a booking and its draw.
    pub draw_delay: Slot,
    /// Slots for the challenge and the commit.
    pub commit: Slot,
    /// Slots for the reveal.
    pub reveal: Slot,
    /// Slots before a machine that failed may ask again.
    pub back_off: Slot,
    /// Slots between two visits of an auditor.
    pub visit_every: Slot,
    /// Slots that he has for one.
    pub visit: Slot,
}

/// What is due.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Due {
    /// The next phase of an audit, or the end of its record.
    Phase,
    /// The end of the proof that an audit gave.
    Proof,
    /// The transcript of the auditor at this place, which somebody wants to see.
    Transcript(u8),
    /// The draw of a visit, or the end of the time for it.
    Visit,
}

/// An audit by a lease like any other, under an account that nobody knows (mechanisms rule 1).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Visit {
    /// Its number among audits.
    pub audit: AuditId,
    /// Hash of auditor, secret and account.
    pub commit: [u8; 32],
    /// What decides whom he visits; `None` before it is drawn.
    pub draw: Option<VisitDraw>,
    /// When it is drawn; then the slot before which he reveals it.
    pub until: Slot,
}

/// What decides, with an auditor's secret, whom he visits.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct VisitDraw {
    /// When it was drawn; no lease of his visit is older.
    pub at: Slot,
    /// Randomness that nobody knew when he committed.
    pub seed: [u8; 32],
    /// Dense indexes then.
    pub count: u32,
    /// Suspects then.
    pub suspects: BoundedVec<MachineId, ConstU32<SUSPECTS_MAX>>,
}

/// What an auditor says of a visit.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct VisitReport<AccountId> {
    /// What he committed to.
    pub secret: [u8; 32],
    /// Whose lease it was.
    pub renter: AccountId,
    /// Which candidate he took.
    pub attempt: u8,
    /// The lease.
    pub lease: LeaseId,
    /// What he asked of the machine.
    pub terms: Terms,
    /// Root of the transcript.
    pub root: [u8; 32],
    /// What he found.
    pub verdict: Verdict,
}

/// What one visit left behind.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Impression<AccountId> {
    /// Whose.
    pub auditor: AccountId,
    /// When he told it.
    pub at: Slot,
    /// Whether a renter got what the machine says it is.
    pub good: bool,
}

/// A lease, as visits see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VisitedLease<AccountId> {
    /// Whose it is.
    pub renter: AccountId,
    /// The machine.
    pub machine: MachineId,
    /// When it was ordered.
    pub created_at: Slot,
    /// Whether its meter ever started.
    pub started: bool,
    /// Its cards.
    pub cards: u16,
    /// Units that it has cost so far.
    pub cost: Balance,
}

/// Somebody wants to see a transcript.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Demand<AccountId> {
    /// Who.
    pub by: AccountId,
    /// On hold from him; the auditor's if his transcript holds.
    pub bond: Balance,
    /// Slot before which it is shown.
    pub until: Slot,
}

/// A duty that an auditor has yet to finish.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct OpenDuty {
    /// The audit.
    pub audit: AuditId,
    /// The machine.
    pub machine: MachineId,
    /// Why it is audited.
    pub purpose: Purpose,
    /// Where the audit stands.
    pub phase: Phase,
    /// When its next phase begins.
    pub next: Slot,
    /// Whether he said what this phase asks for.
    pub said: bool,
}

/// Why there is no challenge for a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTerms {
    /// It is not there, or leaves.
    Gone,
    /// Its cards are of several models.
    MixedCards,
    /// A card has less memory than its model.
    LittleMemory,
}

/// Machines, as audits see them.
pub trait AuditedMachines<AccountId> {
    /// Indexes that were ever given out.
    fn count() -> u32;

    /// The machine at an index.
    fn at(index: u32) -> Option<MachineId>;

    /// Who earns by a machine.
    fn provider(machine: MachineId) -> Option<AccountId>;

    /// What a machine is asked to do.
    ///
    /// # Errors
    /// When it is not there, leaves, or there is no challenge for what it says it is.
    fn terms(machine: MachineId) -> Result<Terms, NoTerms>;

    /// What it is asked as it is now: no card while some are leased, only that it answers.
    ///
    /// # Errors
    /// As of `terms`.
    fn terms_now(machine: MachineId) -> Result<Terms, NoTerms>;

    /// What so many of its cards are asked; without any only its processor, to show that it answers.
    ///
    /// # Errors
    /// As of `terms`.
    fn terms_of(machine: MachineId, cards: u16) -> Result<Terms, NoTerms>;

    /// Cards that nobody leases.
    fn free_cards(machine: MachineId) -> u16;

    /// Where its provider says that it stands.
    fn region(machine: MachineId) -> Option<u16>;

    /// Whether an auditor could rent it now, for no more than is given back to him.
    fn can_be_rented(machine: MachineId) -> bool;

    /// A lease.
    fn lease(lease: LeaseId) -> Option<VisitedLease<AccountId>>;

    /// Whether anything of it is leased.
    fn is_leased(machine: MachineId) -> bool;

    /// Whether it announced that it is away now.
    fn is_away(machine: MachineId) -> bool;

    /// Whether nothing of it is leased and it is there: only then it is challenged whole.
    fn is_free(machine: MachineId) -> bool {
        !Self::is_leased(machine) && !Self::is_away(machine)
    }

    /// Whether it answers for a silence that is over when auditors reach it.
    fn is_silent(machine: MachineId) -> bool;

    /// Whether the account may ask for an audit of a machine: its provider or the operator.
    fn may_ask(machine: MachineId, who: &AccountId) -> bool;

    /// Whether the account has an interest in a machine, and audits others.
    fn is_involved(machine: MachineId, who: &AccountId) -> bool;
}

/// Whoever acts on what audits found.
pub trait AuditSink {
    /// A machine has a proof.
    fn passed(machine: MachineId, proof: &Proof);

    /// A machine failed; `proven` if it had a proof until now.
    fn failed(machine: MachineId, purpose: Purpose, proven: bool);

    /// A machine's proof expired, or is doubted.
    fn expired(machine: MachineId);

    /// A machine whose cards are leased answered; nothing more was asked of it.
    fn answered(machine: MachineId);

    /// A reported machine was looked at: whether it is as reported, `None` when nobody can say; `silent` when
    /// all that was found is that it did not answer.
    fn checked(report: u64, upheld: Option<bool>, silent: bool);
}

impl AuditSink for () {
    fn passed(_: MachineId, _: &Proof) {}
    fn failed(_: MachineId, _: Purpose, _: bool) {}
    fn expired(_: MachineId) {}
    fn answered(_: MachineId) {}
    fn checked(_: u64, _: Option<bool>, _: bool) {}
}

/// Pays auditors for duties, whatever they found.
pub trait DutyPay<AccountId> {
    /// One duty was done.
    fn pay(auditor: &AccountId);

    /// Gives back what a duty has cost; gives what could be.
    fn give_back(auditor: &AccountId, cost: Balance) -> Balance;
}

/// Checks transcripts: the runtime plugs the challenge's verifier in.
pub trait TranscriptCheck {
    /// Whether a transcript belongs to a root and supports the verdict. `None` when the bytes are no
    /// transcript of that root: they show nothing about anybody.
    fn supports(
        machine: MachineId,
        audit: AuditId,
        terms: Terms,
        seed: &[u8; 32],
        root: &[u8; 32],
        verdict: &Verdict,
        transcript: &[u8],
    ) -> Option<bool>;
}
