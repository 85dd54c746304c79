//! Benchmarks of the calls, each on its longest path: sixteen GPUs, an operator as caller, a lease
//! whose unused money goes to a receiver. They also run as tests of the mock.

use dbc_primitives::{
    Balance, BoundedVec, LeaseId, LeaseState, Order, Profile, Slot, machine::GPUS_MAX,
};
use frame_benchmarking::v2::*;
use frame_support::traits::{
    EnsureOrigin as _, Get as _,
    fungible::{Inspect as _, InspectHold as _, Mutate},
};
use frame_system::RawOrigin;
use pallet_machines::{BenchmarkHelper as _, Config as MachinesConfig, bench_machine};
use sp_runtime::DispatchError;

use crate::{
    BurnStep, ByMachine, Call, Config, HoldReason, LeaseOf, Leases, NextLease, NextPlatform,
    NextVoucher, Pallet, Platforms, Pledges, Vouchers,
};

/// What benchmarks need of the runtime beside its calls.
pub trait BenchmarkHelper {
    /// The machine at a dense index is silent from now on.
    fn silence(index: u32);

    /// So many GPUs are proven.
    fn prove(gpus: u32);
}

const START: Slot = 1_000;
const TERM: Slot = 10_000;

/// A pending lease of a whole machine by `renter`.
fn ordered<T: Config + MachinesConfig>(renter: &T::AccountId) -> Result<LeaseId, DispatchError>
where
    <T as Config>::Currency: Mutate<T::AccountId>,
    <T as MachinesConfig>::Currency: Mutate<T::AccountId>,
{
    let order = order::<T>(renter)?;
    let lease = NextLease::<T>::get();
    Pallet::<T>::do_create(renter.clone(), order)?;
    Ok(lease)
}

/// A lease of a whole machine whose meter runs since [`START`].
fn running<T: Config + MachinesConfig>(renter: &T::AccountId) -> Result<LeaseId, DispatchError>
where
    <T as Config>::Currency: Mutate<T::AccountId>,
    <T as MachinesConfig>::Currency: Mutate<T::AccountId>,
{
    let lease = ordered::<T>(renter)?;
    Pallet::<T>::do_started(account("operator", 0, 0), lease)?;
    Ok(lease)
}

/// A listed machine, everybody's account with enough on it, and an order for all the machine's GPUs.
fn order<T: Config + MachinesConfig>(
    renter: &T::AccountId,
) -> Result<Order<T::AccountId>, DispatchError>
where
    <T as Config>::Currency: Mutate<T::AccountId>,
    <T as MachinesConfig>::Currency: Mutate<T::AccountId>,
{
    let machine =
        bench_machine::<T>(&account("provider", 0, 0), &account("operator", 0, 0), GPUS_MAX)?;
    set_slot::<T>(START);
    let receiver: T::AccountId = account("receiver", 0, 0);
    let riches = <T as Config>::Currency::minimum_balance().saturating_add(1_000_000_000_000);
    for who in [renter, &receiver, &<T as Config>::Treasury::get()] {
        <T as Config>::Currency::mint_into(who, riches)?;
    }
    rich::<T>(&receiver)?;
    let slots: alloc::vec::Vec<u8> = (0..GPUS_MAX as u8).collect();
    let platform = NextPlatform::<T>::get();
    Pallet::<T>::do_register_platform(receiver.clone(), 1_000, receiver.clone())?;
    Ok(Order {
        machine,
        gpus: BoundedVec::truncate_from(slots),
        profile: Profile::Gpu,
        cpu_shares: 0,
        term: TERM,
        offer_version: 1,
        max_rate: Balance::MAX,
        cap: Some(Balance::MAX),
        access_key: [1; 32],
        spec_hash: Some([2; 32]),
        platform: Some(platform),
        voucher: None,
        standby: None,
        receiver: Some(receiver),
        tag: 4,
    })
}

/// Gives somebody enough for a pledge, a platform or a voucher.
fn rich<T: Config>(who: &T::AccountId) -> Result<(), DispatchError>
where
    <T as Config>::Currency: Mutate<T::AccountId>,
{
    let most = T::PledgeAmount::get().max(T::PlatformDeposit::get()).max(T::VoucherMin::get());
    let riches = most.saturating_add(<T as Config>::Currency::minimum_balance());
    <T as Config>::Currency::mint_into(who, riches)?;
    Ok(())
}

fn set_slot<T: MachinesConfig>(slot: Slot) {
    <T as MachinesConfig>::BenchmarkHelper::set_slot(slot);
}

fn record<T: Config>(lease: LeaseId) -> Result<LeaseOf<T>, BenchmarkError> {
    Leases::<T>::get(lease).ok_or(BenchmarkError::Stop("the lease is gone"))
}

/// Closed, provider and treasury paid, the rest with the receiver, nothing on hold.
fn assert_closed<T: Config>(renter: &T::AccountId, lease: LeaseId) -> Result<(), BenchmarkError> {
    let found = record::<T>(lease)?;
    assert!(found.is_closed() && found.paid > 0 && found.fees > 0);
    assert_eq!(found.deposit, 0);
    assert_eq!(<T as Config>::Currency::balance_on_hold(&HoldReason::Deposit.into(), renter), 0);
    Ok(())
}

