#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod fleet;
mod impls {
    mod machines;
    mod providers;
    mod stake;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod machines;
    mod offers;
    mod providers;
    mod stake;
}
mod try_state;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::{BenchmarkHelper, bench_machine};
pub use fleet::{DollarPrice, Fleet, Occupied, Presence, Quote};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{
        Balance, DenseIndex, HardwareFacts, Location, MachineClass, MachineId, MachineStatus,
        NetworkFacts, Offer, Slot,
    };
    use frame_support::{pallet_prelude::*, traits::fungible::MutateHold};
    use frame_system::pallet_prelude::*;

    use super::{MachineOf, RelayList, WeightInfo};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The currency in which stake is held.
        type Currency: MutateHold<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;
        /// The slot of the block that is executed.
        type Clock: Get<Slot>;
        /// Stake held for each GPU, and once for a machine without any.
        type StakePerGpu: Get<Balance>;
        /// Slots between retiring a machine and the release of its stake (mechanisms rule 23).
        type RetirementDelay: Get<Slot>;
        /// Longest term that an offer may name, in slots.
        #[pallet::constant]
        type MaxTerm: Get<Slot>;
        /// What a dollar is, for offers in dollars.
        type Price: super::DollarPrice;
        /// Who follows machines' comings and goings.
        type Presence: super::Presence;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// What benchmarks need of the runtime beside its calls.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: super::BenchmarkHelper;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Stake of machines.
        Stake,
    }

    /// The account that runs a provider's machines.
    #[pallet::storage]
    pub type Operators<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

    /// The provider whose machines an account runs; the reverse of [`Operators`].
    #[pallet::storage]
    pub type ProviderOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

    /// The machines. Keys are chosen by providers, hence the hash.
    #[pallet::storage]
    pub type Machines<T: Config> = CountedStorageMap<_, Blake2_128Concat, MachineId, MachineOf<T>>;

    /// Who stands at a dense index.
    #[pallet::storage]
    pub type MachineAt<T: Config> = StorageMap<_, Twox64Concat, u32, MachineId>;

    /// The index that was never given out.
    #[pallet::storage]
    pub type NextIndex<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// Indexes that came back, with the generation they go out with next; a stack.
    #[pallet::storage]
    pub type FreeIndexes<T: Config> = StorageMap<_, Twox64Concat, u32, DenseIndex>;

    /// Height of the stack.
    #[pallet::storage]
    pub type FreeCount<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// Keys that count as verified when they register; only a development genesis sets any.
    #[pallet::storage]
    pub type VerifiedAtGenesis<T: Config> = StorageMap<_, Identity, MachineId, ()>;

    /// Relays that every client may use, kept by governance.
    #[pallet::storage]
    pub type Relays<T: Config> = StorageValue<_, RelayList, ValueQuery>;

    /// What a development network begins with.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Machine keys, 32 bytes each, that count as verified when they register.
        pub verified: alloc::vec::Vec<[u8; 32]>,
        /// URLs of the governed relays.
        pub relays: alloc::vec::Vec<alloc::string::String>,
        #[serde(skip)]
        /// Names the runtime.
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for key in &self.verified {
                VerifiedAtGenesis::<T>::insert(MachineId(*key), ());
            }
            let urls = self.relays.iter().map(|url| {
                url.as_bytes().to_vec().try_into().expect("a relay's url has at most 128 bytes")
            });
            let urls: alloc::vec::Vec<_> = urls.collect();
            Relays::<T>::put(RelayList::try_from(urls).expect("at most 16 relays"));
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A provider named the account that runs his machines.
        OperatorSet {
            /// The provider.
            provider: T::AccountId,
            /// The operator.
            operator: T::AccountId,
        },
        /// A machine was bonded.
        Registered {
            /// The machine.
            machine: MachineId,
            /// Its provider.
            provider: T::AccountId,
            /// Its place.
            index: DenseIndex,
            /// Stake held for it.
            stake: Balance,
        },
        /// A machine's status changed.
        StatusChanged {
            /// The machine.
            machine: MachineId,
            /// The new status.
            status: MachineStatus,
        },
        /// A machine can be reached in another way.
        NetworkChanged {
            /// The machine.
            machine: MachineId,
        },
        /// A machine has a new offer.
        OfferChanged {
            /// The machine.
            machine: MachineId,
            /// Version of the offer.
            version: u32,
            /// The offer.
            offer: Offer,
        },
        /// A machine left and its stake is free.
        Withdrawn {
            /// The machine.
            machine: MachineId,
            /// Stake that was released.
            stake: Balance,
        },
        /// Some of a machine's stake was taken.
        Slashed {
            /// The machine.
            machine: MachineId,
            /// Units.
            amount: Balance,
        },
        /// A machine's stake was made up for.
        ToppedUp {
            /// The machine.
            machine: MachineId,
            /// Units.
            amount: Balance,
        },
        /// Governance changed the list of relays.
        RelaysChanged,
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is neither a provider nor an operator of one; `set_operator` makes one.
        NotProvider,
        /// The account runs machines of another provider already; take a fresh one.
        OperatorTaken,
        /// The machine belongs to somebody else.
        NotYours,
        /// The machine is not registered.
        MachineNotFound,
        /// The machine's key is registered already; retire it first.
        MachineExists,
        /// The machine key did not sign the provider's account for this network.
        BadProof,
        /// A GPU class needs at least one GPU; the class without is `Cpu`.
        ClassNeedsGpu,
        /// A machine of class `Cpu` registers no GPU.
        ClassWithoutGpu,
        /// A processor core, some memory and some disk must be named.
        EmptyFacts,
        /// The offer mixes currencies, or its terms are empty, reversed or too long; thirty days at most in
        /// dollars.
        BadOffer,
        /// Nobody knows what a DBC costs now, so that no lease in dollars can start; offers in DBC go on.
        NoPrice,
        /// The machine needs an offer first.
        NoOffer,
        /// The machine's status does not allow this; see the diagram of the pallet.
        WrongStatus,
        /// Some of the machine's stake was taken, or more is asked for now; `top_up` first.
        StakeTooLow,
        /// Something about the machine is in dispute; its stake stays until that is over.
        InDispute,
        /// GPUs or the CPU profile are leased; wait for the leases to end.
        StillLeased,
        /// The retirement delay is not over.
        TooEarly,
        /// The offer's version is another by now; look at the new price.
        OfferChanged,
        /// A GPU position is out of range, doubled, out of order or leased.
        GpuUnavailable,
        /// The CPU profile is leased, or this machine leases GPUs only.
        CpuUnavailable,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Units held for each GPU of a machine that registers now, and once for one without any.
        pub fn stake_per_gpu() -> Balance {
            T::StakePerGpu::get()
        }

        /// Slots between retiring and the release of the stake.
        pub fn retirement_delay() -> Slot {
            T::RetirementDelay::get()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Names the account that runs the caller's machines; it replaces the one before.
        ///
        /// - `origin`: Must be signed by the provider.
        /// - `operator`: An account that runs no other provider's machines; the provider's own is fine.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::set_operator())]
        pub fn set_operator(origin: OriginFor<T>, operator: T::AccountId) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_set_operator(provider, operator)
        }

        /// Bonds a machine: holds stake per GPU from the provider and gives the machine its index.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine's key.
        /// - `proof`: Its ed25519 signature over `dbc_primitives::proof::register_message`.
        /// - `class`, `facts`, `location`, `network`: What it is, where, and how it is reached.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            machine: MachineId,
            proof: [u8; 64],
            class: MachineClass,
            facts: HardwareFacts,
            location: Location,
            network: NetworkFacts,
        ) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_register(provider, machine, proof, class, facts, location, network)
        }

        /// Says how the machine is reached from now on.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine.
        /// - `network`: The new facts.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_network())]
        pub fn set_network(
            origin: OriginFor<T>,
            machine: MachineId,
            network: NetworkFacts,
        ) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_set_network(provider, machine, network)
        }

        /// Sets what the machine can be leased for. Running leases keep their rate.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine.
        /// - `offer`: Price and terms.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_offer())]
        pub fn set_offer(origin: OriginFor<T>, machine: MachineId, offer: Offer) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_set_offer(provider, machine, offer)
        }

        /// Puts a verified machine up for rent.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine; it has an offer.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::list())]
        pub fn list(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_list(provider, machine)
        }

        /// Takes a machine off the market. Leases go on to their end.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::unlist())]
        pub fn unlist(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_unlist(provider, machine)
        }

        /// Begins a machine's way out.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine; nothing of it is leased.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::retire())]
        pub fn retire(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_retire(provider, machine)
        }

        /// Ends a machine's way out: stake returns, the record goes, the index is free for others.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: A machine that was retired `RetirementDelay` slots ago.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::withdraw_stake())]
        pub fn withdraw_stake(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_withdraw_stake(provider, machine)
        }

        /// Replaces the governed list of relays.
        ///
        /// - `origin`: Must be root.
        /// - `relays`: Their URLs.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::set_relays())]
        pub fn set_relays(origin: OriginFor<T>, relays: RelayList) -> DispatchResult {
            ensure_root(origin)?;
            Relays::<T>::put(relays);
            Self::deposit_event(Event::RelaysChanged);
            Ok(())
        }

        /// Holds what is missing of a machine's stake.
        ///
        /// - `origin`: Must be signed by the provider or its operator; the provider pays.
        /// - `machine`: A machine whose stake is below what is asked for now.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::top_up())]
        pub fn top_up(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_top_up(provider, machine)
        }
    }
}
