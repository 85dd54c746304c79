//! The price of DBC in dollars: a governed set of bonded feeders, their median, and its average over the
//! last hour, which is what leases ask for when a leg starts (mechanisms rule 13). A median that is
//! stale, or told by too few, is no price: then no leg in dollars can start, and nothing that runs stops.
//!
//! The SDK's oracle pallet keeps a median of a governed set, but neither bonds, steps nor an average,
//! and its feeders pay for their calls; what is left of it here would be a map.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod impls {
    mod feed;
    mod seats;
    mod twap;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod feed;
    mod model;
    mod seats;
    mod twap;
}
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, Slot};
    use frame_support::{pallet_prelude::*, traits::fungible::MutateHold};
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{Bucket, MicroUsd, Seat, WeightInfo};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The currency in which bonds are held.
        type Currency: MutateHold<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;
        /// Who seats and dismisses feeders.
        type GovernOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// The slot of the block that is executed.
        type Clock: Get<Slot>;
        /// Held from each feeder while he has a seat.
        #[pallet::constant]
        type Bond: Get<Balance>;
        /// Most feeders at once.
        #[pallet::constant]
        type SeatsMax: Get<u32>;
        /// Fewer fresh values than this make no price.
        #[pallet::constant]
        type FeedersMin: Get<u32>;
        /// Slots of an interval: each feeder tells one value in it, and it has one price.
        #[pallet::constant]
        type Interval: Get<Slot>;
        /// Slots for which a feeder's value counts.
        #[pallet::constant]
        type Fresh: Get<Slot>;
        /// Slots after the last price from which on there is none.
        #[pallet::constant]
        type Stale: Get<Slot>;
        /// Slots over which prices are averaged.
        #[pallet::constant]
        type Window: Get<Slot>;
        /// Prices that are kept: at least one per interval of the window, and one before it.
        #[pallet::constant]
        type BucketsMax: Get<u32>;
        /// How far the price may move from one interval to the next, as a share of it.
        #[pallet::constant]
        type StepMax: Get<Permill>;
        /// How far from the median a value may lie without a strike, as a share of the median.
        #[pallet::constant]
        type Outlier: Get<Permill>;
        /// Strikes at which a feeder no longer counts.
        #[pallet::constant]
        type StrikesMax: Get<u32>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Bond of a feeder.
        Feeder,
    }

    /// The feeders, by account.
    #[pallet::storage]
    pub type Seats<T: Config> =
        StorageValue<_, BoundedVec<Seat<T::AccountId>, T::SeatsMax>, ValueQuery>;

    /// Prices of the last window, oldest first.
    #[pallet::storage]
    pub type Buckets<T: Config> = StorageValue<_, BoundedVec<Bucket, T::BucketsMax>, ValueQuery>;

    /// Fewer feeders than configured make a price; only a genesis for development sets it.
    #[pallet::storage]
    pub type LeastAtGenesis<T: Config> = StorageValue<_, u32>;

    /// The feeders of development.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Their accounts; each bonds.
        pub feeders: alloc::vec::Vec<T::AccountId>,
        /// How many fresh values make a price.
        pub least: Option<u32>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for feeder in &self.feeders {
                Pallet::<T>::do_seat(feeder.clone())
                    .expect("there is a seat for a feeder of genesis");
                Pallet::<T>::do_join(feeder.clone()).expect("a feeder of genesis bonds");
            }
            if let Some(least) = self.least {
                assert!(least > 0, "`prices.least`: nobody makes no price");
                LeastAtGenesis::<T>::put(least);
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A feeder was seated by governance and bonds next.
        Seated {
            /// Who.
            feeder: T::AccountId,
        },
        /// A feeder bonded and counts.
        Joined {
            /// Who.
            feeder: T::AccountId,
        },
        /// A feeder's seat is free and his bond returned.
        Left {
            /// Who.
            feeder: T::AccountId,
        },
        /// A feeder told too many values far from the median, and no longer counts.
        Suspended {
            /// Who.
            feeder: T::AccountId,
        },
        /// Governance lets a suspended feeder count again.
        Reinstated {
            /// Who.
            feeder: T::AccountId,
        },
        /// The interval has a price.
        Priced {
            /// Millionths of a dollar per DBC.
            price: MicroUsd,
            /// The median, when it is further away than one step.
            beyond: Option<MicroUsd>,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is no feeder; governance seats feeders.
        NotFeeder,
        /// The account has a seat already.
        SeatedAlready,
        /// Every seat is taken.
        NoSeat,
        /// The feeder has not bonded; `join` does.
        NotBonded,
        /// The feeder has bonded already.
        BondedAlready,
        /// The feeder is suspended; governance can reinstate him.
        Suspended,
        /// The feeder is not suspended.
        NotSuspended,
        /// The feeder told a value in this interval already.
        TooEarly,
        /// A price is 1 to 10¹² millionths of a dollar.
        BadPrice,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let kept = Slot::from(T::BucketsMax::get());
            assert!(T::Interval::get() > 0, "an interval has slots");
            assert!(kept > T::Window::get() / T::Interval::get(), "the window needs more buckets");
            assert!(T::Fresh::get() <= T::Stale::get(), "a fresh value makes a price that is not");
            assert!(T::FeedersMin::get() <= T::SeatsMax::get(), "there are too few seats");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Average over the last hour in millionths of a dollar per DBC; `None` while there is no price.
        pub fn average() -> Option<MicroUsd> {
            <Self as super::DbcPrice>::twap()
        }

        /// Slots of an interval: each feeder tells one value in it.
        pub fn interval_slots() -> Slot {
            T::Interval::get()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Gives an account a seat. It counts once it has bonded.
        ///
        /// - `origin`: Must be `GovernOrigin`.
        /// - `feeder`: The account.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::seat())]
        pub fn seat(origin: OriginFor<T>, feeder: T::AccountId) -> DispatchResult {
            T::GovernOrigin::ensure_origin(origin)?;
            Self::do_seat(feeder)
        }

        /// Takes a feeder's seat; his bond returns.
        ///
        /// - `origin`: Must be `GovernOrigin`.
        /// - `feeder`: The account.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn dismiss(origin: OriginFor<T>, feeder: T::AccountId) -> DispatchResult {
            T::GovernOrigin::ensure_origin(origin)?;
            Self::do_leave(feeder)
        }

        /// Lets a suspended feeder count again, without his strikes.
        ///
        /// - `origin`: Must be `GovernOrigin`.
        /// - `feeder`: The account.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::seat())]
        pub fn reinstate(origin: OriginFor<T>, feeder: T::AccountId) -> DispatchResult {
            T::GovernOrigin::ensure_origin(origin)?;
            Self::do_reinstate(feeder)
        }

        /// Bonds: from now on the caller's values count.
        ///
        /// - `origin`: Must be signed by an account with a seat.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::join())]
        pub fn join(origin: OriginFor<T>) -> DispatchResult {
            Self::do_join(ensure_signed(origin)?)
        }

        /// Gives the caller's seat back; his bond returns.
        ///
        /// - `origin`: Must be signed by a feeder.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            Self::do_leave(ensure_signed(origin)?)
        }

        /// Tells what a DBC costs. Costs nothing when it is accepted.
        ///
        /// - `origin`: Must be signed by a bonded feeder, once an interval.
        /// - `price`: Millionths of a dollar per DBC.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::feed())]
        pub fn feed(origin: OriginFor<T>, price: MicroUsd) -> DispatchResultWithPostInfo {
            Self::do_feed(ensure_signed(origin)?, price)?;
            Ok(Pays::No.into())
        }
    }
}
