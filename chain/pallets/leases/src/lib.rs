#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod errors;
mod events;
mod impls {
    mod access;
    mod burn;
    mod close;
    mod create;
    mod dispute;
    mod down;
    mod expiry;
    mod fail_over;
    mod legs;
    pub mod platforms;
    mod pledge;
    mod settle;
    mod suspend;
    mod took;
    mod views;
    mod vouchers;
}
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests {
    mod access;
    mod burn;
    mod create;
    mod depth;
    mod discounts;
    mod dispute;
    mod down;
    mod end;
    mod expiry;
    mod fail_over;
    mod legs;
    mod meter;
    mod model;
    mod platforms;
    mod running;
    mod settle;
    mod suspend;
    mod views;
    mod vouchers;
    mod whole;
}
mod try_state;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use impls::platforms::PLATFORM_FEE_MAX;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use dbc_primitives::Slot;
use frame_support::pallet_macros::import_section;

/// How long machines were there (mechanisms rule 5): meters run while they are, and nothing is paid past
/// the horizon.
pub trait Meter {
    /// First slot of which it is not known yet who was there; never falls.
    fn horizon() -> Slot;

    /// Slots before `slot` in which the machine at a dense index was there; only differences mean
    /// anything. Past the horizon it counts as there, before it as far back as the horizon's own lag is
    /// known; rises with `slot`, and by no more than `slot` does.
    fn live_by(index: u32, slot: Slot) -> Slot;

    /// Slots before `slot` in which it was silent and its provider is to blame, as far as it is known; only
    /// differences mean anything.
    fn blamed_by(index: u32, slot: Slot) -> Slot;

    /// Whether it was there when it was last known.
    fn is_live(index: u32) -> bool;

    /// Since when it is silent, if it is.
    fn silent_since(index: u32) -> Option<Slot>;
}

