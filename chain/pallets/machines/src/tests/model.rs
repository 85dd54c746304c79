//! Random calls by random people, and what leases, audits and disputes do beside them. After each: every
//! invariant holds, no unit was lost or made, each machine's status moved only along the pallet's
//! diagram and only by what may move it, and what is on hold is what its records say.
//! `DBC_TEST_LONG=1` runs a hundred times as many.

use std::collections::{BTreeMap, BTreeSet};

use dbc_primitives::{
    Amount, Balance, HardwareFacts, Location, MachineClass, MachineId, MachineStatus as Status,
    Slot,
};
use frame_support::dispatch::DispatchResult;
use proptest::prelude::*;

use crate::{Fleet, Machines as Records, Part, Tier, mock::*};

/// Accounts that provide, and the operator of the first.
const PEOPLE: [u64; 3] = [PROVIDER, OTHER, OPERATOR];
const TREASURY: u64 = 99;

#[derive(Debug, Clone, Copy)]
enum Op {
    Register { gpus: u8 },
    SetOffer,
    List,
    Unlist,
    Retire,
    Withdraw,
    TopUp,
    Release,
    Announce { ahead: Slot, length: Slot },
    Cancel,
    JoinTier,
    LeaveTier,
    Change { gpus: u8, disk: u32 },
    OfferHandover { to: usize },
    AcceptHandover,
    WithdrawHandover,
    Occupy,
    Vacate,
    Verify,
    Unverify,
    Blame,
    Slash { amount: Balance },
    Disputed(bool),
    Audited(bool),
    Ask { stake: Balance },
    Pass { slots: Slot },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u8..5).prop_map(|gpus| Op::Register { gpus }),
        3 => Just(Op::SetOffer),
        5 => Just(Op::List),
        1 => Just(Op::Unlist),
        1 => Just(Op::Retire),
        2 => Just(Op::Withdraw),
        1 => Just(Op::TopUp),
        2 => Just(Op::Release),
        2 => (0..2 * NOTICE, 0..2 * MAINTENANCE)
            .prop_map(|(ahead, length)| Op::Announce { ahead, length }),
        1 => Just(Op::Cancel),
        2 => Just(Op::JoinTier),
        1 => Just(Op::LeaveTier),
        2 => (0u8..5, 100u32..102).prop_map(|(gpus, disk)| Op::Change { gpus, disk }),
        2 => (0usize..3).prop_map(|to| Op::OfferHandover { to }),
        3 => Just(Op::AcceptHandover),
        1 => Just(Op::WithdrawHandover),
        2 => Just(Op::Occupy),
        3 => Just(Op::Vacate),
        4 => Just(Op::Verify),
        1 => Just(Op::Unverify),
        1 => Just(Op::Blame),
        1 => (1..2 * STAKE).prop_map(|amount| Op::Slash { amount }),
        1 => prop::bool::weighted(0.1).prop_map(Op::Disputed),
        1 => prop::bool::weighted(0.1).prop_map(Op::Audited),
        1 => (STAKE / 2..2 * STAKE).prop_map(|stake| Op::Ask { stake }),
        5 => prop_oneof![4 => 0 as Slot..400, 1 => 0 as Slot..3_000]
            .prop_map(|slots| Op::Pass { slots }),
    ]
}

fn register_at_random(who: u64, number: u8, gpus: u8) -> DispatchResult {
    register_as(who, number, facts(gpus), proof(number, genesis(), who))
}

fn change(who: u64, number: u8, gpus: u8, disk_gib: u32) -> DispatchResult {
    let class = if gpus == 0 { MachineClass::Cpu } else { MachineClass::Training };
    let facts = HardwareFacts { disk_gib, ..facts(gpus) };
    let by = RuntimeOrigin::signed(who);
    Machines::change_hardware(by, machine(number), class, facts, Location::default())
}

/// The first part of a machine, a card or all its shares.
fn part(machine: MachineId) -> Option<Part<'static>> {
    let record = Records::<Test>::get(machine)?;
    Some(match record.facts.gpus.is_empty() {
        true => Part::cpu(1),
        false => Part::gpus(&[0]),
    })
}

/// Who calls: mostly somebody who may, else anybody.
fn caller(op: Op, choice: usize, number: u8) -> u64 {
    let record = Records::<Test>::get(machine(number));
    let may = record.and_then(|record| match op {
        Op::AcceptHandover => record.handover,
        _ => Some(record.provider),
    });
    PEOPLE.get(choice).copied().or(may).unwrap_or(PROVIDER)
}

