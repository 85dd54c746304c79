#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod fleet;
mod impls {
    mod handover;
    mod hardware;
    mod machines;
    mod maintenance;
    mod providers;
    mod stake;
    mod tier;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod handover;
    mod hardware;
    mod machines;
    mod maintenance;
    mod model;
    mod offers;
    mod providers;
    mod search;
    mod stake;
    mod tier;
}
mod search;
mod state;
mod try_state;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::{BenchmarkHelper, bench_machine};
pub use fleet::{DollarPrice, Fleet, Occupied, Part, Presence, Quote};
pub use pallet::*;
pub use search::{FLEET_PAGE, Filter, PAGE, Page};
pub use state::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use dbc_primitives::{
        Balance, DenseIndex, HardwareFacts, Location, MachineClass, MachineId, MachineStatus,
        NetworkFacts, Offer, Slot,
    };
    use frame_support::{pallet_prelude::*, traits::fungible::MutateHold};
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    use super::{Filter, MachineOf, Page, RelayList, Tier, WeightInfo};

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
        type Presence: super::Presence<Self::AccountId>;
        /// How long machines were there.
        type Uptime: super::Uptime;
        /// Slots that an order has to start; a maintenance begins no sooner after its term.
        type StartWindow: Get<Slot>;
        /// Slots between the announcement of a maintenance and its begin while anything is leased.
        type MaintenanceNotice: Get<Slot>;
        /// Most slots of a maintenance.
        type MaintenanceMax: Get<Slot>;
        /// Slots between the end of a maintenance and the begin of the next.
        type MaintenanceSpacing: Get<Slot>;
        /// Slots without a blamed outage that the high-stability tier asks for.
        type TierUptime: Get<Slot>;
        /// Of the normal stake, what it asks for beside that.
        type TierStake: Get<Permill>;
        /// Slots between two changes of hardware that void a proof, and before the first.
        type ChangeSpacing: Get<Slot>;
        /// Who keeps the list of relays.
        type RelayOrigin: EnsureOrigin<Self::RuntimeOrigin>;
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

    /// By whom alone an account may be named operator, as it said itself; else by anybody, once.
    #[pallet::storage]
    pub type Serves<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

    /// The machines. Keys are chosen by providers, hence the hash.
    #[pallet::storage]
    pub type Machines<T: Config> = CountedStorageMap<_, Blake2_128Concat, MachineId, MachineOf<T>>;

    /// The machines of a provider.
    #[pallet::storage]
    pub type ByProvider<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, MachineId, ()>;

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
        /// A machine may be away for a while.
        MaintenanceAnnounced {
            /// The machine.
            machine: MachineId,
            /// First slot.
            from: Slot,
            /// First slot after it.
            until: Slot,
        },
        /// A maintenance does not come, or is over sooner.
        MaintenanceCancelled {
            /// The machine.
            machine: MachineId,
        },
        /// A machine is in another tier.
        TierChanged {
            /// The machine.
            machine: MachineId,
            /// The tier.
            tier: Tier,
            /// Units that are pledged for it.
            extra: Balance,
        },
        /// A machine has other hardware, another class, or stands elsewhere.
        HardwareChanged {
            /// The machine.
            machine: MachineId,
            /// Its status: `Registered` when it has to prove the new hardware.
            status: MachineStatus,
            /// Stake held for it now.
            stake: Balance,
        },
        /// Stake beyond what is asked for returned to its provider.
        StakeReleased {
            /// The machine.
            machine: MachineId,
            /// Units.
            amount: Balance,
        },
        /// A provider offered a machine to another.
        HandoverOffered {
            /// The machine.
            machine: MachineId,
            /// The other.
            to: T::AccountId,
        },
        /// A machine is offered to nobody any more.
        HandoverWithdrawn {
            /// The machine.
            machine: MachineId,
        },
        /// A machine has another provider.
        HandedOver {
            /// The machine.
            machine: MachineId,
            /// The provider until now; his stake is free.
            from: T::AccountId,
            /// The provider from now on.
            to: T::AccountId,
            /// Stake held from the new one.
            stake: Balance,
        },
        /// An account said whose machines it runs; whoever else had named it names nobody now.
        Serving {
            /// The account.
            operator: T::AccountId,
            /// Its provider.
            provider: T::AccountId,
        },
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
        /// The offer mixes currencies, or its terms are empty, reversed or too long.
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
        /// The hardware is less than its class needs; `dbc_primitives::classes` has the table.
        BelowClass,
        /// A maintenance lies in the future, is not empty, no longer than a day and not too far ahead.
        BadMaintenance,
        /// A maintenance is announced already; cancel it first.
        MaintenanceOpen,
        /// The last maintenance was too short a time ago.
        MaintenanceTooSoon,
        /// Something of the machine is leased: its renters hear of a maintenance a day before.
        NoticeTooShort,
        /// No maintenance is announced, or it is over.
        NoMaintenance,
        /// The machine is in maintenance, or will be before the shortest term is over; wait for its end.
        InMaintenance,
        /// An audit of the machine is booked or under way; wait for its end.
        UnderAudit,
        /// The machine is in the high-stability tier already.
        InTier,
        /// The machine is not in the high-stability tier, and nothing is pledged for it.
        NotInTier,
        /// The machine was not there for long enough without an interruption.
        NotSteady,
        /// Hardware that voids a proof was changed too short a time ago.
        ChangedLately,
        /// No more is on hold than is asked for.
        NothingToRelease,
        /// The machine is not offered to this account, or to nobody.
        NoHandover,
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

        /// The machine at a dense index, with its record.
        pub fn machine_at(index: u32) -> Option<(MachineId, MachineOf<T>)> {
            Self::record_at(index)
        }

        /// The cards of a machine that nobody leases, one bit each by their position.
        pub fn free_gpus(machine: MachineId) -> Option<u16> {
            Machines::<T>::get(machine).map(|record| record.free_gpus())
        }

        /// Listed machines that fit, among the 256 indexes from `from` on.
        pub fn search(from: u32, filter: Filter) -> Page {
            Self::page(from, &filter)
        }

        /// Machines of a provider, in no order; the next page after the last machine of the one before. As many as
        /// `limit`, 100 at most.
        pub fn machines_of(
            provider: T::AccountId,
            after: Option<MachineId>,
            limit: u32,
        ) -> Vec<MachineId> {
            Self::page_of(&provider, after, limit)
        }

        /// Units that a machine needs on hold now to be listed, and units beyond what stays on hold.
        pub fn stake_of(machine: MachineId) -> Option<(Balance, Balance)> {
            let record = Machines::<T>::get(machine)?;
            let surplus = record.stake.saturating_sub(Self::kept(&record));
            Some((Self::required(&record), surplus))
        }

        /// Whether a machine can join the high-stability tier now by its presence, and the slot since which it is
        /// there without an interruption.
        pub fn steady_since(machine: MachineId) -> Option<(bool, Slot)> {
            Self::steadiness(machine)
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
        /// - `origin`: Must be [`Config::RelayOrigin`].
        /// - `relays`: Their URLs.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::set_relays())]
        pub fn set_relays(origin: OriginFor<T>, relays: RelayList) -> DispatchResult {
            T::RelayOrigin::ensure_origin(origin)?;
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

        /// Says that a machine may be away for a while. It takes no orders that reach into that time, and
        /// silence that begins in it is not blamed until the time is over; the meters of its leases stop all
        /// the same.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: The machine; while anything of it is leased, with `MaintenanceNotice` slots of notice.
        /// - `from`, `until`: The first slot, and the first after it: at most `MaintenanceMax` apart, and
        ///   `MaintenanceSpacing` after the last maintenance.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::announce_maintenance())]
        pub fn announce_maintenance(
            origin: OriginFor<T>,
            machine: MachineId,
            from: Slot,
            until: Slot,
        ) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_announce_maintenance(provider, machine, from, until)
        }

        /// Takes the announcement of a maintenance back, or ends the maintenance now.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: A machine whose maintenance is not over.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::cancel_maintenance())]
        pub fn cancel_maintenance(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_cancel_maintenance(provider, machine)
        }

        /// Takes a machine into the high-stability tier: holds what the tier asks for beside the stake.
        ///
        /// - `origin`: Must be signed by the provider or its operator; the provider pays.
        /// - `machine`: A verified machine that was there for `TierUptime` slots without a blamed outage.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::join_tier())]
        pub fn join_tier(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_join_tier(provider, machine)
        }

        /// Takes a machine out of the high-stability tier: what was pledged for it returns.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: A machine in the tier, or that lost it, with nothing in dispute.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::leave_tier())]
        pub fn leave_tier(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_leave_tier(provider, machine)
        }

        /// Says what a machine is and where it stands from now on. Other cards, another processor or other
        /// memory void its proof; its stake follows the number of cards.
        ///
        /// - `origin`: Must be signed by the provider or its operator; the provider pays.
        /// - `machine`: The machine; nothing of it is leased, and no audit of it is open.
        /// - `class`, `facts`, `location`: As in `register`.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::change_hardware())]
        pub fn change_hardware(
            origin: OriginFor<T>,
            machine: MachineId,
            class: MachineClass,
            facts: HardwareFacts,
            location: Location,
        ) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_change_hardware(provider, machine, class, facts, location)
        }

        /// Gives back what is on hold for a machine beyond what is asked for now.
        ///
        /// - `origin`: Must be signed by the provider or its operator.
        /// - `machine`: A machine with nothing in dispute that does not retire.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::release_stake())]
        pub fn release_stake(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            let provider = Self::provider_for(ensure_signed(origin)?)?;
            Self::do_release_stake(provider, machine)
        }

        /// Offers a machine to another provider; another offer replaces this one.
        ///
        /// - `origin`: Must be signed by the provider itself, not its operator.
        /// - `machine`: The machine.
        /// - `to`: Who may accept it.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::offer_handover())]
        pub fn offer_handover(
            origin: OriginFor<T>,
            machine: MachineId,
            to: T::AccountId,
        ) -> DispatchResult {
            Self::do_offer_handover(ensure_signed(origin)?, machine, to)
        }

        /// Takes a machine over while it is online: the caller's stake is held, its provider's is free, its
        /// leases go on.
        ///
        /// - `origin`: Must be signed by the provider whom it is offered to, not its operator.
        /// - `machine`: A machine with nothing in dispute and no audit open.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::accept_handover())]
        pub fn accept_handover(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            Self::do_accept_handover(ensure_signed(origin)?, machine)
        }

        /// Offers a machine to nobody any more.
        ///
        /// - `origin`: Must be signed by the provider itself, not its operator.
        /// - `machine`: A machine that is offered to somebody.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::withdraw_handover())]
        pub fn withdraw_handover(origin: OriginFor<T>, machine: MachineId) -> DispatchResult {
            Self::do_withdraw_handover(ensure_signed(origin)?, machine)
        }

        /// Says whose machines the caller runs: nobody else names it operator from now on, and whoever has done
        /// so unasked names nobody any more.
        ///
        /// - `origin`: Must be signed by the operator.
        /// - `provider`: Whose.
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::set_operator())]
        pub fn serve(origin: OriginFor<T>, provider: T::AccountId) -> DispatchResult {
            Self::do_serve(ensure_signed(origin)?, provider);
            Ok(())
        }
    }
}
