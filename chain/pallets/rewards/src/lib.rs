//! Rewards of machines that are proven and live, rented or not. One accumulator for all, one for each
//! provider with his fleet's bonus, a mark for each machine: every change and every claim costs the same,
//! whatever the number of machines (mechanisms rule 5). What a machine earns is **provisional** until its
//! next passed proof and lost when that fails (rule 1); then a quarter is free at once and the rest over 150
//! eras (rule 38). A bonus for rent never exceeds what that rent paid to the treasury (rule 2).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod impls {
    mod clock;
    mod share;
}
#[cfg(test)]
mod mock;
pub mod schedule;
#[cfg(test)]
mod tests {
    mod eras;
    mod model;
    mod release;
    mod shares;
}
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, MachineId, Slot};
    use frame_support::{
        PalletId,
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate},
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{Era, Fleet, Global, Release, Share, WeightInfo};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The currency that is emitted.
        type Currency: Inspect<Self::AccountId, Balance = Balance> + Mutate<Self::AccountId>;
        /// The slot of the block that is executed.
        type Clock: Get<Slot>;
        /// Gets what is forfeited; gives the bonus for rent.
        type Treasury: Get<Self::AccountId>;
        /// Names the pot: what was emitted and not paid.
        #[pallet::constant]
        type PotId: Get<PalletId>;
        /// Slots of an era.
        #[pallet::constant]
        type EraSlots: Get<Slot>;
        /// Of the emission, to whoever does duties.
        #[pallet::constant]
        type DutyShare: Get<Permill>;
        /// Gets it.
        type DutyPot: Get<Self::AccountId>;
        /// Most of a machine's reward that rent can add (rule 2).
        #[pallet::constant]
        type RentBonus: Get<Permill>;
        /// Most of what its rent paid to the treasury that it can get back so.
        #[pallet::constant]
        type RentReturn: Get<Permill>;
        /// GPUs whose mean over seven eras doubles the emission once, for [`Config::GalaxyEras`].
        #[pallet::constant]
        type GalaxyGpus: Get<u32>;
        /// For how many eras.
        #[pallet::constant]
        type GalaxyEras: Get<Era>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// All points together.
    #[pallet::storage]
    pub type All<T: Config> = StorageValue<_, Global, ValueQuery>;

    /// The providers.
    #[pallet::storage]
    pub type Fleets<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Fleet, ValueQuery>;

    /// The machines.
    #[pallet::storage]
    pub type Shares<T: Config> = StorageMap<_, Blake2_128Concat, MachineId, Share<T::AccountId>>;

    /// What providers get in the eras to come; stays when their machines leave.
    #[pallet::storage]
    pub type Releases<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Release>;

    /// The first era; the schedule counts from it.
    #[pallet::storage]
    pub type FirstEra<T: Config> = StorageValue<_, Era>;

    /// The slot up to which was emitted.
    #[pallet::storage]
    pub type EmittedTo<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// Proven GPUs at the ends of the last seven eras, a ring.
    #[pallet::storage]
    pub type GpuHistory<T: Config> = StorageValue<_, [u32; 7], ValueQuery>;

    /// The era in which the emission was doubled; it happens once.
    #[pallet::storage]
    pub type Galaxy<T: Config> = StorageValue<_, Era>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A machine passed a proof; what it had earned is its provider's.
        Earned {
            /// The machine.
            machine: MachineId,
            /// The provider.
            provider: T::AccountId,
            /// Units.
            amount: Balance,
        },
        /// A machine lost what it had earned since its last proof.
        Lost {
            /// The machine.
            machine: MachineId,
            /// Units.
            amount: Balance,
        },
        /// A provider lost what was not released yet.
        Forfeited {
            /// The provider.
            provider: T::AccountId,
            /// Units.
            amount: Balance,
        },
        /// A provider was paid.
        Claimed {
            /// The provider.
            provider: T::AccountId,
            /// Units.
            amount: Balance,
        },
        /// So many GPUs are proven that the emission is doubled.
        GalaxyReached {
            /// In which era.
            era: Era,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// Nothing is free to be claimed.
        NothingToClaim,
        /// The machine has no share.
        MachineNotFound,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::tick();
            T::WeightInfo::tick()
        }

        fn integrity_test() {
            assert!(T::EraSlots::get() > 0, "eras pass");
            assert!(T::RentReturn::get() <= Permill::one(), "no bonus above what was paid");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// What a provider can claim now, and what eras to come release: units.
        pub fn owed(provider: T::AccountId) -> (Balance, Balance) {
            Self::released(&provider)
        }

        /// Points of a machine, whether it earns now, and what it earned since its last proof, without the
        /// bonus for rent since it was settled last: units.
        pub fn earned(machine: MachineId) -> Option<(u64, bool, Balance)> {
            Self::standing(machine)
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays a provider what is free.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `provider`: Who is paid.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim(origin: OriginFor<T>, provider: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_claim(provider)
        }

        /// Brings a machine's figures up to date; changes nobody's money.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `machine`: The machine.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::poke())]
        pub fn poke(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            ensure_signed(origin)?;
            ensure!(Shares::<T>::contains_key(machine), Error::<T>::MachineNotFound);
            Self::settle(machine);
            Ok(())
        }
    }
}
