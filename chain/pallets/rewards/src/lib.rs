//! Rewards of machines that are proven and live, rented or not. One accumulator for all, one for each
//! provider with his fleet's bonus, a mark for each machine: every change and every claim costs the same,
//! whatever the number of machines (mechanisms rule 5). What a machine earns is **provisional** until its
//! next passed proof and lost when that fails (rule 1); then a quarter is free at once and the rest over 150
//! eras (rule 38). A bonus for rent never exceeds what that rent paid to the treasury (rule 2).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod impls {
    mod clock;
    mod points;
    mod share;
}
#[cfg(test)]
mod mock;
pub mod model;
pub mod schedule;
#[cfg(test)]
mod tests {
    mod eras;
    mod hand_over;
    mod model;
    mod points;
    mod release;
    mod shares;
    mod sweep;
    mod unknown;
}
mod try_state;
mod types;
pub mod weights;

pub use model::{CardKey, CardPoints, Facts, Model, RegionFactor, card_key};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

/// Number of a version of the points model; the first is 1.
pub type Version = u32;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{Balance, MachineId, Slot};
    use frame_support::{
        PalletId,
        pallet_prelude::*,
        traits::{
            ConstU32,
            fungible::{Inspect, Mutate},
        },
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{
        Era, Fleet, Global, Model, Pause, Rated, Release, Share, Stretch, Version, WeightInfo,
    };

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
        type DutyShare: Get<Permill>;
        /// Gets it.
        type DutyPot: Get<Self::AccountId>;
        /// Most of a machine's reward that rent can add (rule 2).
        type RentBonus: Get<Permill>;
        /// Most of what its rent paid to the treasury that it can get back so.
        type RentReturn: Get<Permill>;
        /// GPUs whose mean over seven eras doubles the emission once, for [`Config::GalaxyEras`].
        #[pallet::constant]
        type GalaxyGpus: Get<u32>;
        /// For how many eras.
        #[pallet::constant]
        type GalaxyEras: Get<Era>;
        /// What decides machines' points.
        type Machines: Rated<Self::AccountId>;
        /// The points model of the first era.
        type FirstModel: Get<Model>;
        /// Who sets another.
        type ModelOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Eras between a model's setting and its first, at least.
        #[pallet::constant]
        type ModelNotice: Get<Era>;
        /// Machines whose points one block brings to a new model.
        #[pallet::constant]
        type SweepPerBlock: Get<u32>;
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

    /// Slots of which was told since the beginning: the network's age, by which the schedule goes.
    #[pallet::storage]
    pub type Age<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// Unknown time of cohorts.
    #[pallet::storage]
    pub type Pauses<T: Config> = StorageMap<_, Twox64Concat, u32, Pause, ValueQuery>;

    /// Versions of the points model: the present one, the one before while machines still follow it, and the
    /// next.
    #[pallet::storage]
    pub type Models<T: Config> = StorageMap<_, Twox64Concat, Version, Model>;

    /// The version by which machines are rated.
    #[pallet::storage]
    pub type CurrentModel<T: Config> = StorageValue<_, Version, ValueQuery, ConstU32<1>>;

    /// The version that waits for its era.
    #[pallet::storage]
    pub type NextModel<T: Config> = StorageValue<_, (Version, Era)>;

    /// The index whose machine is brought to the present version next, while some are not.
    #[pallet::storage]
    pub type SweepAt<T: Config> = StorageValue<_, u32>;

    /// Puts the first model down.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Names the runtime.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let first = T::FirstModel::get();
            first.follows(&first).expect("the first points model keeps its own limits");
            Models::<T>::insert(1, first);
        }
    }

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
        /// A machine has another provider; what was earned so far waits for its next proof.
        HandedOver {
            /// The machine.
            machine: MachineId,
            /// Who had it.
            from: T::AccountId,
            /// Who has it.
            to: T::AccountId,
            /// Units that wait for who had it.
            kept: Balance,
        },
        /// A points model was set.
        ModelSet {
            /// Its version.
            version: Version,
            /// Its first era.
            era: Era,
        },
        /// Machines are brought to a points model, some in each block.
        ModelBegan {
            /// Its version.
            version: Version,
        },
        /// All of them follow it.
        ModelSwept {
            /// Its version.
            version: Version,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// Nothing is free to be claimed.
        NothingToClaim,
        /// The machine has no share.
        MachineNotFound,
        /// Another points model waits for its era, or machines are being brought to one.
        ModelWaits,
        /// The points model begins too early, or more than a year from now.
        ModelEra,
        /// Cards and regions of a points model rise by key, and each is there once.
        ModelOrder,
        /// A number of the points model is beyond its limits.
        ModelLimit,
        /// A number of the points model is more than twice or less than half of what it is now.
        ModelStep,
        /// A card of the present points model is missing.
        ModelMissing,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::sweep(meter);
        }

        fn integrity_test() {
            assert!(T::EraSlots::get() > 0, "eras pass");
            assert!(T::RentReturn::get() <= Permill::one(), "no bonus above what was paid");
            assert!(T::SweepPerBlock::get() > 0, "a sweep ends");
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

        /// What eras to come release to a provider, eras of one amount together.
        pub fn vesting(provider: T::AccountId) -> alloc::vec::Vec<Stretch> {
            Self::to_come(&provider)
        }

        /// The version of the points model, the next one with its era, and where the sweep stands.
        pub fn points_model() -> (Version, Option<(Version, Era)>, Option<u32>) {
            (CurrentModel::<T>::get(), NextModel::<T>::get(), SweepAt::<T>::get())
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

        /// Brings a machine's figures up to date, its points included: by the present model, and by how it
        /// was heard in the last thirty days.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `machine`: The machine.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::poke())]
        pub fn poke(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_poke(machine)
        }

        /// Sets the next points model. Machines are brought to it from its era on, some in each block; until
        /// its turn comes each keeps the points that it has.
        ///
        /// - `origin`: Must be whoever sets models.
        /// - `model`: Names every card that the present one names, each at most doubled or halved.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_model())]
        pub fn set_model(origin: OriginFor<T>, model: Model) -> DispatchResult {
            T::ModelOrigin::ensure_origin(origin)?;
            Self::do_set_model(model)
        }
    }
}
