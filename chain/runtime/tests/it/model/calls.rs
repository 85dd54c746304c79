//! What people try in the model: things that mean something in their order, and any call at all.

use dbc_primitives::{
    Amount,
    audit::{Findings, Terms, Verdict, commitment, visit_commitment},
    liveness,
};
use dbc_runtime::{
    AccountId, Balances, Runtime, RuntimeCall, configs::audits::Audited, constants::DBC,
    session_keys::SessionKeys,
};
use frame_support::traits::{Bounded, fungible::Inspect as _, schedule::DispatchTime};
use pallet_audits::{AuditedMachines as _, VisitReport};
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_disputes::Kind;
use pallet_staking::RewardDestination;
use sp_keyring::Sr25519Keyring::{self, Alice};

use super::Op;
use crate::{
    random::{Luck, MACHINES, Maker, PEOPLE},
    world::*,
    *,
};

/// Pallets of ours.
const OURS: [&str; 7] =
    ["Machines", "Leases", "Liveness", "Audits", "Rewards", "Disputes", "Prices"];
/// Others whose calls move money or carry calls. Not the technical committee: it would pause everything.
const OTHERS: [&str; 17] = [
    "Balances",
    "Staking",
    "VoterList",
    "Session",
    "NominationPools",
    "Multisig",
    "Proxy",
    "Utility",
    "ConvictionVoting",
    "Referenda",
    "Treasury",
    "Bounties",
    "Identity",
    "Preimage",
    "Vesting",
    "Council",
    "Scheduler",
];

/// A poll to vote on, and nobody with a key to everything.
pub fn begin() {
    pallet_sudo::Key::<Runtime>::kill();
    act(Alice, submitted(vec![0, 0, 0])).unwrap();
}

/// A proposal that root shall do these bytes.
fn submitted(bytes: Vec<u8>) -> RuntimeCall {
    RuntimeCall::Referenda(pallet_referenda::Call::submit {
        proposal_origin: Box::new(frame_system::RawOrigin::Root.into()),
        proposal: Bounded::Inline(bytes.try_into().expect("a short call")),
        enactment_moment: DispatchTime::After(1),
    })
}

/// The call that an operation makes, if it makes one.
pub fn call(op: &Op, maker: &Maker) -> Option<RuntimeCall> {
    let mut luck = Luck(op.number);
    Some(match op.what {
        0..=14 => machines(op),
        15..=29 => leases(op),
        30..=39 => audits(op),
        40..=47 => others_of_ours(op),
        48..=55 => money(op),
        56..=67 => staking(op),
        68..=73 => carried(op, maker)?,
        74..=90 => maker.call(&mut luck, &OURS)?,
        _ => maker.call(&mut luck, &OTHERS)?,
    })
}

fn who(op: &Op) -> Sr25519Keyring {
    PEOPLE[op.who]
}

fn someone(op: &Op) -> AccountId {
    PEOPLE[(op.other % 6) as usize].to_account_id()
}

fn number(op: &Op) -> u8 {
    MACHINES[(op.number % 4) as usize]
}

fn machines(op: &Op) -> RuntimeCall {
    let (other, number) = (op.other, number(op));
    let machine = machine(number);
    let cards = if number < VERIFIED { 1 + other as usize % 3 } else { 0 };
    match op.what % 15 {
        0 => RuntimeCall::Machines(pallet_machines::Call::<Runtime>::set_operator {
            operator: someone(op),
        }),
        1..=4 => registration(who(op), number, facts(cards, CARD)),
        5..=6 => {
            let amount = match other % 3 {
                0 => Amount::UsdMicro(u128::from(other % 1_000_000)),
                _ => Amount::Dbc(u128::from(other % 100) * DBC),
            };
            let offer = offer_of(amount);
            pallet_machines::Call::<Runtime>::set_offer { machine, offer }.into()
        }
        7..=9 => pallet_machines::Call::<Runtime>::list { machine }.into(),
        10 => pallet_machines::Call::<Runtime>::unlist { machine }.into(),
        11 => pallet_machines::Call::<Runtime>::retire { machine }.into(),
        12 => pallet_machines::Call::<Runtime>::withdraw_stake { machine }.into(),
        _ => pallet_machines::Call::<Runtime>::top_up { machine }.into(),
    }
}

fn leases(op: &Op) -> RuntimeCall {
    let (number, other) = (number(op), op.other);
    let lease = 1 + op.number % pallet_leases::NextLease::<Runtime>::get().max(1);
    match op.what % 15 {
        0..=4 => {
            let found = pallet_machines::Machines::<Runtime>::get(machine(number));
            if found.is_none() {
                return pallet_leases::Call::<Runtime>::settle { lease }.into();
            }
            let cards: &[u8] = if number < VERIFIED { &[(other % 3) as u8] } else { &[] };
            let mut order = order(number, cards, 100 + other % 3_000);
            order.tag = other % 1_000;
            order.receiver = (other % 5 == 0).then(|| AccountId::new([other as u8; 32]));
            pallet_leases::Call::<Runtime>::create { order }.into()
        }
        5..=7 => pallet_leases::Call::<Runtime>::started { lease }.into(),
        8 => pallet_leases::Call::<Runtime>::settle { lease }.into(),
        9..=10 => pallet_leases::Call::<Runtime>::end { lease }.into(),
        11 => pallet_leases::Call::<Runtime>::terminate { lease }.into(),
        12 => {
            let (slots, max_rate) = (other % 2_000, 1_000 * DBC);
            pallet_leases::Call::<Runtime>::extend { lease, slots, offer_version: 1, max_rate }
                .into()
        }
        13 => pallet_leases::Call::<Runtime>::close_expired { lease }.into(),
        _ => pallet_leases::Call::<Runtime>::revoke_grants { lease }.into(),
    }
}

