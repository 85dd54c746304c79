//! Benchmarks of the calls, each on its longest path: a full record, an index from the stack, an
//! operator as caller (one look-up more than his provider). They also run as tests of the mock.

use alloc::vec;

use dbc_primitives::{
    Amount, Balance, BoundedVec, DenseIndex, Gpu, HardwareFacts, Location, MachineClass, MachineId,
    MachineStatus, NetworkFacts, Offer, Price, Slot, Text, machine::GPUS_MAX,
};
use frame_benchmarking::v2::*;
use frame_support::traits::{
    Get as _,
    fungible::{Inspect as _, InspectHold as _, Mutate, MutateHold as _},
};
use frame_system::RawOrigin;
use sp_runtime::{DispatchError, KeyTypeId};

use crate::{
    Call, Config, FreeCount, FreeIndexes, HoldReason, Machines, Operators, Pallet, RelayList,
    Relays, Tier, VerifiedAtGenesis,
};

/// Keys of the machines of benchmarks.
const KEYS: KeyTypeId = KeyTypeId(*b"bnch");

/// What benchmarks need of a runtime beside its calls.
pub trait BenchmarkHelper {
    /// Sets the slot that the pallets' clock tells.
    fn set_slot(slot: Slot);
}

/// Registers and lists a machine with so many GPUs (none: its CPU profile) as `provider` by
/// `operator`, for benchmarks of this pallet and of those on top of it. An hour costs 1,200,000 units.
///
/// # Errors
/// Those of the calls that it makes.
pub fn bench_machine<T: Config>(
    provider: &T::AccountId,
    operator: &T::AccountId,
    gpus: u32,
) -> Result<MachineId, DispatchError>
where
    T::Currency: Mutate<T::AccountId>,
{
    let machine = registered::<T>(provider, operator, gpus)?;
    Pallet::<T>::do_set_offer(provider.clone(), machine, offer::<T>())?;
    Pallet::<T>::do_list(provider.clone(), machine)?;
    Ok(machine)
}

fn registered<T: Config>(
    provider: &T::AccountId,
    operator: &T::AccountId,
    gpus: u32,
) -> Result<MachineId, DispatchError>
where
    T::Currency: Mutate<T::AccountId>,
{
    let (machine, proof) = prepared::<T>(provider, operator)?;
    let class = if gpus == 0 { MachineClass::Cpu } else { MachineClass::Training };
    let location = Location::default();
    Pallet::<T>::do_register(
        provider.clone(),
        machine,
        proof,
        class,
        facts(gpus),
        location,
        network(),
    )?;
    Ok(machine)
}

/// A listed machine that was there for as long as the high-stability tier asks.
fn steady<T: Config>(
    provider: &T::AccountId,
    operator: &T::AccountId,
) -> Result<MachineId, DispatchError>
where
    T::Currency: Mutate<T::AccountId>,
{
    let machine = bench_machine::<T>(provider, operator, GPUS_MAX)?;
    T::BenchmarkHelper::set_slot(T::TierUptime::get().saturating_add(10_000));
    Ok(machine)
}

/// A rich provider with an operator, and a machine's key with its proof, verified at genesis.
fn prepared<T: Config>(
    provider: &T::AccountId,
    operator: &T::AccountId,
) -> Result<(MachineId, [u8; 64]), DispatchError>
where
    T::Currency: Mutate<T::AccountId>,
{
    T::BenchmarkHelper::set_slot(1_000);
    let stake = T::StakePerGpu::get().saturating_mul(Balance::from(GPUS_MAX));
    let riches = stake.saturating_add(T::Currency::minimum_balance()).saturating_mul(2);
    T::Currency::mint_into(provider, riches)?;
    Pallet::<T>::do_set_operator(provider.clone(), operator.clone())?;
    let key = sp_io::crypto::ed25519_generate(KEYS, None);
    let proof = sp_io::crypto::ed25519_sign(KEYS, &key, &Pallet::<T>::proof_message(provider))
        .ok_or(DispatchError::Other("the keystore does not sign"))?;
    let machine = MachineId(key.0);
    VerifiedAtGenesis::<T>::insert(machine, ());
    Ok((machine, proof.0))
}

