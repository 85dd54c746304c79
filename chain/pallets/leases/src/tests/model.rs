//! The pallet against a plain model of all money: random operations by a few actors over random time.
//! After each, every account's free and held balance is the model's to the unit, the total issuance is
//! what it was, and every invariant of both pallets holds. `DBC_TEST_LONG=1` runs fifty times as many.

use std::collections::BTreeMap;

use dbc_primitives::Balance;
use frame_support::{
    traits::{LockableCurrency as _, WithdrawReasons},
    weights::Weight,
};
use proptest::prelude::*;
use sp_runtime::AccountId32;

use crate::mock::*;

const GPUS: u8 = 4;

#[derive(Debug, Clone)]
enum Op {
    Create { who: u8, gpu: u8, term: u64, receiver: bool },
    Started(u8),
    Settle(u8),
    Extend { lease: u8, slots: u64 },
    End(u8),
    Terminate(u8),
    CloseExpired(u8),
    SetOffer(Balance),
    List,
    Unlist,
    Lock { who: u8, on: bool },
    Pass(u64),
    Poll(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let lease = 0u8..12;
    prop_oneof![
        5 => (2u8..5, 0..GPUS, 5u64..2_000, any::<bool>())
            .prop_map(|(who, gpu, term, receiver)| Op::Create { who, gpu, term, receiver }),
        4 => lease.clone().prop_map(Op::Started),
        3 => lease.clone().prop_map(Op::Settle),
        2 => (lease.clone(), 1u64..500).prop_map(|(lease, slots)| Op::Extend { lease, slots }),
        2 => lease.clone().prop_map(Op::End),
        1 => lease.clone().prop_map(Op::Terminate),
        1 => lease.prop_map(Op::CloseExpired),
        1 => (1u128..50_000).prop_map(Op::SetOffer),
        1 => Just(Op::List),
        1 => Just(Op::Unlist),
        1 => (2u8..5, any::<bool>()).prop_map(|(who, on)| Op::Lock { who, on }),
        5 => (0u64..400).prop_map(Op::Pass),
        3 => (0u64..2_000_000_000).prop_map(Op::Poll),
    ]
}

/// What the model knows of a lease: who pays, who gets the rest, and when it runs at which rate.
#[derive(Debug, Clone)]
struct Lease {
    renter: u8,
    receiver: u8,
    rate: Balance,
    term: u64,
    deposited: Balance,
    deadline: u64,
    started: Option<u64>,
    settled: u64,
    open: bool,
}

#[derive(Debug, Default)]
struct Model {
    free: BTreeMap<u8, Balance>,
    held: BTreeMap<u8, Balance>,
    leases: BTreeMap<u64, Lease>,
}

const TREASURY: u8 = 200;

impl Model {
    fn charge(&mut self, id: u64, until: u64) {
        let lease = self.leases.get_mut(&id).expect("known");
        if lease.started.is_none() {
            return;
        }
        let to = until.min(lease.deadline).max(lease.settled);
        let rent = lease.rate * Balance::from(to - lease.settled);
        lease.settled = to;
        let fee = rent * 5 / 100;
        *self.held.entry(lease.renter).or_default() -= rent;
        *self.free.entry(1).or_default() += rent - fee;
        *self.free.entry(TREASURY).or_default() += fee;
        lease.deposited -= rent;
    }

    fn close(&mut self, id: u64) {
        let lease = self.leases.get_mut(&id).expect("known");
        *self.held.entry(lease.renter).or_default() -= lease.deposited;
        *self.free.entry(lease.receiver).or_default() += lease.deposited;
        lease.deposited = 0;
        lease.open = false;
    }

    fn due(&self, id: u64) -> bool {
        self.leases.get(&id).is_some_and(|lease| lease.open && now() >= lease.deadline)
    }