fn audits(op: &Op) -> RuntimeCall {
    let audit = 1 + op.number % pallet_audits::NextAudit::<Runtime>::get().max(1);
    let verdict = match op.other % 3 {
        0 => Verdict::Pass(Findings { throughput: 5, ..Findings::default() }),
        1 => Verdict::Fail,
        _ => Verdict::Unreachable,
    };
    let root = [op.who as u8; 32];
    match op.what % 12 {
        10 => {
            let account = someone(op);
            let secret = [op.who as u8; 32];
            let commit = visit_commitment(&who(op).to_account_id(), &secret, &account);
            pallet_audits::Call::<Runtime>::plan_visit { commit }.into()
        }
        11 => told_visit(op, verdict).into(),
        0..=2 => pallet_audits::Call::<Runtime>::request { machine: machine(number(op)) }.into(),
        3..=5 => {
            let commit = commitment(&who(op).to_account_id(), &root, &verdict);
            pallet_audits::Call::<Runtime>::commit { audit, commit }.into()
        }
        6..=8 => pallet_audits::Call::<Runtime>::reveal { audit, root, verdict }.into(),
        _ => pallet_audits::Call::<Runtime>::demand { audit, auditor: someone(op) }.into(),
    }
}

/// What an auditor tells of a visit, or that he gives it up.
fn told_visit(op: &Op, verdict: Verdict) -> pallet_audits::Call<Runtime> {
    let (secret, account) = ([op.who as u8; 32], someone(op));
    if op.other % 4 == 0 {
        return pallet_audits::Call::<Runtime>::give_up_visit { secret, account };
    }
    let lease = 1 + op.number % pallet_leases::NextLease::<Runtime>::get().max(1);
    let found = pallet_leases::Leases::<Runtime>::get(lease);
    let cards = found.as_ref().map_or(0, |lease| lease.gpus.len() as u16);
    let machine = found.map_or_else(|| machine(number(op)), |lease| lease.machine);
    let terms = Audited::terms_of(machine, cards).unwrap_or(Terms {
        gpus: 0,
        edge: 1,
        links: 1,
        openings: 1,
        commit_ms: 1,
        open_ms: 1,
    });
    let (renter, attempt, root) = (account, (op.number % 9) as u8, [1; 32]);
    let report = VisitReport { secret, renter, attempt, lease, terms, root, verdict };
    pallet_audits::Call::<Runtime>::reveal_visit { report }
}

fn others_of_ours(op: &Op) -> RuntimeCall {
    let (machine, other) = (machine(number(op)), op.other);
    match op.what % 8 {
        0 => {
            let lease = 1 + op.number % pallet_leases::NextLease::<Runtime>::get().max(1);
            let kind = if other % 2 == 0 { Kind::Malfunction } else { Kind::Counterfeit };
            let lease = (other % 3 == 0).then_some(lease);
            pallet_disputes::Call::<Runtime>::report { machine, kind, lease }.into()
        }
        1 => {
            let offence = 1 + op.number % pallet_disputes::NextOffence::<Runtime>::get().max(1);
            pallet_disputes::Call::<Runtime>::appeal { offence }.into()
        }
        2 => pallet_rewards::Call::<Runtime>::claim { provider: someone(op) }.into(),
        3 => pallet_rewards::Call::<Runtime>::poke { machine }.into(),
        4 => {
            let price = 15_000 + u128::from(other % 10_000);
            pallet_prices::Call::<Runtime>::feed { price }.into()
        }
        5 => pallet_liveness::Call::<Runtime>::join {}.into(),
        6 => pallet_liveness::Call::<Runtime>::leave {}.into(),
        _ => {
            let mut heard = liveness::none();
            (0..4)
                .filter(|bit| other >> bit & 1 == 1)
                .for_each(|bit| liveness::set(&mut heard, bit, true));
            let interval = (now() / INTERVAL).saturating_sub(1);
            let (cohort, root, opening) = (0, [0; 32], None);
            pallet_liveness::Call::<Runtime>::report { interval, cohort, heard, root, opening }
                .into()
        }
    }
}

