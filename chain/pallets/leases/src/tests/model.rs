//! The pallet against a plain model of all money: random operations by a few actors over random time.
//! Each operation is accepted by both or by neither; after each, every account's free and held
//! balance is the model's to the unit, the total issuance is what it was but for dust, and every
//! invariant of both pallets holds. `DBC_TEST_LONG=1` runs four hundred times as many.

mod plain;

use dbc_primitives::Balance;
use frame_support::{
    assert_ok,
    dispatch::DispatchResult,
    traits::{
        LockableCurrency as _, WithdrawReasons,
        fungible::{Inspect as _, MutateFreeze as _},
        tokens::{Fortitude, Preservation},
    },
    weights::Weight,
};
use proptest::prelude::*;

use self::plain::{ALL, BANK, BOUND, PROVIDER, Plain, TREASURY, Wanted};
use crate::{Event, mock::*};

const GPUS: u8 = 4;

#[derive(Debug, Clone)]
enum Op {
    Create(Wanted),
    Started(u8),
    Settle(u8),
    Extend { lease: u8, slots: u64 },
    End(u8),
    Terminate(u8),
    CloseExpired(u8),
    SetOffer(Balance),
    List(bool),
    Lock { who: u8, on: bool },
    Freeze { who: u8, on: bool },
    Drain { who: u8, most: Balance },
    Gift { who: u8, amount: Balance },
    Pass(u64),
    Poll(u64),
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let receiver = prop::option::weighted(0.3, prop::sample::select(vec![2, 3, 4, 77]));
    (1u8..5, 0..GPUS, 5u64..2_000, receiver).prop_map(|(who, gpu, term, receiver)| Wanted {
        who,
        gpu,
        term,
        receiver,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let lease = any::<u8>;
    let renter = || 2u8..5;
    let poor = || prop_oneof![2u8..5, Just(TREASURY)];
    // Cheap ones make sums below the existential deposit, dear ones orders that cannot be paid.
    let rate = prop_oneof![1u128..4, 1u128..50, 1u128..50_000, 100_000u128..10_000_000];
    let slots = prop_oneof![4 => 0u64..400, 1 => 0u64..6_000];
    prop_oneof![
        8 => wanted().prop_map(Op::Create),
        6 => lease().prop_map(Op::Started),
        3 => lease().prop_map(Op::Settle),
        2 => (lease(), 1u64..500).prop_map(|(lease, slots)| Op::Extend { lease, slots }),
        2 => lease().prop_map(Op::End),
        1 => lease().prop_map(Op::Terminate),
        1 => lease().prop_map(Op::CloseExpired),
        2 => rate.prop_map(Op::SetOffer),
        2 => prop::bool::weighted(0.7).prop_map(Op::List),
        1 => (renter(), any::<bool>()).prop_map(|(who, on)| Op::Lock { who, on }),
        1 => (renter(), any::<bool>()).prop_map(|(who, on)| Op::Freeze { who, on }),
        1 => (poor(), prop_oneof![Just(Balance::MAX), 1..ENDOWMENT])
            .prop_map(|(who, most)| Op::Drain { who, most }),
        1 => (poor(), prop_oneof![ED..10 * ED, ED..ENDOWMENT / 10])
            .prop_map(|(who, amount)| Op::Gift { who, amount }),
        5 => slots.prop_map(Op::Pass),
        3 => prop_oneof![1 => 0u64..2_000_000_000, 1 => Just(u64::MAX)].prop_map(Op::Poll),
    ]
}

/// The newest leases, most of which are open.
fn choose(model: &Plain, choice: u8) -> u64 {
    let known: Vec<u64> = model.leases.keys().rev().take(7).copied().collect();
    // Now and then one that is not there.
    known.get(usize::from(choice) % (known.len() + 1)).copied().unwrap_or(9_999)
}

fn create(wanted: Wanted) -> DispatchResult {
    let mut order = order(machine(1), &[wanted.gpu], wanted.term, crate::NextLease::<Test>::get());
    order.receiver = wanted.receiver.map(account);
    plain(Leases::create(RuntimeOrigin::signed(account(wanted.who)), order))
}

fn apply(op: &Op, model: &mut Plain) {
    let signed = |who: u8| RuntimeOrigin::signed(account(who));
    let renter = |model: &Plain, id: u64| signed(model.leases.get(&id).map_or(2, |l| l.wanted.who));
    let (found, expected) = match *op {
        Op::Create(wanted) => (create(wanted), model.create(wanted)),
        Op::Started(choice) => {
            let id = choose(model, choice);
            (Leases::started(signed(PROVIDER), id), model.started(id))
        }
        Op::Settle(choice) => {
            let id = choose(model, choice);
            (plain(Leases::settle(signed(BANK), id)), model.settle(id))
        }
        Op::Extend { lease, slots } => {
            let id = choose(model, lease);
            let by = renter(model, id);
            let found = Leases::extend(by, id, slots, model.version, Balance::MAX);
            (found, model.extend(id, slots))
        }
        Op::End(choice) => {
            let id = choose(model, choice);
            (plain(Leases::end(renter(model, id), id)), model.end(id))
        }
        Op::Terminate(choice) => {
            let id = choose(model, choice);
            (plain(Leases::terminate(signed(PROVIDER), id)), model.terminate(id))
        }
        Op::CloseExpired(choice) => {
            let id = choose(model, choice);
            (plain(Leases::close_expired(signed(BANK), id)), model.close_expired(id))
        }
        Op::SetOffer(rate) => {
            let found = Machines::set_offer(signed(PROVIDER), machine(1), offer(rate, 1));
            (found, model.set_offer(rate))
        }
        Op::List(true) => (Machines::list(signed(PROVIDER), machine(1)), model.list(true)),
        Op::List(false) => (Machines::unlist(signed(PROVIDER), machine(1)), model.list(false)),
        Op::Lock { .. } | Op::Freeze { .. } | Op::Drain { .. } | Op::Gift { .. } => {
            return move_money(op, model);
        }
        Op::Pass(slots) => {
            pass(slots);
            model.now += slots;
            return;
        }
        Op::Poll(picoseconds) => return poll_both(picoseconds, model),
    };
    assert_eq!(found.is_ok(), expected, "the pallet said {found:?}");
}

/// What accounts do beside leasing; the amounts are the ledger's business.
fn move_money(op: &Op, model: &mut Plain) {
    let signed = |who: u8| RuntimeOrigin::signed(account(who));
    match *op {
        // An account that does not exist votes and freezes nothing.
        Op::Lock { who, on: true } if System::account_exists(&account(who)) => {
            Balances::set_lock(*b"vote    ", &account(who), Balance::MAX, WithdrawReasons::all());
        }
        Op::Lock { who, .. } => Balances::remove_lock(*b"vote    ", &account(who)),
        Op::Freeze { who, on: true } => {
            let _ = Balances::set_freeze(&1, &account(who), Balance::MAX);
        }
        Op::Freeze { who, on: false } => {
            let _ = Balances::thaw(&1, &account(who));
        }
        Op::Drain { who, most } => {
            let (from, politely) = (account(who), Fortitude::Polite);
            let all = Balances::reducible_balance(&from, Preservation::Expendable, politely);
            let kept = free(&from) - all.min(most);
            let amount = if kept < ED { all } else { all.min(most) };
            assert_ok!(Balances::transfer_allow_death(signed(who), account(BANK), amount));
            model.transfer(who, BANK, amount);
        }
        Op::Gift { who, amount } => {
            let amount = amount.min(free(&account(BANK)) - ED);
            if amount >= ED {
                assert_ok!(Balances::transfer_allow_death(signed(BANK), account(who), amount));
                model.transfer(BANK, who, amount);
            }
        }
        _ => unreachable!("no other operation moves money alone"),
    }
}

/// Which of those that are due the queue came to, and in which order, is its business: two of one slot
/// may both wait for the same treasury to exist. That it came to no others, and to no more than a
/// block may, is checked, and what happens to their money is the model's word.
fn poll_both(picoseconds: u64, model: &mut Plain) {
    System::reset_events();
    poll(Weight::from_parts(picoseconds, u64::MAX));
    let mut handled = 0;
    for event in System::events() {
        if let RuntimeEvent::Leases(Event::Closed { lease, .. } | Event::Removed { lease }) =
            event.event
        {
            handled += 1;
            assert!(model.close_expired(lease), "the queue came to lease {lease} before its time");
        }
    }
    assert!(handled <= 4, "a block handled {handled} entries");
}

fn check(model: &mut Plain, issuance: Balance) {
    model.sweep();
    for who in ALL.into_iter().chain([77]) {
        let expected = model.accounts.get(&who).cloned().unwrap_or_default();
        assert_eq!(free(&account(who)), expected.free, "free of {who}");
        assert_eq!(held(&account(who)), expected.held, "held of {who}");
    }
    let found = pallet_balances::TotalIssuance::<Test>::get();
    assert_eq!(found, issuance - model.burnt, "money is conserved");
    let machine = pallet_machines::Machines::<Test>::get(machine(1)).expect("it never leaves");
    assert_eq!(machine.strikes, model.strikes);
    let open = |id: &u64| crate::Leases::<Test>::get(id).map(|record| !record.is_closed());
    assert!(model.leases.iter().all(|(id, lease)| open(id) == Some(lease.open)));
    assert_eq!(crate::Leases::<Test>::iter().count(), model.leases.len());
    let mut running: Vec<u64> = crate::Running::<Test>::iter_keys().map(|(_, id)| id).collect();
    running.sort_unstable();
    let runs = model.leases.iter().filter(|(_, lease)| lease.runs()).map(|(id, _)| *id);
    assert_eq!(running, runs.collect::<Vec<_>>());
    try_state();
}

/// Given blocks enough, the queue comes to everything, and no unit stays on hold.
fn finish(model: &mut Plain, issuance: Balance) {
    let mut blocks = 0;
    while !model.leases.is_empty() {
        // Time stands still while the queue is behind: a block moves it by 1,000 slots at most.
        if !model.leases.keys().any(|id| model.due(*id)) {
            pass(1_000);
            model.now += 1_000;
        }
        poll_both(u64::MAX, model);
        check(model, issuance);
        blocks += 1;
        assert!(blocks < 2_000, "the queue does not come to {:?}", model.leases);
    }
    assert!(model.accounts.values().all(|account| account.held == 0));
}

fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 64 * 50 } else { 8 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_unit_is_where_the_model_says(ops in prop::collection::vec(op(), 1..200)) {
        run(|| {
            let issuance = pallet_balances::TotalIssuance::<Test>::get();
            System::inc_providers(&account(BOUND));
            listed(1, GPUS);
            poll(Weight::MAX);
            let mut model = Plain::new(now(), GPUS);
            for op in &ops {
                apply(op, &mut model);
                check(&mut model, issuance);
            }
            finish(&mut model, issuance);
        });
    }
}
