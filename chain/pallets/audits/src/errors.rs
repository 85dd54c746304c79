//! Why the pallet refuses: a section of the pallet's module, which takes it in as it stands here and whose names it has.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// Governance has not seated the account.
        NotSeated,
        /// The account is no auditor; `join` makes one.
        NotAuditor,
        /// The account is an auditor already.
        AuditorExists,
        /// There are as many auditors as there can be.
        NoSeat,
        /// The auditor leaves already.
        LeavingAlready,
        /// The auditor has to leave first.
        NotLeaving,
        /// The delay is not over, or a duty is open.
        TooEarly,
        /// The machine belongs to somebody else.
        NotYours,
        /// The machine leaves, or is not there.
        NoChallenge,
        /// Somebody wants to see it already.
        DemandOpen,
        /// Nobody wants to see it, or too late.
        NotDemanded,
        /// The audit's record goes before the transcript could be shown.
        TooLate,
        /// The machine is being audited already.
        AuditOpen,
        /// The machine failed a short while ago; `AttemptsOf` says until when it has to wait.
        BackingOff,
        /// The machine's proof is fresh; ask again in the last third of its life.
        ProofFresh,
        /// There is no such audit, or its record is gone.
        AuditNotFound,
        /// The audit is in another phase.
        WrongPhase,
        /// The auditor was not drawn for this audit.
        NotDrawn,
        /// The auditor committed or revealed already.
        SaidAlready,
        /// What is revealed is not what was committed to.
        OtherThanCommitted,
        /// The transcript is no transcript of that auditor, or supports his verdict.
        ShowsNothing,
        /// The machine's cards are of several models, for which there is no challenge.
        MixedCards,
        /// A card has less memory than nine tenths of what its model has.
        LittleMemory,
        /// The auditor's visit is not over.
        VisitOpen,
        /// The auditor has no visit, or it is not drawn yet, or its time is over.
        NoVisit,
        /// What is told of a visit is not what was committed to, or another machine than was drawn.
        OtherVisit,
        /// The lease is none of this visit: of another account or machine, or older than its draw.
        OtherLease,
        /// The lease asks for another challenge than was told.
        OtherTerms,
        /// A machine of those drawn can be rented now.
        CanBeRented,
    }
}
