//! Payouts below the depth at which the storage refuses another checked layer.

use frame_support::{assert_ok, storage::with_storage_layer};
use sp_runtime::{DispatchError, DispatchResult};

use crate::mock::*;

/// Layers that may lie upon each other; the call under test is the last of them.
const LAYERS_MAX: u32 = 255;

fn below(layers: u32, act: &dyn Fn() -> DispatchResult) -> DispatchResult {
    match layers {
        0 => act(),
        _ => with_storage_layer::<(), DispatchError, _>(|| below(layers - 1, act)),
    }
}

#[test]
fn rule_12_settlement_cannot_be_blocked_by_batches_in_batches() {
    run(|| {
        let lease = running(1_000);
        let settle = || plain(Leases::settle(RuntimeOrigin::signed(renter()), lease));
        pass(200);
        assert!(below(LAYERS_MAX, &settle).is_err(), "one layer more than a call can have");
        assert_ok!(below(LAYERS_MAX - 1, &settle));
        assert_eq!(record(lease).paid, RATE * 200 * 95 / 100);
        pass(200);
        let end = || plain(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_ok!(below(LAYERS_MAX - 1, &end));
        let found = record(lease);
        assert_eq!((found.paid, found.fees), (RATE * 400 * 95 / 100, RATE * 400 * 5 / 100));
        assert_eq!((found.refunded, held(&renter())), (RATE * 600, 0));
        assert_equation(lease, RATE * 1_000);
    });
}