/// Does one thing, by `who`, to a machine.
fn apply(op: Op, who: u64, number: u8) -> DispatchResult {
    let (by, id) = (RuntimeOrigin::signed(who), machine(number));
    match op {
        Op::Register { gpus } => return register_at_random(who, number, gpus),
        Op::SetOffer => return Machines::set_offer(by, id, offer(Amount::Dbc(5))),
        Op::List => return Machines::list(by, id),
        Op::Unlist => return Machines::unlist(by, id),
        Op::Retire => return Machines::retire(by, id),
        Op::Withdraw => return Machines::withdraw_stake(by, id),
        Op::TopUp => return Machines::top_up(by, id),
        Op::Release => return Machines::release_stake(by, id),
        Op::Announce { ahead, length } => {
            let from = now() + ahead;
            return Machines::announce_maintenance(by, id, from, from + length);
        }
        Op::Cancel => return Machines::cancel_maintenance(by, id),
        Op::JoinTier => return Machines::join_tier(by, id),
        Op::LeaveTier => return Machines::leave_tier(by, id),
        Op::Change { gpus, disk } => return change(who, number, gpus, disk),
        Op::OfferHandover { to } => return Machines::offer_handover(by, id, PEOPLE[to]),
        Op::AcceptHandover => return Machines::accept_handover(by, id),
        Op::WithdrawHandover => return Machines::withdraw_handover(by, id),
        // Leases take what was quoted to them.
        Op::Occupy => {
            let quoted = part(id).filter(|part| {
                let version = Records::<Test>::get(id).map_or(0, |record| record.offer_version);
                Machines::quote(id, *part, version).is_ok()
            });
            return quoted.map_or(Ok(()), |part| Machines::occupy(id, part).map(drop));
        }
        Op::Vacate => {
            if let Some(part) = part(id) {
                Machines::vacate(id, part);
            }
        }
        Op::Verify => Machines::verify(id),
        Op::Unverify => Machines::unverify(id),
        Op::Blame => Machines::lose_tier(id),
        Op::Slash { amount } => {
            Machines::slash(id, amount, &TREASURY);
        }
        Op::Disputed(yes) => disputed(yes),
        Op::Audited(yes) => audited(yes),
        Op::Ask { stake } => StakePerGpu::set(&stake),
        Op::Pass { slots } => pass(slots),
    }
    Ok(())
}

/// The diagram: from where to where a thing may move a machine. A retiring machine's slot is not looked at.
fn may_move(op: Op, from: Option<Status>, to: Option<Status>) -> bool {
    let plain = |status: Option<Status>| match status {
        Some(Status::Retiring { .. }) => Some(Status::Retiring { since: 0 }),
        other => other,
    };
    let (from, to) = (plain(from), plain(to));
    let leaving = Some(Status::Retiring { since: 0 });
    if from == to {
        return true;
    }
    match op {
        Op::Register { .. } => {
            from.is_none() && matches!(to, Some(Status::Registered | Status::Verified))
        }
        Op::List => (from, to) == (Some(Status::Verified), Some(Status::Listed)),
        Op::Unlist | Op::Slash { .. } => {
            (from, to) == (Some(Status::Listed), Some(Status::Verified))
        }
        Op::Retire => from.is_some() && to == leaving,
        Op::Withdraw => from == leaving && to.is_none(),
        Op::Verify => (from, to) == (Some(Status::Registered), Some(Status::Verified)),
        Op::Change { .. } | Op::Unverify => {
            matches!(from, Some(Status::Verified | Status::Listed))
                && to == Some(Status::Registered)
        }
        _ => false,
    }
}

fn statuses() -> BTreeMap<MachineId, (Status, u64)> {
    Records::<Test>::iter().map(|(id, record)| (id, (record.status, record.provider))).collect()
}

/// All money of an account, on hold or not.
fn wealth(who: u64) -> Balance {
    free(who) + staked_by(who)
}

fn step(op: Op, who: u64, number: u8) {
    let id = machine(number);
    let (before, record_before) = (statuses(), Records::<Test>::get(id));
    let owned: Vec<Balance> = PEOPLE.iter().map(|who| wealth(*who)).collect();
    let result = frame_support::storage::with_storage_layer(|| apply(op, who, number));
    let (after, record_after) = (statuses(), Records::<Test>::get(id));
    for found in before.keys().chain(after.keys()) {
        let status = |all: &BTreeMap<_, (Status, u64)>| all.get(found).map(|(status, _)| *status);
        let (from, to) = (status(&before), status(&after));
        assert!(from == to || *found == id, "{op:?} moved another machine");
        assert!(may_move(op, from, to), "{op:?} moved a machine from {from:?} to {to:?}");
        let provider = |all: &BTreeMap<_, (Status, u64)>| all.get(found).map(|(_, who)| *who);
        let same = provider(&before) == provider(&after) || from.is_none() || to.is_none();
        assert!(same || matches!(op, Op::AcceptHandover), "{op:?} changed a provider");
    }
    if result.is_err() {
        assert_eq!(record_before, record_after, "{op:?} failed and changed something");
    }
    // Only what is taken leaves anybody, and never more than was on hold.
    let lost: Balance = PEOPLE.iter().zip(&owned).map(|(who, had)| had - wealth(*who)).sum();
    let slashed = record_before.as_ref().zip(record_after.as_ref());
    let slashed = slashed.map_or(0, |(before, after)| before.stake.saturating_sub(after.stake));
    assert_eq!(lost, if matches!(op, Op::Slash { .. }) { slashed } else { 0 }, "{op:?}");
    if let (Some(before), Some(after)) = (record_before, record_after) {
        let leased = before.is_leased();
        assert!(!leased || before.facts == after.facts, "{op:?} changed leased hardware");
        let gained = before.tier != Tier::Stable && after.tier == Tier::Stable;
        assert!(!gained || matches!(op, Op::JoinTier), "{op:?} gave a tier");
    }
    for who in PEOPLE {
        let listed: BTreeSet<_> = Machines::machines_of(who, None, 100).into_iter().collect();
        let his = after.iter().filter(|(_, (_, provider))| *provider == who).map(|(id, _)| *id);
        assert_eq!(listed, his.collect(), "{op:?}");
    }
    Machines::do_try_state().expect("invariants");
}

fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 64 * 100 } else { 64 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_called_statuses_follow_the_diagram_and_stakes_their_records(
        story in prop::collection::vec((op(), 0usize..12, 1u8..4), 1..200),
    ) {
        run(|| {
            let _ = Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR);
            let _ = Machines::set_operator(RuntimeOrigin::signed(OTHER), OTHER);
            let issuance = pallet_balances::TotalIssuance::<Test>::get();
            for (op, choice, number) in story {
                step(op, caller(op, choice, number), number);
            }
            assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issuance);
        });
    }
}
