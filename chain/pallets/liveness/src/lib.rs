//! Liveness: watchers say in each interval whom of a cohort they heard; two thirds decide, and only a
//! change writes to a machine's record. Nothing is paid past the last closed interval, so that nothing
//! has to be taken back (mechanisms rules 5, 9, 10, 11, 14). Beats themselves travel as statements,
//! not as transactions; here is what watchers make of them.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod impls {
    mod clock;
    mod presence;
    mod report;
    mod watchers;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod abstain;
    mod attacks;
    mod closing;
    mod duties;
    mod history;
    mod intervals;
    mod model;
    mod reports;
}
mod try_state;
mod types;
pub mod weights;

pub use dbc_primitives::liveness::{
    self as bits, Bitmap, COHORT, DUTIES_MAX, Epoch, Interval, MAP_BYTES, Opening, TREE_DEPTH,
};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, Slot};
    use frame_support::{pallet_prelude::*, traits::fungible::MutateHold};
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{
        Bitmap, COHORT, Closing, DUTIES_MAX, Downtime, Draw, DutyPay, Epoch, HISTORY, Interval,
        Liveness as _, MASSES_MAX, MachineIndexes, Mass, Opening, Outage, OutageSink, Pending,
        Presence, Region, Report, Unknown, Watcher, WeightInfo,
    };

    /// Watchers of one cohort.
    pub type DutyList<AccountId> = BoundedVec<AccountId, ConstU32<DUTIES_MAX>>;
    /// All watchers.
    pub type MemberList<T> =
        BoundedVec<<T as frame_system::Config>::AccountId, <T as Config>::WatchersMax>;

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
        type Machines: MachineIndexes;
        /// Whoever acts on outages.
        type Outages: OutageSink;
        /// Pays for duties.
        type Pay: DutyPay<Self::AccountId>;
        /// Gets the bonds of watchers who are out.
        type Treasury: Get<Self::AccountId>;
        /// Held from each watcher who joins.
        type Bond: Get<Balance>;
        /// Most watchers at once.
        #[pallet::constant]
        type WatchersMax: Get<u32>;
        /// Watchers drawn for each cohort, at most [`DUTIES_MAX`].
        #[pallet::constant]
        type WatchersPerCohort: Get<u32>;
        /// Slots of an interval.
        #[pallet::constant]
        type IntervalSlots: Get<Slot>;
        /// Intervals of a duty epoch.
        #[pallet::constant]
        type EpochIntervals: Get<u64>;
        /// Slots between leaving and the bond's return.
        #[pallet::constant]
        type LeaveDelay: Get<Slot>;
        /// Strikes that cost the bond.
        #[pallet::constant]
        type StrikesMax: Get<u32>;
        /// Slots in a row without enough reports that are charged all the same.
        #[pallet::constant]
        type UnknownGrace: Get<Slot>;
        /// Machines of a cohort that must fall silent at once before nobody is blamed.
        #[pallet::constant]
        type MassMin: Get<u32>;
        /// And which share of it; the same share of all machines, or of a region, excuses those as well.
        #[pallet::constant]
        type MassShare: Get<Permill>;
        /// Machines that a region must have before it is looked at by itself: nobody is a region alone.
        #[pallet::constant]
        type RegionMin: Get<u32>;
        /// Weight that a block may spend on closing.
        #[pallet::constant]
        type CloseWeight: Get<Weight>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Bond of a watcher.
        Watcher,
    }

    /// The watchers.
    #[pallet::storage]
    pub type Watchers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Watcher>;

    /// Those who do not leave, in the order in which they joined.
    #[pallet::storage]
    pub type Members<T: Config> = StorageValue<_, MemberList<T>, ValueQuery>;

    /// Who can be drawn in the next epoch.
    #[pallet::storage]
    pub type Frozen<T: Config> = StorageValue<_, MemberList<T>, ValueQuery>;

    /// The draws of this epoch and the one before, by the epoch's parity.
    #[pallet::storage]
    pub type Draws<T: Config> = StorageMap<_, Twox64Concat, Epoch, Draw<MemberList<T>>>;

    /// The epoch that was turned to last.
    #[pallet::storage]
    pub type TurnedTo<T: Config> = StorageValue<_, Epoch, ValueQuery>;

    /// All blocks' randomness, mixed.
    #[pallet::storage]
    pub type Mix<T: Config> = StorageValue<_, [u8; 32], ValueQuery>;

    /// What closed an interval, for openings: a ring of one epoch.
    #[pallet::storage]
    pub type Seeds<T: Config> = StorageMap<_, Twox64Concat, u64, (Interval, [u8; 32])>;

    /// What a watcher has yet to prove of a cohort.
    #[pallet::storage]
    pub type Pendings<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u32, Pending>;

    /// Reports of intervals that are not closed.
    #[pallet::storage]
    pub type Reports<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        Interval,
        Twox64Concat,
        u32,
        BoundedVec<Report<T::AccountId>, ConstU32<DUTIES_MAX>>,
        ValueQuery,
    >;

    /// The newest interval of which anything was told.
    #[pallet::storage]
    pub type LastReported<T: Config> = StorageValue<_, Interval, ValueQuery>;

    /// The interval that is closed next; its first slot is the horizon.
    #[pallet::storage]
    pub type NextInterval<T: Config> = StorageValue<_, Interval, ValueQuery>;

    /// How far its closing is.
    #[pallet::storage]
    pub type ClosingAt<T: Config> = StorageValue<_, Closing>;

    /// Who counts as heard, by cohort; a machine counts so from its admission on.
    #[pallet::storage]
    pub type Heard<T: Config> = StorageMap<_, Twox64Concat, u32, Bitmap, ValueQuery>;

    /// Where machines stand, by cohort. Whoever claims to have heard others is not believed.
    #[pallet::storage]
    pub type Present<T: Config> = StorageMap<_, Twox64Concat, u32, Bitmap, ValueQuery>;

    /// Unknown time of cohorts.
    #[pallet::storage]
    pub type Cohorts<T: Config> = StorageMap<_, Twox64Concat, u32, Unknown, ValueQuery>;

    /// Unknown time of all.
    #[pallet::storage]
    pub type Network<T: Config> = StorageValue<_, Unknown, ValueQuery>;

    /// The machines that are counted.
    #[pallet::storage]
    pub type Presences<T: Config> = StorageMap<_, Twox64Concat, u32, Presence>;

    /// The last outages of the machines that are counted, the oldest first.
    #[pallet::storage]
    pub type Outages<T: Config> =
        StorageMap<_, Twox64Concat, u32, BoundedVec<Outage, ConstU32<HISTORY>>, ValueQuery>;

    /// Silent slots of the machines that are counted, by day.
    #[pallet::storage]
    pub type Downtimes<T: Config> = StorageMap<_, Twox64Concat, u32, Downtime, ValueQuery>;

    /// Machines that are counted, by region.
    #[pallet::storage]
    pub type Regions<T: Config> = StorageMap<_, Twox64Concat, u16, Region, ValueQuery>;

    /// The last intervals in which very many fell silent, the oldest first.
    #[pallet::storage]
    pub type Masses<T: Config> =
        StorageValue<_, BoundedVec<Mass, ConstU32<MASSES_MAX>>, ValueQuery>;

    /// Who watches from the first block on: later ones are drawn two epochs after they joined.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Their accounts; each bonds.
        pub watchers: alloc::vec::Vec<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for watcher in &self.watchers {
                Pallet::<T>::do_join(watcher.clone()).expect("a watcher of genesis can bond");
            }
            Frozen::<T>::put(Members::<T>::get());
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A watcher bonded; he can be drawn from the epoch after the next on.
        Joined {
            /// Who.
            watcher: T::AccountId,
        },
        /// A watcher leaves.
        Leaving {
            /// Who.
            watcher: T::AccountId,
        },
        /// A watcher has his bond back.
        Left {
            /// Who.
            watcher: T::AccountId,
        },
        /// A watcher told whom he heard.
        Reported {
            /// Who.
            watcher: T::AccountId,
            /// Of which interval.
            interval: Interval,
            /// Of which cohort.
            cohort: u32,
        },
        /// A watcher showed the beat that was asked for, and is paid.
        Proven {
            /// Who.
            watcher: T::AccountId,
            /// For which interval.
            interval: Interval,
        },
        /// A watcher could not show it.
        Struck {
            /// Who.
            watcher: T::AccountId,
            /// His strikes so far.
            strikes: u32,
        },
        /// Two thirds of its watchers no longer hear a machine.
        Silent {
            /// The machine.
            machine: dbc_primitives::MachineId,
            /// First slot of the first interval that it missed.
            since: Slot,
        },
        /// They hear it again.
        Back {
            /// The machine.
            machine: dbc_primitives::MachineId,
            /// First slot of that interval.
            slot: Slot,
        },
        /// Too few watchers of a cohort told anything: rent runs, nobody is judged.
        Unknown {
            /// The interval.
            interval: Interval,
            /// The cohort.
            cohort: u32,
        },
        /// Nobody told anything of any cohort.
        NothingTold {
            /// How many intervals.
            intervals: u64,
            /// The interval that is closed next.
            to: Interval,
        },
        /// So many fell silent at once that nobody is blamed; their meters stop all the same.
        MassSilence {
            /// The interval.
            interval: Interval,
            /// The cohort.
            cohort: u32,
            /// How many.
            machines: u32,
        },
        /// A watcher heard too few to say anything of anybody.
        Abstained {
            /// Who.
            watcher: T::AccountId,
            /// Of which interval.
            interval: Interval,
            /// Of which cohort.
            cohort: u32,
        },
        /// So many of all machines, or of a region, fell silent at once that nobody is blamed.
        Excused {
            /// The interval.
            interval: Interval,
            /// The region; all machines without any.
            region: Option<u16>,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is no watcher; `join` makes one.
        NotWatcher,
        /// The account is a watcher already.
        WatcherExists,
        /// There are as many watchers as there can be.
        NoSeat,
        /// The watcher leaves already.
        LeavingAlready,
        /// The watcher has to leave first.
        NotLeaving,
        /// The delay is not over.
        TooEarly,
        /// Reports of an interval come during the next one.
        NotInTime,
        /// The watcher was not drawn for this cohort in this epoch.
        NotOnDuty,
        /// The watcher told of this interval already.
        ToldAlready,
        /// Closing is too far behind; tell of a later interval.
        Behind,
        /// The watcher has nothing to prove of this cohort.
        NothingToProve,
        /// Reports of the watcher are not proven; `open` each.
        Unproven,
        /// Whoever heard less than half of a cohort says nothing of it; `abstain`.
        HeardTooFew,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::tick(T::CloseWeight::get())
        }

        fn integrity_test() {
            assert!(T::IntervalSlots::get() > 0 && T::EpochIntervals::get() > 2, "time passes");
            assert!((1..=DUTIES_MAX).contains(&T::WatchersPerCohort::get()), "somebody watches");
            assert!(COHORT % 8 == 0, "a cohort is whole bytes");
            for step in [
                T::WeightInfo::tally(),
                T::WeightInfo::transition(),
                T::WeightInfo::close_interval(),
            ] {
                let block = T::WeightInfo::tick().saturating_add(step);
                assert!(block.all_lte(T::CloseWeight::get()), "a block has room for each step");
            }
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Bonds the caller as a watcher.
        ///
        /// - `origin`: Must be signed.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::join())]
        pub fn join(origin: OriginFor<T>) -> DispatchResult {
            Self::do_join(ensure_signed(origin)?)
        }

        /// Ends the caller's duties; those of this epoch and the next can still be told of.
        ///
        /// - `origin`: Must be signed by a watcher.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            Self::do_leave(ensure_signed(origin)?)
        }

        /// Returns the caller's bond.
        ///
        /// - `origin`: Must be signed by a watcher who left `LeaveDelay` slots ago and has nothing to prove.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            Self::do_withdraw(ensure_signed(origin)?)
        }

        /// Tells whom of a cohort the caller heard. Costs nothing when it is accepted.
        ///
        /// - `origin`: Must be signed by a watcher on duty, during the interval after.
        /// - `interval`, `cohort`: Of what.
        /// - `heard`: One bit per machine.
        /// - `root`: Of the tree over the beats that he heard, by `liveness::leaf` and `liveness::node` of the primitives; what was
        ///   not heard is 32 zero bytes.
        /// - `opening`: For his report of this cohort before, the beat at the bit that `asked` names.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::report())]
        pub fn report(
            origin: OriginFor<T>,
            interval: Interval,
            cohort: u32,
            heard: Bitmap,
            root: [u8; 32],
            opening: Option<Opening>,
        ) -> DispatchResultWithPostInfo {
            Self::do_report(ensure_signed(origin)?, interval, cohort, heard, root, opening)?;
            Ok(Pays::No.into())
        }

        /// Proves the caller's last report of a cohort without another one: of the last interval of his
        /// duty, or before he leaves. Costs nothing when it is accepted.
        ///
        /// - `origin`: Must be signed by a watcher with a report to prove, after its interval was closed.
        /// - `cohort`: Of which cohort.
        /// - `opening`: The beat at the bit that `asked` names; without it, or with a wrong one, a strike.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::open())]
        pub fn open(
            origin: OriginFor<T>,
            cohort: u32,
            opening: Option<Opening>,
        ) -> DispatchResultWithPostInfo {
            Self::do_open(ensure_signed(origin)?, cohort, opening)?;
            Ok(Pays::No.into())
        }

        /// Tells that the caller heard too few of a cohort to say anything of anybody: less than half. It is
        /// no strike, and no pay. Costs nothing when it is accepted.
        ///
        /// - `origin`: Must be signed by a watcher on duty, during the interval after.
        /// - `interval`, `cohort`: Of what.
        /// - `opening`: As with `report`.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::report())]
        pub fn abstain(
            origin: OriginFor<T>,
            interval: Interval,
            cohort: u32,
            opening: Option<Opening>,
        ) -> DispatchResultWithPostInfo {
            Self::do_abstain(ensure_signed(origin)?, interval, cohort, opening)?;
            Ok(Pays::No.into())
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The last outages of the machine at an index, the oldest first.
        pub fn outages(index: u32) -> alloc::vec::Vec<Outage> {
            Outages::<T>::get(index).into_inner()
        }

        /// Live part of the last thirty days of the machine at an index, in 10,000ths, and whether it is
        /// heard now.
        pub fn standing(index: u32) -> (u32, bool) {
            (Self::live_share(index), Self::is_live(index))
        }
    }
}
