//! Audits: is the hardware real? A machine is booked first; the auditors are drawn later, by the
//! randomness of blocks after the booking, and all audits of a window start at one block, so that one
//! card cannot answer for two (mechanisms rules 4, 36). Auditors challenge the machine off the chain, each
//! with a secret of his own, commit to their transcript and reveal their verdict, in phases that go by
//! slot. Two thirds of those drawn decide. They are paid per duty, whatever they found, and a verdict
//! whose transcript says otherwise, or is not shown to whoever wants to see it, costs the bond, by proof
//! and not by opinion (rule 22). Proofs expire (rule 3), and the chain takes second looks. Auditors also rent
//! machines under accounts that nobody knows, and tell afterwards (rule 1).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod catalogue;
mod errors;
mod events;
mod impls {
    mod auditors;
    mod clock;
    mod demand;
    mod judge;
    mod proof;
    mod request;
    mod second;
    mod visit;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod attacks;
    mod auditors;
    mod demand;
    mod hold_back;
    mod life;
    mod model;
    mod regions;
    mod sets;
    mod visits;
}
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, LeaseId, MachineId, Slot, audit::Terms};
    use frame_support::{
        pallet_prelude::*,
        sp_runtime::Permill,
        traits::{ConstU64, fungible::MutateHold},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;

    use super::{
        Attempts, Audit, AuditId, AuditSink, AuditedMachines, Auditor, DRAWN_MAX, Demand, Due,
        DutyPay, Impression, NoTerms, OpenDuty, Outcome, Pace, Proof, Purpose, SUSPECTS_MAX,
        TranscriptCheck, Verdict, Visit, VisitReport, WeightInfo,
    };

    /// An audit's record in a runtime.
    pub type AuditOf<T> = Audit<<T as frame_system::Config>::AccountId>;
    /// What visits left behind of a machine.
    pub type ImpressionsOf<T> =
        BoundedVec<Impression<<T as frame_system::Config>::AccountId>, ConstU32<DRAWN_MAX>>;
    /// All auditors.
    pub type MemberList<T> =
        BoundedVec<<T as frame_system::Config>::AccountId, <T as Config>::AuditorsMax>;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The currency in which bonds are held.
        type Currency: MutateHold<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;
        /// The slot of the block that is executed.
        type Clock: Get<Slot>;
        /// Randomness that the block's author could not choose: BABE's VRF output.
        type Randomness: Get<[u8; 32]>;
        /// The machines.
        type Machines: AuditedMachines<Self::AccountId>;
        /// Whoever acts on what was found.
        type Sink: AuditSink;
        /// Pays for duties.
        type Pay: DutyPay<Self::AccountId>;
        /// Checks transcripts.
        type Check: TranscriptCheck;
        /// Gets what liars lose, but for the part of whoever showed it.
        type Treasury: Get<Self::AccountId>;
        /// Seats auditors while there are few.
        type SeatOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Held from each auditor.
        type Bond: Get<Balance>;
        /// Most auditors at once.
        #[pallet::constant]
        type AuditorsMax: Get<u32>;
        /// Auditors of one audit when there are enough, at most [`DRAWN_MAX`](super::DRAWN_MAX).
        type Drawn: Get<u32>;
        /// Auditors from which on a draw is full: fewer, and proofs are provisional.
        #[pallet::constant]
        type FullFrom: Get<u32>;
        /// Slots of a window: all audits that start in it start at its first.
        #[pallet::constant]
        type Window: Get<Slot>;
        /// Slots between a booking and its draw, at least twenty blocks' worth.
        #[pallet::constant]
        type DrawDelay: Get<Slot>;
        /// Slots for the challenge and the commit.
        #[pallet::constant]
        type CommitSlots: Get<Slot>;
        /// Slots for the reveal.
        #[pallet::constant]
        type RevealSlots: Get<Slot>;
        /// Slots between two visits of an auditor.
        type VisitEvery: Get<Slot>;
        /// Slots that an auditor has for a visit, from its draw.
        #[pallet::constant]
        type VisitSlots: Get<Slot>;
        /// Most that is given back of what a visit has cost.
        type VisitCost: Get<Balance>;
        /// Milliseconds within which auditors of a machine's region have its rows (mechanisms rule 37).
        type NearMs: Get<u32>;
        /// Slots for which a proof counts.
        type ProofLife: Get<Slot>;
        /// Slots before a machine that failed may ask again; doubled with each failure.
        #[pallet::constant]
        type BackOff: Get<Slot>;
        /// Slots after a close in which a transcript can be challenged.
        #[pallet::constant]
        type KeptSlots: Get<Slot>;
        /// Slots between leaving and the bond's return.
        #[pallet::constant]
        type LeaveDelay: Get<Slot>;
        /// Strikes that cost the bond.
        #[pallet::constant]
        type StrikesMax: Get<u32>;
        /// Share of the machines that the chain draws in an hour, to audit them once more if proven.
        type SecondLooks: Get<Permill>;
        /// Held from whoever wants to see a transcript; it pays the auditor whose transcript holds.
        type DemandBond: Get<Balance>;
        /// Slots within which an auditor shows a transcript.
        #[pallet::constant]
        type ShowSlots: Get<Slot>;
        /// Largest transcript that the chain checks, in bytes.
        #[pallet::constant]
        type TranscriptMax: Get<u32>;
        /// Entries of the queue that one block handles at most.
        #[pallet::constant]
        type StepsPerBlock: Get<u32>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Bond of an auditor.
        Auditor,
        /// Bond of whoever wants to see a transcript.
        Demand,
    }

    /// The auditors.
    #[pallet::storage]
    pub type Auditors<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Auditor>;

    /// Those who can be drawn.
    #[pallet::storage]
    pub type Members<T: Config> = StorageValue<_, MemberList<T>, ValueQuery>;

    /// Whom governance allowed to join.
    #[pallet::storage]
    pub type Seats<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ()>;

    /// The audits; a closed one is kept as long as its transcripts can be challenged.
    #[pallet::storage]
    pub type Audits<T: Config> = StorageMap<_, Twox64Concat, AuditId, AuditOf<T>>;

    /// The id of the next audit; the first is 1.
    #[pallet::storage]
    pub type NextAudit<T: Config> = StorageValue<_, AuditId, ValueQuery, ConstU64<1>>;

    /// The audit of a machine that is not closed.
    #[pallet::storage]
    pub type OpenOf<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, AuditId>;

    /// What was proven of machines.
    #[pallet::storage]
    pub type Proofs<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, Proof>;

    /// What machines have to wait for.
    #[pallet::storage]
    pub type AttemptsOf<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, Attempts>;

    /// What is due when, with the machine.
    #[pallet::storage]
    pub type Queue<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Slot, Twox64Concat, (AuditId, Due), MachineId>;

    /// Transcripts that somebody wants to see.
    #[pallet::storage]
    pub type Demands<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        AuditId,
        Blake2_128Concat,
        T::AccountId,
        Demand<T::AccountId>,
    >;

    /// What auditors were drawn for and have yet to finish.
    #[pallet::storage]
    pub type Assigned<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, AuditId, ()>;

    /// The window in which second looks were drawn last.
    #[pallet::storage]
    pub type LastWindow<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// Another pace than the configured; only a genesis for development sets it.
    #[pallet::storage]
    pub type PaceAtGenesis<T: Config> = StorageValue<_, Pace>;

    /// First slot whose entries may not all be handled.
    #[pallet::storage]
    pub type Cursor<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// All blocks' randomness, mixed.
    #[pallet::storage]
    pub type Mix<T: Config> = StorageValue<_, [u8; 32], ValueQuery>;

    /// Who earned by a machine when it was proven; the reverse of [`ProvenOf`].
    #[pallet::storage]
    pub type Owners<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, T::AccountId>;

    /// Machines of a provider that are proven.
    #[pallet::storage]
    pub type ProvenOf<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, MachineId, ()>;

    /// Auditors' visits that are not over.
    #[pallet::storage]
    pub type Visits<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Visit>;

    /// Whose visits they are.
    #[pallet::storage]
    pub type VisitorOf<T: Config> = StorageMap<_, Twox64Concat, AuditId, T::AccountId>;

    /// The visits that leases were, as long as their records are there.
    #[pallet::storage]
    pub type VisitOf<T: Config> = StorageMap<_, Twox64Concat, LeaseId, AuditId>;

    /// Those who can be drawn, by where governance says that they are.
    #[pallet::storage]
    pub type MembersAt<T: Config> = StorageMap<_, Twox64Concat, u16, MemberList<T>, ValueQuery>;

    /// What auditors found when they rented a machine, oldest first, one of each.
    #[pallet::storage]
    pub type Impressions<T: Config> =
        StorageMap<_, Blake2_128Concat, MachineId, ImpressionsOf<T>, ValueQuery>;

    /// Machines of which a visit spoke ill, oldest first.
    #[pallet::storage]
    pub type Suspects<T: Config> =
        StorageValue<_, BoundedVec<MachineId, ConstU32<SUSPECTS_MAX>>, ValueQuery>;

    /// Machines that take no orders before an audit is over, and until when at most.
    #[pallet::storage]
    pub type HeldBack<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, Slot>;

    /// The auditors of development, and the time that their audits take.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Their accounts; each is seated and bonds, and sets his key when he begins.
        pub auditors: alloc::vec::Vec<T::AccountId>,
        /// See [`Pace`].
        pub pace: Option<Pace>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for auditor in &self.auditors {
                Pallet::<T>::do_seat(auditor.clone(), true);
                Pallet::<T>::do_join(auditor.clone(), [0; 32])
                    .expect("an auditor of genesis bonds");
            }
            if let Some(pace) = self.pace {
                let lasts = pace.window > 0 && pace.commit > 0 && pace.reveal > 0 && pace.visit > 0;
                assert!(lasts, "`audits.pace`: windows and phases last");
                PaceAtGenesis::<T>::put(pace);
            }
        }
    }

    impl<T> From<NoTerms> for Error<T> {
        fn from(why: NoTerms) -> Self {
            match why {
                NoTerms::Gone => Self::NoChallenge,
                NoTerms::MixedCards => Self::MixedCards,
                NoTerms::LittleMemory => Self::LittleMemory,
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::mix();
            T::WeightInfo::mix()
        }

        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::second_looks(meter);
            Self::drain(meter);
        }

        fn integrity_test() {
            assert!(T::Window::get() > 0 && T::DrawDelay::get() >= 20, "a draw comes later");
            assert!(T::CommitSlots::get() > 0 && T::RevealSlots::get() > 0, "phases last");
            assert!(T::StepsPerBlock::get() > 0, "the queue moves");
            assert!(T::KeptSlots::get() > T::ShowSlots::get(), "there is time to show");
            assert!(T::VisitSlots::get() > 0, "visits last");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Allows an account to join as an auditor, or takes that back.
        ///
        /// - `origin`: Must be governance.
        /// - `auditor`: Whom.
        /// - `seated`: Whether. Taking a seat back ends his duties.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::seat())]
        pub fn seat(origin: OriginFor<T>, auditor: T::AccountId, seated: bool) -> DispatchResult {
            T::SeatOrigin::ensure_origin(origin)?;
            Self::do_seat(auditor, seated);
            Ok(())
        }

        /// Bonds the caller as an auditor.
        ///
        /// - `origin`: Must be signed by an account that governance seated.
        /// - `key`: The ed25519 key by which machines know his connections.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::join())]
        pub fn join(origin: OriginFor<T>, key: [u8; 32]) -> DispatchResult {
            Self::do_join(ensure_signed(origin)?, key)
        }

        /// Ends the caller's duties; those that are open are still to be done.
        ///
        /// - `origin`: Must be signed by an auditor.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            Self::do_leave(ensure_signed(origin)?)
        }

        /// Returns the caller's bond.
        ///
        /// - `origin`: Must be signed by an auditor who left `LeaveDelay` slots ago.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            Self::do_withdraw(ensure_signed(origin)?)
        }

        /// Books an audit of a machine.
        ///
        /// - `origin`: Must be signed by the machine's provider or operator.
        /// - `machine`: The machine; it has no proof, or one in the last third of its life.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::request())]
        pub fn request(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(T::Machines::may_ask(machine, &who), Error::<T>::NotYours);
            T::Machines::terms(machine).map_err(Error::<T>::from)?;
            let renewal = Proofs::<T>::contains_key(machine);
            let purpose = if renewal { Purpose::Renewal } else { Purpose::First };
            Self::book(machine, purpose)
        }

        /// Commits the caller to a transcript and a verdict.
        ///
        /// - `origin`: Must be signed by an auditor who was drawn, in the phase of commits.
        /// - `audit`: The audit.
        /// - `commit`: `Pallet::commitment` of root, verdict and account.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::commit())]
        pub fn commit(
            origin: OriginFor<T>,
            audit: AuditId,
            commit: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            Self::do_commit(ensure_signed(origin)?, audit, commit)?;
            Ok(Pays::No.into())
        }

        /// Reveals what the caller committed to.
        ///
        /// - `origin`: Must be signed by an auditor who committed, in the phase of reveals.
        /// - `audit`: The audit.
        /// - `root`: Root of the transcript.
        /// - `verdict`: What he found.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::reveal())]
        pub fn reveal(
            origin: OriginFor<T>,
            audit: AuditId,
            root: [u8; 32],
            verdict: Verdict,
        ) -> DispatchResultWithPostInfo {
            Self::do_reveal(ensure_signed(origin)?, audit, root, verdict)?;
            Ok(Pays::No.into())
        }

        /// Shows that an auditor's verdict contradicts his own transcript. He loses his bond, a tenth of it
        /// to whoever shows it.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `audit`: The audit; its record is still there.
        /// - `auditor`: Who lied.
        /// - `transcript`: Bytes that the verifier reads.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::convict(transcript.len() as u32))]
        pub fn convict(
            origin: OriginFor<T>,
            audit: AuditId,
            auditor: T::AccountId,
            transcript: BoundedVec<u8, T::TranscriptMax>,
        ) -> DispatchResult {
            Self::do_convict(ensure_signed(origin)?, audit, auditor, &transcript)
        }

        /// Names the key by which machines know the caller's connections.
        ///
        /// - `origin`: Must be signed by an auditor.
        /// - `key`: The ed25519 key.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn set_key(origin: OriginFor<T>, key: [u8; 32]) -> DispatchResult {
            Self::do_set_key(ensure_signed(origin)?, key)
        }

        /// Wants to see the transcript of a verdict. Its auditor shows it within `ShowSlots`, or loses his
        /// bond as if he had lied.
        ///
        /// - `origin`: Must be signed by anybody; `DemandBond` is held, and is the auditor's if his
        ///   transcript holds.
        /// - `audit`: An audit that is closed and whose record stays long enough.
        /// - `auditor`: Whose.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::demand())]
        pub fn demand(
            origin: OriginFor<T>,
            audit: AuditId,
            auditor: T::AccountId,
        ) -> DispatchResult {
            Self::do_demand(ensure_signed(origin)?, audit, auditor)
        }

        /// Shows the transcript that somebody wants to see.
        ///
        /// - `origin`: Must be signed by the auditor.
        /// - `audit`: The audit.
        /// - `transcript`: Bytes that the verifier reads.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::convict(transcript.len() as u32))]
        pub fn show(
            origin: OriginFor<T>,
            audit: AuditId,
            transcript: BoundedVec<u8, T::TranscriptMax>,
        ) -> DispatchResult {
            Self::do_show(ensure_signed(origin)?, audit, &transcript)
        }

        /// Names the key to which evidence for one duty of the caller is sealed.
        ///
        /// - `origin`: Must be signed by an auditor who was drawn, in the first half of the phase of commits,
        ///   once.
        /// - `audit`: The audit.
        /// - `key`: A fresh X25519 key.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::commit())]
        pub fn set_duty_key(
            origin: OriginFor<T>,
            audit: AuditId,
            key: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            Self::do_set_duty_key(ensure_signed(origin)?, audit, key)?;
            Ok(Pays::No.into())
        }

        /// Says where an auditor's connections come from. Some of those drawn are of the machine's region.
        ///
        /// - `origin`: Must be governance.
        /// - `auditor`: Whose.
        /// - `region`: Number of the region; `None` when nobody can say.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn place(
            origin: OriginFor<T>,
            auditor: T::AccountId,
            region: Option<u16>,
        ) -> DispatchResult {
            T::SeatOrigin::ensure_origin(origin)?;
            Self::do_place(auditor, region)
        }

        /// Plans a visit: the caller will rent a machine under an account that nobody knows. Which, is drawn by
        /// later blocks and his secret.
        ///
        /// - `origin`: Must be signed by an auditor without a visit, `VisitEvery` slots after his last.
        /// - `commit`: `dbc_primitives::audit::visit_commitment` of him, the secret and the account.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::plan_visit())]
        pub fn plan_visit(origin: OriginFor<T>, commit: [u8; 32]) -> DispatchResultWithPostInfo {
            Self::do_plan_visit(ensure_signed(origin)?, commit)?;
            Ok(Pays::No.into())
        }

        /// Tells of a visit: who rented which lease, and what he found. He is paid, and has back what the lease
        /// has cost so far, up to `VisitCost`.
        ///
        /// - `origin`: Must be signed by an auditor whose visit is drawn.
        /// - `report`: What he did. Its lease is of the account that he committed to and of the candidate that
        ///   he names, and was ordered after the draw; its terms are `terms_of` that machine and its cards.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::reveal_visit())]
        pub fn reveal_visit(
            origin: OriginFor<T>,
            report: VisitReport<T::AccountId>,
        ) -> DispatchResultWithPostInfo {
            Self::do_reveal_visit(ensure_signed(origin)?, &report)?;
            Ok(Pays::No.into())
        }

        /// Gives a visit up of which no candidate can be rented. Nothing is counted against the caller.
        ///
        /// - `origin`: Must be signed by an auditor whose visit is drawn.
        /// - `secret`, `account`: What he committed to.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::give_up_visit())]
        pub fn give_up_visit(
            origin: OriginFor<T>,
            secret: [u8; 32],
            account: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            Self::do_give_up_visit(ensure_signed(origin)?, &secret, &account)?;
            Ok(Pays::No.into())
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// What a machine is asked to do; `None` when there is no challenge for it.
        pub fn terms(machine: MachineId) -> Option<Terms> {
            T::Machines::terms(machine).ok()
        }

        /// What each auditor of an audit asks for; `None` before they were drawn.
        pub fn terms_of(audit: AuditId) -> Option<Terms> {
            Audits::<T>::get(audit)?.terms
        }

        /// What so many cards of a machine are asked by whoever visits it.
        pub fn visit_terms(machine: MachineId, cards: u16) -> Option<Terms> {
            T::Machines::terms_of(machine, cards).ok()
        }

        /// Whether an auditor could rent a machine now.
        pub fn can_be_visited(machine: MachineId) -> bool {
            T::Machines::can_be_rented(machine)
        }

        /// Slot from which an auditor may plan a visit; `None` when he is none, or leaves.
        pub fn visit_from(auditor: T::AccountId) -> Option<Slot> {
            let found = super::Auditors::<T>::get(auditor)?;
            found.leaving.is_none().then_some(found.visit_from)
        }

        /// What an auditor was drawn for and has yet to finish.
        pub fn open_duties(auditor: T::AccountId) -> alloc::vec::Vec<OpenDuty> {
            Self::duties_of(&auditor)
        }
    }
}