#[benchmarks(
    where
        T: MachinesConfig,
        <T as Config>::Currency: Mutate<T::AccountId>,
        <T as MachinesConfig>::Currency: Mutate<T::AccountId>,
)]
mod benches {
    use super::*;

    #[benchmark]
    fn create() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let order = order::<T>(&renter)?;
        let lease = NextLease::<T>::get();
        #[extrinsic_call]
        _(RawOrigin::Signed(renter.clone()), order);
        assert_eq!(record::<T>(lease)?.renter, renter);
        Ok(())
    }

    #[benchmark]
    fn started() -> Result<(), BenchmarkError> {
        let lease = ordered::<T>(&account("renter", 0, 0))?;
        #[extrinsic_call]
        _(RawOrigin::Signed(account("operator", 0, 0)), lease);
        assert_eq!(record::<T>(lease)?.state, LeaseState::Running);
        Ok(())
    }

    #[benchmark]
    fn settle() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        set_slot::<T>(START + TERM);
        #[extrinsic_call]
        _(RawOrigin::Signed(account("anybody", 0, 0)), lease);
        assert_closed::<T>(&renter, lease)
    }

    #[benchmark]
    fn extend() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(renter), lease, 100, 1, Balance::MAX);
        assert_eq!(record::<T>(lease)?.term, TERM + 100);
        Ok(())
    }

    #[benchmark]
    fn end() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        set_slot::<T>(START + TERM / 2);
        #[extrinsic_call]
        _(RawOrigin::Signed(renter.clone()), lease);
        assert!(record::<T>(lease)?.refunded > 0);
        assert_closed::<T>(&renter, lease)
    }

    #[benchmark]
    fn set_access() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(renter), lease, [9; 32]);
        assert_eq!(record::<T>(lease)?.access_key, [9; 32]);
        Ok(())
    }

    #[benchmark]
    fn suspend() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        rich::<T>(&renter)?;
        Pallet::<T>::do_pledge(renter.clone())?;
        set_slot::<T>(START + TERM / 2);
        #[extrinsic_call]
        _(RawOrigin::Signed(renter.clone()), lease);
        assert_eq!(Pledges::<T>::get(&renter).map(|pledge| pledge.relied), Some(1));
        Ok(())
    }

    #[benchmark]
    fn resume() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let lease = running::<T>(&renter)?;
        rich::<T>(&renter)?;
        Pallet::<T>::do_pledge(renter.clone())?;
        let gpus = record::<T>(lease)?.gpus;
        set_slot::<T>(START + TERM / 4);
        Pallet::<T>::do_suspend(renter.clone(), lease)?;
        set_slot::<T>(START + TERM / 2);
        #[extrinsic_call]
        _(RawOrigin::Signed(renter), lease, gpus, 1, Balance::MAX);
        assert_eq!(record::<T>(lease)?.suspended, None);
        Ok(())
    }

    #[benchmark]
    fn fail_over() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        let mut order = order::<T>(&renter)?;
        let first = order.machine;
        let (owner, operator) = (account("provider", 1, 0), account("operator", 1, 0));
        let second = bench_machine::<T>(&owner, &operator, GPUS_MAX)?;
        set_slot::<T>(START);
        order.standby = Some(second);
        let lease = NextLease::<T>::get();
        Pallet::<T>::do_create(renter, order)?;
        Pallet::<T>::do_started(account("operator", 0, 0), lease)?;
        <T as Config>::BenchmarkHelper::silence(record::<T>(lease)?.machine_index.index);
        set_slot::<T>(START + T::FailOverAfter::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), lease);
        assert!(ByMachine::<T>::contains_key(second, lease));
        assert!(!ByMachine::<T>::contains_key(first, lease));
        Ok(())
    }

    #[benchmark]
    fn pledge() -> Result<(), BenchmarkError> {
        let renter: T::AccountId = account("renter", 0, 0);
        rich::<T>(&renter)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(renter.clone()));
        assert!(Pallet::<T>::has_pledge(&renter));
        Ok(())
    }

    #[benchmark]
    fn platform() -> Result<(), BenchmarkError> {
        let owner: T::AccountId = account("owner", 0, 0);
        rich::<T>(&owner)?;
        let platform = NextPlatform::<T>::get();
        #[extrinsic_call]
        register_platform(RawOrigin::Signed(owner.clone()), 1_000, owner.clone());
        assert_eq!(Platforms::<T>::get(platform).map(|platform| platform.owner), Some(owner));
        Ok(())
    }

    #[benchmark]
    fn voucher() -> Result<(), BenchmarkError> {
        let issuer: T::AccountId = account("issuer", 0, 0);
        rich::<T>(&issuer)?;
        let voucher = NextVoucher::<T>::get();
        let (holder, budget) = (account("holder", 0, 0), T::VoucherMin::get());
        #[extrinsic_call]
        issue_voucher(RawOrigin::Signed(issuer), holder, budget, None, Slot::MAX);
        assert_eq!(Vouchers::<T>::get(voucher).map(|voucher| voucher.budget), Some(budget));
        Ok(())
    }

    #[benchmark]
    fn raise_burn() -> Result<(), BenchmarkError> {
        let origin =
            T::BurnOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        <T as Config>::BenchmarkHelper::prove(u32::MAX);
        #[extrinsic_call]
        _(origin as T::RuntimeOrigin);
        assert_eq!(BurnStep::<T>::get(), 1);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::state_with_keystore(), crate::mock::Test);
}