fn facts(gpus: u32) -> HardwareFacts {
    let gpu = Gpu { model: full_text(), memory_mib: 24_564, ..Default::default() };
    HardwareFacts {
        gpus: BoundedVec::truncate_from(vec![gpu; gpus as usize]),
        cpu_model: full_text(),
        cpu_cores: 64,
        memory_mib: 1 << 19,
        disk_gib: 1 << 12,
    }
}

fn network() -> NetworkFacts {
    NetworkFacts { relays: BoundedVec::truncate_from(vec![full_text(); 4]), ..Default::default() }
}

fn offer<T: Config>() -> Offer {
    let hour = Amount::Dbc(1_200_000);
    Offer {
        price: Price { gpu_hour: hour, cpu_hour: hour },
        min_term: 1,
        max_term: T::MaxTerm::get(),
        cpu_shares: 1,
    }
}

fn full_text<const N: u32>() -> Text<N> {
    BoundedVec::truncate_from(vec![b'x'; N as usize])
}

fn status<T: Config>(machine: MachineId) -> Option<MachineStatus> {
    Machines::<T>::get(machine).map(|record| record.status)
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    #[benchmark]
    fn set_operator() -> Result<(), BenchmarkError> {
        let provider: T::AccountId = account("provider", 0, 0);
        let operator: T::AccountId = account("operator", 0, 0);
        Pallet::<T>::do_set_operator(provider.clone(), account("operator before", 0, 0))?;
        #[extrinsic_call]
        _(RawOrigin::Signed(provider.clone()), operator.clone());
        assert_eq!(Operators::<T>::get(provider), Some(operator));
        Ok(())
    }

    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        let provider: T::AccountId = account("provider", 0, 0);
        let operator: T::AccountId = account("operator", 0, 0);
        let (machine, proof) = prepared::<T>(&provider, &operator)?;
        FreeCount::<T>::put(1);
        FreeIndexes::<T>::insert(0, DenseIndex { index: 7, generation: 1 });
        let location = Location::default();
        #[extrinsic_call]
        _(
            RawOrigin::Signed(operator),
            machine,
            proof,
            MachineClass::Training,
            facts(GPUS_MAX),
            location,
            network(),
        );
        assert_eq!(status::<T>(machine), Some(MachineStatus::Verified));
        Ok(())
    }

    #[benchmark]
    fn set_network() -> Result<(), BenchmarkError> {
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = registered::<T>(&account("provider", 0, 0), &operator, GPUS_MAX)?;
        let new = NetworkFacts { endpoint: [9; 32], ..network() };
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine, new.clone());
        assert_eq!(Machines::<T>::get(machine).map(|record| record.network), Some(new));
        Ok(())
    }

    #[benchmark]
    fn set_offer() -> Result<(), BenchmarkError> {
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&account("provider", 0, 0), &operator, GPUS_MAX)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine, offer::<T>());
        assert_eq!(Machines::<T>::get(machine).map(|record| record.offer_version), Some(2));
        Ok(())
    }

    #[benchmark]
    fn list() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        Pallet::<T>::do_unlist(provider, machine)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(status::<T>(machine), Some(MachineStatus::Listed));
        Ok(())
    }

    #[benchmark]
    fn unlist() -> Result<(), BenchmarkError> {
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&account("provider", 0, 0), &operator, GPUS_MAX)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(status::<T>(machine), Some(MachineStatus::Verified));
        Ok(())
    }

    #[benchmark]
    fn retire() -> Result<(), BenchmarkError> {
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&account("provider", 0, 0), &operator, GPUS_MAX)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(status::<T>(machine), Some(MachineStatus::Retiring { since: 1_000 }));
        Ok(())
    }

    #[benchmark]
    fn withdraw_stake() -> Result<(), BenchmarkError> {
        let provider: T::AccountId = account("provider", 0, 0);
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        Pallet::<T>::do_retire(provider.clone(), machine)?;
        T::BenchmarkHelper::set_slot(T::RetirementDelay::get().saturating_add(1_000));
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(status::<T>(machine), None);
        assert_eq!(T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider), 0);
        Ok(())
    }

    #[benchmark]
    fn top_up() -> Result<(), BenchmarkError> {
        let provider: T::AccountId = account("provider", 0, 0);
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        let stake = T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider);
        assert_eq!(Pallet::<T>::slash(machine, stake / 2, &operator), stake / 2);
        T::Currency::set_balance(&provider, stake.saturating_mul(2));
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider), stake);
        Ok(())
    }

    #[benchmark]
    fn announce_maintenance() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        let (from, until) = (10_000, 10_001);
        Pallet::<T>::do_announce_maintenance(provider, machine, from, until)?;
        let from = until.saturating_add(T::MaintenanceSpacing::get());
        T::BenchmarkHelper::set_slot(from);
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine, from, from + T::MaintenanceMax::get());
        assert!(Pallet::<T>::in_maintenance(machine, from));
        Ok(())
    }

    #[benchmark]
    fn cancel_maintenance() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        Pallet::<T>::do_announce_maintenance(provider, machine, 10_000, 10_001)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert!(!Pallet::<T>::in_maintenance(machine, 10_000));
        Ok(())
    }

    #[benchmark]
    fn join_tier() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = steady::<T>(&provider, &operator)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(Machines::<T>::get(machine).map(|record| record.tier), Some(Tier::Stable));
        Ok(())
    }

    #[benchmark]
    fn leave_tier() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = steady::<T>(&provider, &operator)?;
        Pallet::<T>::do_join_tier(provider, machine)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(Machines::<T>::get(machine).map(|record| record.extra), Some(0));
        Ok(())
    }

    #[benchmark]
    fn change_hardware() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = steady::<T>(&provider, &operator)?;
        Pallet::<T>::do_join_tier(provider, machine)?;
        let (class, location) = (MachineClass::Hpc, Location { region: 1, site: 1 });
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine, class, facts(GPUS_MAX - 1), location);
        assert_eq!(status::<T>(machine), Some(MachineStatus::Registered));
        Ok(())
    }

    #[benchmark]
    fn release_stake() -> Result<(), BenchmarkError> {
        let provider: T::AccountId = account("provider", 0, 0);
        let operator: T::AccountId = account("operator", 0, 0);
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        let stake = T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider);
        T::Currency::hold(&HoldReason::Stake.into(), &provider, 1)?;
        Machines::<T>::mutate(machine, |record| {
            if let Some(record) = record.as_mut() {
                record.stake += 1;
            }
        });
        #[extrinsic_call]
        _(RawOrigin::Signed(operator), machine);
        assert_eq!(T::Currency::balance_on_hold(&HoldReason::Stake.into(), &provider), stake);
        Ok(())
    }

    #[benchmark]
    fn offer_handover() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        let to: T::AccountId = account("buyer", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(provider), machine, to.clone());
        assert_eq!(Machines::<T>::get(machine).and_then(|record| record.handover), Some(to));
        Ok(())
    }

    #[benchmark]
    fn accept_handover() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        let to: T::AccountId = account("buyer", 0, 0);
        prepared::<T>(&to, &account("another operator", 0, 0))?;
        Pallet::<T>::do_offer_handover(provider, machine, to.clone())?;
        #[extrinsic_call]
        _(RawOrigin::Signed(to.clone()), machine);
        assert_eq!(Machines::<T>::get(machine).map(|record| record.provider), Some(to));
        Ok(())
    }

    #[benchmark]
    fn withdraw_handover() -> Result<(), BenchmarkError> {
        let (provider, operator) = (account("provider", 0, 0), account("operator", 0, 0));
        let machine = bench_machine::<T>(&provider, &operator, GPUS_MAX)?;
        Pallet::<T>::do_offer_handover(provider.clone(), machine, account("buyer", 0, 0))?;
        #[extrinsic_call]
        _(RawOrigin::Signed(provider), machine);
        assert_eq!(Machines::<T>::get(machine).and_then(|record| record.handover), None);
        Ok(())
    }

    #[benchmark]
    fn set_relays() {
        let relays = RelayList::truncate_from(vec![full_text(); 16]);
        #[extrinsic_call]
        _(RawOrigin::Root, relays.clone());
        assert_eq!(Relays::<T>::get(), relays);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::state_with_keystore(), crate::mock::Test);
}