/// He gives everything away, or locks everything that he has, holds included (rule 12).
fn money(op: &Op) -> RuntimeCall {
    let all = Balances::total_balance(&who(op).to_account_id());
    match op.what % 8 {
        0..=2 => RuntimeCall::ConvictionVoting(pallet_conviction_voting::Call::vote {
            poll_index: 0,
            vote: AccountVote::Standard {
                vote: Vote { aye: op.other % 2 == 0, conviction: Conviction::Locked6x },
                balance: all,
            },
        }),
        3 => RuntimeCall::ConvictionVoting(pallet_conviction_voting::Call::remove_vote {
            class: None,
            index: 0,
        }),
        4 => RuntimeCall::Balances(pallet_balances::Call::transfer_all {
            dest: someone(op).into(),
            keep_alive: op.other % 4 != 0,
        }),
        _ => RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
            dest: someone(op).into(),
            value: u128::from(op.other) * 1_000_000,
        }),
    }
}

fn staking(op: &Op) -> RuntimeCall {
    use pallet_nomination_pools::Call as Pools;
    use pallet_staking::Call as Staking;
    let value = u128::from(op.other % 50_000) * DBC;
    let me = || who(op).to_account_id();
    let pool = 1 + (op.number % 3) as u32;
    let call = match op.what % 12 {
        0..=1 => Staking::bond { value, payee: RewardDestination::Staked },
        2 => Staking::nominate { targets: vec![Alice.to_account_id().into()] },
        3 => Staking::unbond { value },
        4 => Staking::withdraw_unbonded { num_slashing_spans: 0 },
        5 => Staking::validate { prefs: Default::default() },
        6 => Staking::chill {},
        7 => {
            let era = pallet_staking::CurrentEra::<Runtime>::get().unwrap_or(0);
            let era = era.saturating_sub(1 + (op.other % 4) as u32);
            Staking::payout_stakers { validator_stash: someone(op), era }
        }
        8 => {
            let (root, nominator, bouncer) = (me().into(), me().into(), me().into());
            return Pools::<Runtime>::create { amount: value, root, nominator, bouncer }.into();
        }
        9 => return Pools::<Runtime>::join { amount: value, pool_id: pool }.into(),
        10 => {
            let (member_account, unbonding_points) = (me().into(), value / 2);
            return Pools::<Runtime>::unbond { member_account, unbonding_points }.into();
        }
        _ => {
            let key = who(op).public();
            let finalizer = sp_keyring::Ed25519Keyring::Alice.public();
            let keys = SessionKeys {
                babe: key.into(),
                grandpa: finalizer.into(),
                authority_discovery: key.into(),
            };
            let proof = Vec::new();
            return RuntimeCall::Session(match op.other % 3 {
                0 => pallet_session::Call::purge_keys {},
                _ => pallet_session::Call::set_keys { keys, proof },
            });
        }
    };
    RuntimeCall::Staking(call)
}

/// Calls within calls: batches, multisigs, proxies; motions and proposals that carry one.
fn carried(op: &Op, maker: &Maker) -> Option<RuntimeCall> {
    let mut luck = Luck(op.other);
    let inner = if op.number % 2 == 0 {
        let what = 15 + (op.number >> 8) as u8 % 40;
        call(&Op { what, ..op.clone() }, maker)?
    } else {
        maker.call(&mut luck, &OURS)?
    };
    let boxed = Box::new(inner.clone());
    Some(match op.what % 6 {
        0 => RuntimeCall::Utility(pallet_utility::Call::batch { calls: vec![inner; 2] }),
        1 => RuntimeCall::Utility(pallet_utility::Call::batch_all { calls: vec![inner; 2] }),
        2 => {
            let other = someone(op);
            RuntimeCall::Multisig(match op.other % 3 {
                0 => pallet_multisig::Call::as_multi_threshold_1 {
                    other_signatories: vec![other],
                    call: boxed,
                },
                _ => pallet_multisig::Call::as_multi {
                    threshold: 2,
                    other_signatories: vec![other],
                    maybe_timepoint: None,
                    call: boxed,
                    max_weight: frame_support::weights::Weight::from_parts(1_000_000_000, 0),
                },
            })
        }
        3 => RuntimeCall::Proxy(pallet_proxy::Call::add_proxy {
            delegate: someone(op).into(),
            proxy_type: dbc_runtime::configs::accounts::ProxyType::Any,
            delay: 0,
        }),
        4 => RuntimeCall::Proxy(pallet_proxy::Call::proxy {
            real: someone(op).into(),
            force_proxy_type: None,
            call: boxed,
        }),
        _ => {
            let spend = pallet_treasury::Call::<Runtime>::spend {
                asset_kind: Box::new(()),
                amount: u128::from(op.other % 1_000) * DBC,
                beneficiary: Box::new(someone(op)),
                valid_from: None,
            };
            match op.other % 3 {
                0 => submitted(RuntimeCall::from(spend).encode()),
                1 => RuntimeCall::Referenda(pallet_referenda::Call::place_decision_deposit {
                    index: (op.number % 4) as u32,
                }),
                _ => RuntimeCall::Treasury(pallet_treasury::Call::payout {
                    index: (op.number % 4) as u32,
                }),
            }
        }
    })
}
