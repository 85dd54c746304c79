//! What the pallet tells: a section of the pallet's module, which takes it in as it stands here and whose names it has.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Governance allows an account to join, or no more.
        Seated {
            /// Who.
            auditor: T::AccountId,
            /// Whether.
            seated: bool,
        },
        /// An auditor bonded.
        Joined {
            /// Who.
            auditor: T::AccountId,
        },
        /// An auditor's connections are known by another key.
        KeySet {
            /// Who.
            auditor: T::AccountId,
            /// The key.
            key: [u8; 32],
        },
        /// Somebody wants to see an auditor's transcript.
        Demanded {
            /// Of which audit.
            audit: AuditId,
            /// Whose.
            auditor: T::AccountId,
            /// Slot before which he shows it.
            until: Slot,
        },
        /// An auditor showed his transcript, and it supports his verdict.
        Shown {
            /// Of which audit.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
        },
        /// An auditor leaves.
        Leaving {
            /// Who.
            auditor: T::AccountId,
        },
        /// An auditor has his bond back.
        Left {
            /// Who.
            auditor: T::AccountId,
        },
        /// A machine will be audited.
        Booked {
            /// The audit.
            audit: AuditId,
            /// The machine.
            machine: MachineId,
            /// When it starts.
            starts: Slot,
        },
        /// Auditors were drawn; the machine has until `commit_by` to answer them.
        Drawn {
            /// The audit.
            audit: AuditId,
            /// The machine.
            machine: MachineId,
            /// How many.
            auditors: u32,
            /// Slot before which they commit.
            commit_by: Slot,
        },
        /// An auditor committed to a transcript.
        Committed {
            /// The audit.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
        },
        /// An auditor revealed his verdict.
        Revealed {
            /// The audit.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// The verdict.
            verdict: Verdict,
        },
        /// An audit is over.
        Closed {
            /// The audit.
            audit: AuditId,
            /// The machine.
            machine: MachineId,
            /// How.
            outcome: Outcome,
        },
        /// A proof is worth nothing any more.
        Expired {
            /// Of which machine.
            machine: MachineId,
        },
        /// An auditor missed a duty.
        Struck {
            /// Who.
            auditor: T::AccountId,
            /// His strikes so far.
            strikes: u32,
        },
        /// A verdict was shown to contradict its transcript; its auditor is out.
        Convicted {
            /// The audit.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// What he lost.
            slashed: Balance,
        },
        /// A machine's hardware changed, and its proof is worth nothing any more.
        Voided {
            /// Of which machine.
            machine: MachineId,
        },
        /// A machine whose proof is old was given back: it is audited before it takes orders again.
        HeldBackFor {
            /// The machine.
            machine: MachineId,
            /// Until when at most.
            until: Slot,
        },
        /// Governance says where an auditor's connections come from.
        Placed {
            /// Who.
            auditor: T::AccountId,
            /// Where; `None` when nobody can say.
            region: Option<u16>,
        },
        /// An auditor will visit a machine that is not drawn yet.
        VisitPlanned {
            /// Its number among audits.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// When it is drawn.
            starts: Slot,
        },
        /// It is decided whom an auditor visits, and he alone knows it.
        VisitDrawn {
            /// Its number.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// Slot before which he reveals it.
            until: Slot,
        },
        /// An auditor told of a visit.
        Visited {
            /// Its number.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// The machine.
            machine: MachineId,
            /// The lease that it was.
            lease: LeaseId,
            /// What he found.
            verdict: Verdict,
            /// Units that he has back of what it cost.
            given_back: Balance,
        },
        /// A visit came to nothing: told of in time it counts against nobody.
        VisitGivenUp {
            /// Its number.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
        },
        /// A visit spoke ill of a machine: auditors come to it more often.
        Suspected {
            /// The machine.
            machine: MachineId,
        },
        /// Visits spoke well of a suspect, or its time is over.
        Unsuspected {
            /// The machine.
            machine: MachineId,
        },
        /// An auditor named the key to which evidence for a duty is sealed.
        DutyKeySet {
            /// Of which audit.
            audit: AuditId,
            /// Who.
            auditor: T::AccountId,
            /// The key.
            key: [u8; 32],
        },
    }
}
