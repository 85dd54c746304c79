//! A runtime that replaces itself: whose code may follow, and what happens while a migration of many blocks goes on.

use codec::Encode as _;
use dbc_runtime::{
    Runtime, RuntimeCall, RuntimeEvent, VERSION,
    constants::{HOURS, MINUTES},
};
use sp_core::traits::{ReadRuntimeVersion, ReadRuntimeVersionExt};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::{ExtrinsicInclusionMode, traits::Hash as _};
use sp_version::RuntimeVersion;

use crate::{world::*, *};

/// Reads versions out of blobs that are nothing but a version.
struct Plain;

impl ReadRuntimeVersion for Plain {
    fn read_runtime_version(
        &self,
        code: &[u8],
        _: &mut dyn sp_externalities::Externalities,
    ) -> Result<Vec<u8>, String> {
        let number = *code.last().ok_or("an empty blob")?;
        Ok(RuntimeVersion { spec_version: number.into(), ..VERSION }.encode())
    }
}

/// A blob of a runtime of this version.
fn blob(spec_version: u32) -> Vec<u8> {
    vec![0, 97, 115, 109, spec_version as u8]
}

#[test]
fn a_runtime_is_replaced_by_a_newer_one_that_root_authorized() {
    let mut chain = network(genesis::DEV);
    chain.register_extension(ReadRuntimeVersionExt::new(Plain));
    chain.execute_with(|| {
        run_to(1);
        let authorize = |code: &[u8]| {
            let code_hash = <Runtime as frame_system::Config>::Hashing::hash(code);
            frame_system::Call::<Runtime>::authorize_upgrade { code_hash }
        };
        let apply =
            |code: Vec<u8>| frame_system::Call::<Runtime>::apply_authorized_upgrade { code };
        let (old, new) = (blob(VERSION.spec_version), blob(VERSION.spec_version + 1));
        assert!(act(Alice, authorize(&new)).is_err(), "not by anybody, nor by whoever has sudo");
        assert!(act(Bob, apply(new.clone())).is_err(), "not what nobody authorized");
        root(authorize(&old));
        let _ = act(Bob, apply(old.clone()));
        assert_ne!(code(), old, "no older one, and not the same");
        root(authorize(&new));
        act(Bob, apply(new.clone())).unwrap();
        assert_eq!(code(), new, "anybody brings what was authorized");
        let told = System::events().into_iter().any(|record| {
            matches!(record.event, RuntimeEvent::System(frame_system::Event::CodeUpdated { .. }))
        });
        assert!(told);
    });
}

fn code() -> Vec<u8> {
    sp_io::storage::get(b":code").map(|code| code.to_vec()).unwrap_or_default()
}

/// Blocks carry nothing but inherents while a migration goes on; meters stop by themselves, as nobody can tell of
/// anybody, and everything goes on where it stood.
#[test]
fn rule_14_a_migration_stops_calls_and_then_meters() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 1);
        watch.pass(2, &[0]);
        let id = rented(Bob, 0, &[0], 6_000);
        watch.pass(6, &[0]);
        act(Bob, pallet_leases::Call::<Runtime>::settle { lease: id }).unwrap();
        let before = lease(id).charged;
        let started = now();
        pallet_migrations::Cursor::<Runtime>::put(pallet_migrations::MigrationCursor::Stuck);
        while now() < started + 2 * HOURS {
            let number = System::block_number() + 1;
            let slot = now() + 300;
            let mode = Executive::initialize_block(&header(number, slot));
            assert!(matches!(mode, ExtrinsicInclusionMode::OnlyInherents));
            let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: slot * SLOT_MS });
            Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)).unwrap().unwrap();
            Executive::finalize_block();
        }
        pallet_migrations::Cursor::<Runtime>::kill();
        watch.pass(6, &[0]);
        act(Bob, pallet_leases::Call::<Runtime>::settle { lease: id }).unwrap();
        let charged = lease(id).charged - before;
        let most = 10 * MINUTES + 10 * INTERVAL + 300;
        assert!(charged <= most, "{charged} slots of {} were charged", now() - started);
        act(Bob, pallet_leases::Call::<Runtime>::end { lease: id }).unwrap();
    });
}

/// A migration of many steps, on a network that lives: it runs over several blocks with nobody's calls in them, is
/// done once, and everything is where it was.
#[test]
fn a_rehearsed_migration_walks_over_blocks_and_is_done_once() {
    use frame_support::traits::{TryState as _, TryStateSelect};

    network(genesis::DEV).execute_with(|| {
        run_to(1);
        registered(Alice, VERIFIED + 1, 0);
        registered(Bob, VERIFIED + 2, 0);
        let before: Vec<_> = pallet_machines::Machines::<Runtime>::iter().collect();
        frame_system::LastRuntimeUpgrade::<Runtime>::kill();
        let mut modes = Vec::new();
        for _ in 0..20 {
            let number = System::block_number() + 1;
            let slot = now() + 1;
            let mode = Executive::initialize_block(&header(number, slot));
            modes.push(matches!(mode, ExtrinsicInclusionMode::OnlyInherents));
            let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: slot * SLOT_MS });
            Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)).unwrap().unwrap();
            Executive::finalize_block();
        }
        let took = modes.iter().filter(|only| **only).count();
        assert!((3..18).contains(&took), "{modes:?}");
        assert!(!modes[19], "calls pass again");
        assert!(pallet_migrations::Cursor::<Runtime>::get().is_none());
        assert_eq!(pallet_migrations::Historic::<Runtime>::iter().count(), 1);
        let after: Vec<_> = pallet_machines::Machines::<Runtime>::iter().collect();
        assert_eq!(before, after);
        everything_holds("the migration");
        let all = dbc_runtime::AllPalletsWithSystem::try_state(
            System::block_number(),
            TryStateSelect::All,
        );
        assert!(all.is_ok(), "{all:?}");
        // The same once more: it is known, and not done again.
        frame_system::LastRuntimeUpgrade::<Runtime>::kill();
        to_slot(now() + 4);
        assert!(pallet_migrations::Cursor::<Runtime>::get().is_none());
        act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(VERIFIED + 1) })
            .unwrap();
    });
}
