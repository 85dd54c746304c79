//! Disputes: one path for all kinds. An offence is dated to its start and recorded there and then; each band
//! of its length is a deadline, so that 48 or 120 hours execute without anybody's call (mechanisms rule 23).
//! A slash waits until it can no longer be appealed against; two thirds of the council can cancel it. It takes
//! rewards that were not released first, then stake (rule 5). One offence for each machine, kind and time, the
//! highest band once (rule 11). A report costs a bond and books a check by drawn auditors; on nobody's word
//! alone is anything taken (rule 7).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod bands;
mod impls {
    mod clock;
    mod evidence;
    mod execute;
    mod report;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod appeals;
    mod evidence;
    mod history;
    mod model;
    mod offences;
    mod reports;
}
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, LeaseId, MachineId, Slot};
    use frame_support::{
        pallet_prelude::*,
        traits::{ConstU64, fungible::MutateHold},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{
        Checks, History, Kind, Leased, Offence, OffenceId, Open, Preview, Sealed, Stakes,
        Unreleased, WeightInfo,
    };

    /// An offence's record in a runtime.
    pub type OffenceOf<T> = Offence<<T as frame_system::Config>::AccountId>;

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
        /// Machines and stakes.
        type Stakes: Stakes<Self::AccountId>;
        /// Rewards that were not released.
        type Rewards: Unreleased<Self::AccountId>;
        /// Leases.
        type Leases: Leased<Self::AccountId>;
        /// Books checks of what is reported.
        type Checks: Checks<Self::AccountId>;
        /// How machines were heard.
        type History: History;
        /// Gets what nobody else does.
        type Treasury: Get<Self::AccountId>;
        /// Who cancels slashes: two thirds of the council, or a referendum.
        type CancelOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Held from whoever reports.
        type ReportBond: Get<Balance>;
        /// Held from whoever appeals.
        type AppealBond: Get<Balance>;
        /// Slots for an appeal.
        #[pallet::constant]
        type AppealSlots: Get<Slot>;
        /// Slots in which an appeal is decided; nobody's answer lets the slash stand.
        #[pallet::constant]
        type DecideSlots: Get<Slot>;
        /// Slots in which a check is over; then nobody can say whether a report is right.
        #[pallet::constant]
        type CheckSlots: Get<Slot>;
        /// Live part of thirty days, in 10,000ths, below which an outage of any length reaches the first band
        /// (mechanisms rule 11).
        #[pallet::constant]
        type LiveLeast: Get<u32>;
        /// Slots in which that happens once at most.
        #[pallet::constant]
        type ChargeEvery: Get<Slot>;
        /// Of a slash of stake, to the renter, and never more than he paid in the lease.
        #[pallet::constant]
        type RenterShare: Get<Permill>;
        /// Of a slash of stake, to whoever reported it rightly.
        #[pallet::constant]
        type ReporterShare: Get<Permill>;
        /// Entries of the queue that one block handles at most.
        #[pallet::constant]
        type StepsPerBlock: Get<u32>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Bond of a report.
        Report,
        /// Bond of an appeal.
        Appeal,
    }

    /// Offences that are not settled.
    #[pallet::storage]
    pub type Offences<T: Config> = StorageMap<_, Twox64Concat, OffenceId, OffenceOf<T>>;

    /// The id of the next offence; the first is 1.
    #[pallet::storage]
    pub type NextOffence<T: Config> = StorageValue<_, OffenceId, ValueQuery, ConstU64<1>>;

    /// The running offence of a machine: one at a time.
    #[pallet::storage]
    pub type RunningOf<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, OffenceId>;

    /// Offences of a machine that are not settled; its stake stays until there are none.
    #[pallet::storage]
    pub type OpenOf<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, u32, ValueQuery>;

    /// Reports whose check is not over: machine, kind, lease and reporter.
    #[pallet::storage]
    pub type Reports<T: Config> = StorageMap<_, Twox64Concat, OffenceId, OffenceOf<T>>;

    /// What is due when.
    #[pallet::storage]
    pub type Queue<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Slot, Twox64Concat, OffenceId, ()>;

    /// First slot whose entries may not all be handled.
    #[pallet::storage]
    pub type Cursor<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// Hashes of evidence that was promised with reports, as long as the offence is not settled.
    #[pallet::storage]
    pub type Evidence<T: Config> = StorageMap<_, Twox64Concat, OffenceId, [u8; 32]>;

    /// Evidence that was handed to the auditors of a check, each sealed to his duty's key; gone when the check
    /// is over.
    #[pallet::storage]
    pub type Handed<T: Config> =
        StorageDoubleMap<_, Twox64Concat, OffenceId, Blake2_128Concat, T::AccountId, Sealed>;

    /// When machines answered last for a silence.
    #[pallet::storage]
    pub type Charged<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, Slot>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Somebody reported a machine; drawn auditors look at it.
        Reported {
            /// The report.
            offence: OffenceId,
            /// The machine.
            machine: MachineId,
            /// What.
            kind: Kind,
        },
        /// A check did not bear the report out.
        Rejected {
            /// The report.
            offence: OffenceId,
        },
        /// An offence began.
        Began {
            /// The offence.
            offence: OffenceId,
            /// The machine.
            machine: MachineId,
            /// What.
            kind: Kind,
            /// Since when.
            since: Slot,
        },
        /// It reached a band.
        BandReached {
            /// The offence.
            offence: OffenceId,
            /// Units that it costs by now.
            cost: Balance,
        },
        /// It is over, or cannot cost more: it is executed at `until` unless appealed against.
        Recorded {
            /// The offence.
            offence: OffenceId,
            /// Units that it costs.
            cost: Balance,
            /// Until when it can be appealed against.
            until: Slot,
        },
        /// Its provider appealed.
        Appealed {
            /// The offence.
            offence: OffenceId,
            /// Until when it is decided.
            until: Slot,
        },
        /// It was cancelled; nothing is taken.
        Cancelled {
            /// The offence.
            offence: OffenceId,
        },
        /// It was executed.
        Executed {
            /// The offence.
            offence: OffenceId,
            /// Units of rewards that were not released.
            rewards: Balance,
            /// Units of stake.
            stake: Balance,
        },
        /// It was over before it cost anything, or very many fell silent at once.
        Forgotten {
            /// The offence.
            offence: OffenceId,
        },
        /// A reporter handed evidence to an auditor of his check.
        EvidenceHanded {
            /// The report.
            offence: OffenceId,
            /// To whom.
            auditor: T::AccountId,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The machine is not registered.
        MachineNotFound,
        /// The lease is none of the machine's, or not the caller's.
        NotYourLease,
        /// An offence of this machine runs already.
        RunsAlready,
        /// There is no such offence, or it is settled.
        OffenceNotFound,
        /// Only the provider appeals, within the window, once.
        NoAppeal,
        /// Nobody may expect the machine to be there: it is neither on offer nor leased, or in a maintenance.
        NotReportable,
        /// No evidence goes with such a report, or none was promised.
        NoEvidence,
        /// Evidence goes to auditors who were drawn for the check and still look.
        NotDrawn,
        /// That auditor was handed his evidence already.
        HandedAlready,
        /// Somebody else reported it.
        NotYourReport,
        /// Only who rents a machine finds it unreachable by his lease; report it without one.
        LeaseNotRunning,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::drain(meter);
        }

        fn integrity_test() {
            assert!(T::AppealSlots::get() > 0 && T::DecideSlots::get() > 0, "an appeal has time");
            assert!(T::StepsPerBlock::get() > 0, "the queue moves");
            assert!(T::CheckSlots::get() > 0, "a check has time");
            let shares =
                T::RenterShare::get().deconstruct() + T::ReporterShare::get().deconstruct();
            assert!(shares < Permill::one().deconstruct(), "a slash is no business");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Reports a machine; drawn auditors look at it before anything is taken from anybody.
        ///
        /// - `origin`: Must be signed. For a lease, by its renter.
        /// - `machine`: The machine.
        /// - `kind`: What is wrong.
        /// - `lease`: The lease that it concerns; of a machine that is unreachable, one that runs.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::report())]
        pub fn report(
            origin: OriginFor<T>,
            machine: MachineId,
            kind: Kind,
            lease: Option<LeaseId>,
        ) -> DispatchResult {
            Self::do_report(ensure_signed(origin)?, machine, kind, lease, None)
        }

        /// Appeals against a slash that is recorded.
        ///
        /// - `origin`: Must be signed by the provider.
        /// - `offence`: The offence.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::appeal())]
        pub fn appeal(origin: OriginFor<T>, offence: OffenceId) -> DispatchResult {
            Self::do_appeal(ensure_signed(origin)?, offence)
        }

        /// Cancels an offence: nothing is taken, the appeal's bond returns.
        ///
        /// - `origin`: Must be whoever cancels slashes.
        /// - `offence`: The offence; it is not executed yet.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::cancel())]
        pub fn cancel(origin: OriginFor<T>, offence: OffenceId) -> DispatchResult {
            T::CancelOrigin::ensure_origin(origin)?;
            Self::do_cancel(offence)
        }

        /// Reports a machine's hardware and promises evidence. Once auditors are drawn, each of them is handed
        /// it; the bond is lost if one is not, unless they bear the report out all the same.
        ///
        /// - `origin`: Must be signed. For a lease, by its renter.
        /// - `machine`, `kind`, `lease`: As with `report`; of hardware out of order, or other than it says.
        /// - `evidence`: `evidence_hash` of the primitives over it, by which an appeal knows it again.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::report())]
        pub fn report_with_evidence(
            origin: OriginFor<T>,
            machine: MachineId,
            kind: Kind,
            lease: Option<LeaseId>,
            evidence: [u8; 32],
        ) -> DispatchResult {
            Self::do_report(ensure_signed(origin)?, machine, kind, lease, Some(evidence))
        }

        /// Hands the evidence of a report to an auditor who was drawn for its check.
        ///
        /// - `origin`: Must be signed by the reporter, before auditors commit.
        /// - `offence`: The report.
        /// - `auditor`: To whom.
        /// - `sealed`: The evidence, sealed to the key that he named for this duty.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::hand_evidence())]
        pub fn hand_evidence(
            origin: OriginFor<T>,
            offence: OffenceId,
            auditor: T::AccountId,
            sealed: Sealed,
        ) -> DispatchResult {
            Self::do_hand_evidence(ensure_signed(origin)?, offence, auditor, sealed)
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// What a machine's running offence costs if it is over now, and what it costs next.
        pub fn preview(machine: MachineId) -> Option<Preview> {
            Self::outlook(machine)
        }

        /// Reports whose check is not over, from a number on, a hundred at most.
        pub fn open_reports(from: OffenceId) -> alloc::vec::Vec<Open> {
            Self::open_from(from)
        }
    }
}