    fn close_due(&mut self, id: u64) {
        self.charge(id, now());
        self.close(id);
    }
}

fn apply(op: &Op, model: &mut Model) {
    let id = |lease: u8| u64::from(lease) + 1;
    let signed = |who: u8| RuntimeOrigin::signed(account(who));
    match *op {
        Op::Create { who, gpu, term, receiver } => {
            let mut wanted = order(machine(1), &[gpu], term, crate::NextLease::<Test>::get());
            wanted.receiver = receiver.then(other);
            let lease = crate::NextLease::<Test>::get();
            if Leases::create(signed(who), wanted).is_ok() {
                let record = record(lease);
                let deposited = record.leg.rate * Balance::from(term);
                *model.free.entry(who).or_default() -= deposited;
                *model.held.entry(who).or_default() += deposited;
                let receiver = if receiver { 3 } else { who };
                let deadline = now() + 300;
                let rate = record.leg.rate;
                let known = Lease {
                    renter: who,
                    receiver,
                    rate,
                    term,
                    deposited,
                    deadline,
                    started: None,
                    settled: now(),
                    open: true,
                };
                model.leases.insert(lease, known);
            }
        }
        Op::Started(lease) => {
            if Leases::started(signed(1), id(lease)).is_ok() {
                let known = model.leases.get_mut(&id(lease)).expect("it exists");
                assert!(known.open && known.started.is_none() && now() < known.deadline);
                known.started = Some(now());
                known.settled = now();
                known.deadline = now() + known.term;
            }
        }
        Op::Settle(lease) => {
            let due = model.due(id(lease));
            if Leases::settle(signed(4), id(lease)).is_ok() {
                match due {
                    true => model.close_due(id(lease)),
                    false => model.charge(id(lease), now()),
                }
            }
        }
        Op::Extend { lease, slots } => {
            let version =
                pallet_machines::Machines::<Test>::get(machine(1)).map_or(0, |m| m.offer_version);
            let Some(renter) = model.leases.get(&id(lease)).map(|known| known.renter) else {
                return;
            };
            if Leases::extend(signed(renter), id(lease), slots, version, Balance::MAX).is_ok() {
                let known = model.leases.get_mut(&id(lease)).expect("it exists");
                let added = known.rate * Balance::from(slots);
                known.deposited += added;
                known.term += slots;
                known.deadline += slots;
                *model.free.entry(renter).or_default() -= added;
                *model.held.entry(renter).or_default() += added;
            }
        }
        Op::End(lease) => {
            let Some(known) = model.leases.get(&id(lease)).cloned() else { return };
            let due = model.due(id(lease));
            if Leases::end(signed(known.renter), id(lease)).is_ok() {
                if due {
                    model.close_due(id(lease));
                } else {
                    model.charge(id(lease), now());
                    if let Some(started) = known.started {
                        model.charge(id(lease), started + 100);
                    }
                    model.close(id(lease));
                }
            } else {
                assert!(!known.open, "ending an open lease cannot fail");
            }
        }
        Op::Terminate(lease) => {
            if Leases::terminate(signed(1), id(lease)).is_ok() {
                model.close_due(id(lease));
            }
        }
        Op::CloseExpired(lease) => {
            let due = model.due(id(lease));
            if Leases::close_expired(signed(4), id(lease)).is_ok() && due {
                model.close_due(id(lease));
            }
        }
        Op::SetOffer(rate) => {
            let _ = Machines::set_offer(signed(1), machine(1), offer(rate, 1));
        }
        Op::List => {
            let _ = Machines::list(signed(1), machine(1));
        }
        Op::Unlist => {
            let _ = Machines::unlist(signed(1), machine(1));
        }
        Op::Lock { who, on: true } => {
            Balances::set_lock(*b"vote    ", &account(who), Balance::MAX, WithdrawReasons::all());
        }
        Op::Lock { who, on: false } => Balances::remove_lock(*b"vote    ", &account(who)),
        Op::Pass(slots) => pass(slots),
        Op::Poll(picoseconds) => {
            poll(Weight::from_parts(picoseconds, u64::MAX));
            // Which of those that are due the queue came to is its business; the money is ours.
            let ids: Vec<u64> = model.leases.keys().copied().collect();
            for id in ids {
                let closed = crate::Leases::<Test>::get(id).is_none_or(|record| record.is_closed());
                if closed && model.leases[&id].open {
                    assert!(model.due(id), "the queue closed a lease before its time");
                    model.close_due(id);
                }
            }
        }
    }
}

fn check(model: &Model, issuance: Balance) {
    assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issuance, "money is conserved");
    for who in [1, 2, 3, 4, TREASURY] {
        let account: AccountId32 = account(who);
        assert_eq!(free(&account), model.free.get(&who).copied().unwrap_or(0), "free of {who}");
        assert_eq!(held(&account), model.held.get(&who).copied().unwrap_or(0), "held of {who}");
    }
    try_state();
}

fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 2_400 } else { 48 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_unit_is_where_the_model_says(ops in prop::collection::vec(op(), 1..150)) {
        run(|| {
            let issuance = pallet_balances::TotalIssuance::<Test>::get();
            listed(1, GPUS);
            poll(Weight::MAX);
            let mut model = Model::default();
            for who in [1, 2, 3, 4, TREASURY] {
                model.free.insert(who, free(&account(who)));
            }
            for op in &ops {
                apply(op, &mut model);
                check(&model, issuance);
            }
        });
    }
}
