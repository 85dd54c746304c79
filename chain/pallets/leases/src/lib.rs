#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls {
    mod access;
    mod close;
    mod create;
    mod expiry;
    mod settle;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod access;
    mod create;
    mod depth;
    mod end;
    mod expiry;
    mod meter;
    mod model;
    mod settle;
}
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use dbc_primitives::Slot;

/// How long machines were there (mechanisms rule 5): meters run while they are, and nothing is paid past
/// the horizon.
pub trait Meter {
    /// First slot of which it is not known yet who was there; never falls.
    fn horizon() -> Slot;

    /// Slots before `slot` in which the machine at a dense index was there; only differences mean
    /// anything. Past the horizon it counts as there, before it as far back as the horizon's own lag is
    /// known; rises with `slot`, and by no more than `slot` does.
    fn live_by(index: u32, slot: Slot) -> Slot;

    /// Whether it was there when it was last known.
    fn is_live(index: u32) -> bool;
}

#[frame_support::pallet]
pub mod pallet {
    use dbc_primitives::{AccessKey, Balance, CloseReason, LeaseId, MachineId, Order, Slot};
    use frame_support::{
        pallet_prelude::*,
        traits::{ConstU64, fungible::MutateHold},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use pallet_machines::Fleet;
    use sp_runtime::Permill;

    use super::{LeaseOf, Meter, WeightInfo};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The currency in which deposits are held and rent is paid.
        type Currency: MutateHold<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;
        /// The machines.
        type Fleet: Fleet<Self::AccountId>;
        /// The slot of the block that is executed.
        type Clock: Get<Slot>;
        /// How long machines were there.
        type Meter: Meter;
        /// Gets the protocol fee, and payouts that nobody else can be given.
        type Treasury: Get<Self::AccountId>;
        /// Part of the rent that goes to the treasury (mechanisms rule 2).
        type ProtocolFee: Get<Permill>;
        /// Slots within which the machine must start a lease.
        type StartWindow: Get<Slot>;
        /// Slots that are charged at least once a lease has started and its renter ends it.
        type MinimumCharge: Get<Slot>;
        /// Slots after a close at which the open tail is looked at: when the horizon has passed it.
        #[pallet::constant]
        type TailWait: Get<Slot>;
        /// Slots for which data is kept after the close.
        type Retention: Get<Slot>;
        /// Entries of the expiry queue that one block handles at most.
        #[pallet::constant]
        type ExpiriesPerBlock: Get<u32>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Deposits of leases.
        Deposit,
    }

    /// The leases. Ids are dense, hence the cheap hash.
    #[pallet::storage]
    pub type Leases<T: Config> = StorageMap<_, Twox64Concat, LeaseId, LeaseOf<T>>;

    /// The id of the next lease; the first is 1.
    #[pallet::storage]
    pub type NextLease<T: Config> = StorageValue<_, LeaseId, ValueQuery, ConstU64<1>>;

    /// Leases of a machine whose records are still there, for its agent.
    #[pallet::storage]
    pub type ByMachine<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, MachineId, Twox64Concat, LeaseId, ()>;

    /// Leases of a renter by his own tags: an order sent twice is one lease.
    #[pallet::storage]
    pub type Tags<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u64, LeaseId>;

    /// What is due when: deadlines to start, ends of terms, ends of retention.
    #[pallet::storage]
    pub type Expiry<T: Config> = StorageDoubleMap<_, Twox64Concat, Slot, Twox64Concat, LeaseId, ()>;