#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use dbc_primitives::{
        AccessKey, Balance, CloseReason, LeaseId, MachineClass, MachineId, Order, Slot,
        discount::{BurnTable, Tiers},
        lease::GpuSlots,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{ConstU32, ConstU64, fungible::MutateHold},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use pallet_machines::{DollarPrice, Fleet};
    use sp_runtime::Permill;

    use super::{EndView, LeaseOf, Meter, Platform, Pledge, QuoteView, Voucher, WeightInfo};

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
        /// Part of the rent that goes to the treasury while nothing is burned (mechanisms rule 2).
        type ProtocolFee: Get<Permill>;
        /// What is burned of the rent, by steps (mechanisms rule 24).
        type BurnTable: Get<BurnTable>;
        /// Who may take the next step.
        type BurnOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// GPUs that are proven and there, in the mean of seven days.
        type ProvenGpus: Get<u32>;
        /// What long terms save (mechanisms rule 6).
        type Tiers: Get<Tiers>;
        /// Part of its time for which a machine may be away before its provider is to blame.
        type MaxDowntime: Get<Permill>;
        /// Slots that are forgiven in any case (mechanisms rule 11).
        type ForgivenDowntime: Get<Slot>;
        /// What a dollar is, when a leg begins.
        type Price: DollarPrice;
        /// Slots for which a report holds time back at the longest.
        type DisputeMax: Get<Slot>;
        /// Slots of silence after which another machine may take over (mechanisms rule 15).
        type FailOverAfter: Get<Slot>;
        /// Held from whoever registers a platform.
        type PlatformDeposit: Get<Balance>;
        /// Least budget of a voucher.
        #[pallet::constant]
        type VoucherMin: Get<Balance>;
        /// What a renter pledges (requirement D2).
        type PledgeAmount: Get<Balance>;
        /// Paid to a provider out of a pledge for each day that he keeps data.
        type StoragePrice: Get<Balance>;
        /// Slots within which the machine must start a lease.
        type StartWindow: Get<Slot>;
        /// Slots that are charged at least once a lease has started and its renter ends it.
        type MinimumCharge: Get<Slot>;
        /// Slots after a close at which the open tail is looked at: when the horizon has passed it.
        #[pallet::constant]
        type TailWait: Get<Slot>;
        /// Slots for which data is kept after the close by a pledge.
        type Retention: Get<Slot>;
        /// And without one (mechanisms rule 25).
        type BareRetention: Get<Slot>;
        /// Entries of the expiry queue that one block handles at most.
        #[pallet::constant]
        type ExpiriesPerBlock: Get<u32>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// What benchmarks need of the runtime beside its calls.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: super::BenchmarkHelper;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Deposits of leases.
        Deposit,
        /// What keeps suspended leases and the data of closed ones.
        Pledge,
        /// Deposits of platforms.
        Platform,
        /// Budgets of vouchers.
        Voucher,
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

    /// Of these, the leases that run: no more than the machine has cards and CPU shares.
    #[pallet::storage]
    pub type Running<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, MachineId, Twox64Concat, LeaseId, ()>;

    /// Leases of a renter by his own tags: an order sent twice is one lease.
    #[pallet::storage]
    pub type Tags<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, u64, LeaseId>;

    /// What renters pledged.
    #[pallet::storage]
    pub type Pledges<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Pledge>;

    /// The platforms.
    #[pallet::storage]
    pub type Platforms<T: Config> = StorageMap<_, Twox64Concat, u32, Platform<T::AccountId>>;

    /// The number of the next platform; the first is 1.
    #[pallet::storage]
    pub type NextPlatform<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<1>>;

    /// The vouchers that still have money.
    #[pallet::storage]
    pub type Vouchers<T: Config> = StorageMap<_, Twox64Concat, u32, Voucher<T::AccountId>>;

    /// The number of the next voucher; the first is 1.
    #[pallet::storage]
    pub type NextVoucher<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<1>>;

    /// Steps of burning that governance has taken; never falls.
    #[pallet::storage]
    pub type BurnStep<T: Config> = StorageValue<_, u8, ValueQuery>;

    /// What is due when: deadlines to start, ends of legs and terms, ends of retention.
    #[pallet::storage]
    pub type Expiry<T: Config> = StorageDoubleMap<_, Twox64Concat, Slot, Twox64Concat, LeaseId, ()>;

    /// First slot whose entries may not all be handled.
    #[pallet::storage]
    pub type ExpiryCursor<T: Config> = StorageValue<_, Slot, ValueQuery>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::drain_expiries(meter);
        }

        fn integrity_test() {
            assert!(T::ExpiriesPerBlock::get() > 0, "the expiry queue would never move");
            assert!(T::StartWindow::get() > 0, "no lease could start");
            assert!(T::TailWait::get() > 0, "the queue would have passed what is put into it");
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

        /// What an order would cost now; `None` when it would be refused. GPUs, or CPU shares.
        pub fn quote(
            machine: MachineId,
            gpus: GpuSlots,
            cpu_shares: u16,
            term: Slot,
            platform: Option<u32>,
        ) -> Option<QuoteView> {
            Self::quote_of(machine, &gpus, cpu_shares, term, platform)
        }

        /// What an open lease would cost if its renter ended it now.
        pub fn if_ended(lease: LeaseId) -> Option<EndView> {
            Self::if_ended_now(lease)
        }

        /// A renter's orders that the chain still knows, by his tags, in no order; the next page after the
        /// last tag of the one before. 64 at most.
        pub fn tags(renter: T::AccountId, after: Option<u64>) -> Vec<(u64, LeaseId)> {
            Self::tags_page(&renter, after)
        }

        /// Units that a renter pledges.
        pub fn pledge_amount() -> Balance {
            T::PledgeAmount::get()
        }

        /// Units held from whoever registers a platform.
        pub fn platform_deposit() -> Balance {
            T::PlatformDeposit::get()
        }

        /// Slots of silence after which another machine may take over.
        pub fn fail_over_after() -> Slot {
            T::FailOverAfter::get()
        }

        /// What long terms save now.
        pub fn discounts() -> Tiers {
            T::Tiers::get()
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
        pub fn create(
            origin: OriginFor<T>,
            order: Order<T::AccountId>,
        ) -> DispatchResultWithPostInfo {
            let renter = ensure_signed(origin)?;
            let took = Self::do_create(renter, order)?;
            Ok(Some(took).into())
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
        pub fn settle(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let took = Self::do_settle(lease)?;
            Ok(Some(took).into())
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
        pub fn end(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            let renter = ensure_signed(origin)?;
            let took = Self::do_end(renter, lease)?;
            Ok(Some(took).into())
        }

        /// Gives a lease up from the provider's side; what is not used returns.
        ///
        /// - `origin`: Must be signed by the machine's provider or operator.
        /// - `lease`: A lease that is not over.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::end())]
        pub fn terminate(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let took = Self::do_terminate(who, lease)?;
            Ok(Some(took).into())
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
        pub fn close_expired(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let took = Self::do_close_expired(lease)?;
            Ok(Some(took).into())
        }

        /// Gives the cards of a lease up, for good, and keeps its data in a CPU share: free under a pledge,
        /// else at the machine's CPU price. The end stays where it is.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A running lease of cards.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::suspend())]
        pub fn suspend(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_suspend(renter, lease)
        }

        /// Takes free cards of the same number and models for a suspended lease, at their price of now.
        ///
        /// - `origin`: Must be signed by the renter.
        /// - `lease`: A suspended lease.
        /// - `gpus`: Which cards.
        /// - `offer_version`: Version of the offer that the renter saw.
        /// - `max_rate`: Highest rate that he agrees to.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::resume())]
        pub fn resume(
            origin: OriginFor<T>,
            lease: LeaseId,
            gpus: GpuSlots,
            offer_version: u32,
            max_rate: Balance,
        ) -> DispatchResult {
            let renter = ensure_signed(origin)?;
            Self::do_resume(renter, lease, gpus, offer_version, max_rate)
        }

        /// Lets the standby of a lease take it over, once its machine is silent for long.
        ///
        /// - `origin`: Must be signed by the renter, by the account that the access key is, or by the
        ///   standby's provider or operator.
        /// - `lease`: A running lease with a standby.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::fail_over())]
        pub fn fail_over(origin: OriginFor<T>, lease: LeaseId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_fail_over(who, lease)
        }

        /// Sets money aside, or makes up for what was spent of it: suspended leases are free then, and the
        /// data of closed ones is kept for a week.
        ///
        /// - `origin`: Must be signed by the renter.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::pledge())]
        pub fn pledge(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_pledge(who)
        }

        /// Takes a pledge back that nothing relies on.
        ///
        /// - `origin`: Must be signed by whoever pledged.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::pledge())]
        pub fn release_pledge(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_release_pledge(who)
        }

        /// Registers a cloud platform and holds its deposit.
        ///
        /// - `origin`: Must be signed by its owner.
        /// - `fee`: On top of providers' prices: millionths.
        /// - `beneficiary`: Who gets it.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::platform())]
        pub fn register_platform(
            origin: OriginFor<T>,
            fee: u32,
            beneficiary: T::AccountId,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_register_platform(owner, fee, beneficiary)
        }

        /// Changes what a platform takes and for whom, in legs that begin from now on.
        ///
        /// - `origin`: Must be signed by its owner.
        /// - `platform`: The platform.
        /// - `fee`: On top of providers' prices: millionths.
        /// - `beneficiary`: Who gets it.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::platform())]
        pub fn set_platform(
            origin: OriginFor<T>,
            platform: u32,
            fee: u32,
            beneficiary: T::AccountId,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_set_platform(owner, platform, fee, beneficiary)
        }

        /// Closes a platform and frees its deposit; what it sold goes on, with its fee until the leg ends.
        ///
        /// - `origin`: Must be signed by its owner.
        /// - `platform`: The platform.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::platform())]
        pub fn close_platform(origin: OriginFor<T>, platform: u32) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_close_platform(owner, platform)
        }

        /// Sets money aside that pays somebody's leases.
        ///
        /// - `origin`: Must be signed by the issuer.
        /// - `holder`: Who may order with it.
        /// - `budget`: Units.
        /// - `class`: Only machines of this class.
        /// - `expires`: First slot in which it pays nothing more.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::voucher())]
        pub fn issue_voucher(
            origin: OriginFor<T>,
            holder: T::AccountId,
            budget: Balance,
            class: Option<MachineClass>,
            expires: Slot,
        ) -> DispatchResult {
            let issuer = ensure_signed(origin)?;
            Self::do_issue_voucher(issuer, holder, budget, class, expires)
        }

        /// Takes back what no lease uses of a voucher; the rest returns when its leases end.
        ///
        /// - `origin`: Must be signed by the issuer.
        /// - `voucher`: The voucher.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::voucher())]
        pub fn revoke_voucher(origin: OriginFor<T>, voucher: u32) -> DispatchResult {
            let issuer = ensure_signed(origin)?;
            Self::do_revoke_voucher(issuer, voucher)
        }

        /// Takes the next step of burning, where the network has grown to it.
        ///
        /// - `origin`: Must be [`Config::BurnOrigin`].
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::raise_burn())]
        pub fn raise_burn(origin: OriginFor<T>) -> DispatchResult {
            T::BurnOrigin::ensure_origin(origin)?;
            Self::do_raise_burn()
        }

        /// Says that a lease's workload does not run although its machine is there. It is not paid for until
        /// `report_up`, and nothing else comes of it.
        ///
        /// - `origin`: Must be signed by the machine's provider or his operator; free of a fee.
        /// - `lease`: A lease that runs and is not suspended.
        #[pallet::call_index(20)]
        #[pallet::weight(T::WeightInfo::suspend())]
        pub fn report_down(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            Self::do_report_down(ensure_signed(origin)?, lease)?;
            Ok(Pays::No.into())
        }

        /// Says that it runs again: the meter goes on, at the rate of before.
        ///
        /// - `origin`: Must be signed by the machine's provider or his operator; free of a fee.
        /// - `lease`: A lease that was reported down, two minutes ago or more.
        #[pallet::call_index(21)]
        #[pallet::weight(T::WeightInfo::resume())]
        pub fn report_up(origin: OriginFor<T>, lease: LeaseId) -> DispatchResultWithPostInfo {
            Self::do_report_up(ensure_signed(origin)?, lease)?;
            Ok(Pays::No.into())
        }
    }
}