    /// First slot whose entries may not all be handled.
    #[pallet::storage]
    pub type ExpiryCursor<T: Config> = StorageValue<_, Slot, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A lease was ordered and paid for.
        Created {
            /// The lease.
            lease: LeaseId,
            /// Who pays.
            renter: T::AccountId,
            /// On which machine.
            machine: MachineId,
            /// Units per slot.
            rate: Balance,
            /// Units on hold.
            deposit: Balance,
            /// Slot by which the machine must start it.
            start_by: Slot,
        },
        /// The meter runs.
        Started {
            /// The lease.
            lease: LeaseId,
            /// Slot after which it is over.
            ends_at: Slot,
        },
        /// Rent was paid.
        Settled {
            /// The lease.
            lease: LeaseId,
            /// To the provider.
            provider_amount: Balance,
            /// To the treasury.
            fee: Balance,
            /// Slot up to which it is settled.
            settled_to: Slot,
        },
        /// The term is longer now.
        Extended {
            /// The lease.
            lease: LeaseId,
            /// New end.
            ends_at: Slot,
            /// Units put on hold for it.
            added: Balance,
        },
        /// A lease is over.
        Closed {
            /// The lease.
            lease: LeaseId,
            /// Why.
            reason: CloseReason,
            /// Units paid to the provider over its life.
            paid: Balance,
            /// Units paid to the treasury over its life.
            fees: Balance,
            /// Units that returned.
            refund: Balance,
            /// Units still on hold, until the horizon has passed the close.
            open: Balance,
            /// Slot until which data is kept.
            retain_until: Slot,
        },
        /// The last minutes of a closed lease were settled: nothing of it is on hold any more.
        TailSettled {
            /// The lease.
            lease: LeaseId,
            /// Units that returned.
            refund: Balance,
        },
        /// Grants of the lease made before this epoch are void.
        AccessChanged {
            /// The lease.
            lease: LeaseId,
            /// Root of its grants.
            access_key: AccessKey,
            /// The epoch from now on.
            grant_epoch: u32,
        },
        /// The record of a closed lease was removed.
        Removed {
            /// The lease.
            lease: LeaseId,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such lease.
        LeaseNotFound,
        /// The lease belongs to somebody else.
        NotRenter,
        /// The machine of the lease belongs to somebody else.
        NotProvider,
        /// The lease is over, or its term is.
        LeaseOver,
        /// The lease has started already.
        AlreadyStarted,
        /// The lease has not started.
        NotStarted,
        /// The renter used this tag before; the order was taken already.
        TagUsed,
        /// The rate is above the renter's maximum.
        RateTooHigh,
        /// The rate of the offer is another than that of the running lease; end it and order again.
        RateChanged,
        /// The term is shorter or longer than the offer allows.
        BadTerm,
        /// The order would cost more than the renter's cap.
        AboveCap,
        /// The machine is silent: nobody knows whether it is there.
        MachineSilent,
        /// A number left its range.
        Overflow,
        /// The lease is not due yet.
        NotDue,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::drain_expiries(meter);
        }

        fn integrity_test() {
            assert!(T::ExpiriesPerBlock::get() > 0, "the expiry queue would never move");
            assert!(T::StartWindow::get() > 0, "no lease could start");
            let waits = T::TailWait::get() > 0 && T::Retention::get() > T::TailWait::get();
            assert!(waits, "the queue would have passed what is put into it");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    /// What programs ask instead of computing it themselves.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Slots within which a machine must start a lease that is ordered now.
        pub fn start_window() -> Slot {
            T::StartWindow::get()
        }

        /// Slots that are charged at least once a lease has started and its renter ends it.
        pub fn minimum_charge() -> Slot {
            T::MinimumCharge::get()
        }

        /// Part of the rent that goes to the treasury.
        pub fn protocol_fee() -> Permill {
            T::ProtocolFee::get()
        }

        /// First slot that is not settled yet: nothing is paid past it.
        pub fn horizon() -> Slot {
            T::Meter::horizon()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Orders a lease and holds its whole price.
        ///
        /// - `origin`: Must be signed by the renter; a multisig or proxied account is fine.
        /// - `order`: What, for how long, at which price at most.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create())]
        pub fn create(origin: OriginFor<T>, order: Order<T::AccountId>) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_create(renter, order)
        }

        /// Says that the workload runs: the meter starts.
        ///
        /// - `origin`: Must be signed by the machine's provider or operator, within the start window.
        /// - `lease`: A pending lease.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::started())]
        pub fn started(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_started(who, lease)
        }

        /// Pays the rent that is due; closes the lease if its time is over.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `lease`: The lease.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::settle())]
        pub fn settle(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_settle(lease)
        }

        /// Makes the term longer and holds the price of it.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A running lease on a listed machine.
        /// - `slots`: How much longer.
        /// - `offer_version`: Version of the offer that the renter saw.
        /// - `max_rate`: Highest rate that he agrees to.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::extend())]
        pub fn extend(
            origin: OriginFor<T>,
            lease: LeaseId,
            slots: Slot,
            offer_version: u32,
            max_rate: Balance,
        ) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_extend(renter, lease, slots, offer_version, max_rate)
        }

        /// Ends a lease now; what is not used returns.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A lease that is not over.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::end())]
        pub fn end(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_end(renter, lease)
        }

        /// Gives a lease up from the provider's side; what is not used returns.
        ///
        /// - `origin`: Must be signed by the machine's provider or operator.
        /// - `lease`: A lease that is not over.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::end())]
        pub fn terminate(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_terminate(who, lease)
        }

        /// Replaces the key in which grants are rooted; all grants made before are void.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A lease that is not over.
        /// - `access_key`: The new ed25519 key.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::set_access())]
        pub fn set_access(
            origin: OriginFor<T>,
            lease: LeaseId,
            access_key: AccessKey,
        ) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_set_access(renter, lease, Some(access_key))
        }

        /// Voids all grants made so far.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A lease that is not over.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::set_access())]
        pub fn revoke_grants(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_set_access(renter, lease, None)
        }

        /// Does by hand what the expiry queue does: closes a lease whose time is over, removes a
        /// record whose retention is.
        ///
        /// - `origin`: Must be signed by anybody.
        /// - `lease`: A lease that is due.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::end())]
        pub fn close_expired(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_close_expired(lease)
        }
    }
}
