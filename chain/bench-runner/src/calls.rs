//! The calls of our pallets, each as the transactions of people to whom it is allowed now, on its longest path
//! where that can be had.

use anyhow::{Context as _, Result, bail};
use codec::Encode as _;
use dbc_primitives::{MachineId, audit::Verdict};
use dbc_runtime::{Runtime, RuntimeCall, constants::DBC};
use frame_support::{dispatch::GetDispatchInfo as _, traits::GetCallName as _, weights::Weight};
use sp_keyring::Sr25519Keyring::Alice;

use crate::{
    chain::{
        AuditsCall, DisputesCall, LeasesCall, LivenessCall, MachinesCall, PricesCall, RewardsCall,
        Role, account, signed,
    },
    state::{Base, Case},
    subjects::{self, LAST, Made, PLANNERS, Subjects, by, machine},
};

/// All that are measured; the first two are [`Base`]'s.
///
/// # Errors
/// When something that a call needs is not there.
pub fn all(of: &Subjects) -> Result<Vec<Case>> {
    let mut cases = vec![
        signed_case("system.remark", of.samples, |n| by(Role::Renter, n, remark()))?,
        sudo_case("system.remark by governance", |_| Ok(remark()), of.samples)?,
        signed_case("balances.transfer", of.samples, |n| {
            let dest = account(Role::Operator, n).into();
            let call = pallet_balances::Call::<Runtime>::transfer_keep_alive { dest, value: DBC };
            by(Role::Renter, n, call)
        })?,
    ];
    cases.extend(machines(of)?);
    cases.extend(leases(of)?);
    cases.extend(watchers(of)?);
    cases.extend(audits(of)?);
    cases.extend(rest(of)?);
    Ok(cases)
}

/// Calls of ours that nobody measures, for whoever reads the numbers.
pub fn not_measured(cases: &[Case]) -> Vec<String> {
    let names = [
        ("machines", MachinesCall::get_call_names()),
        ("leases", LeasesCall::get_call_names()),
        ("liveness", LivenessCall::get_call_names()),
        ("audits", AuditsCall::get_call_names()),
        ("rewards", RewardsCall::get_call_names()),
        ("disputes", DisputesCall::get_call_names()),
        ("prices", PricesCall::get_call_names()),
    ];
    let all = names
        .iter()
        .flat_map(|(pallet, calls)| calls.iter().map(move |call| format!("{pallet}.{call}")));
    all.filter(|name| !cases.iter().any(|case| case.name == *name)).collect()
}

fn machines(of: &Subjects) -> Result<Vec<Case>> {
    use crate::chain::MachinesCall as Call;
    let operator = Role::Operator;
    let on = |name: &str, kind: &'static str, call: fn(MachineId) -> Call| {
        signed_case(name, of.samples, |n| by(operator, n, call(machine(kind, n))))
    };
    Ok(vec![
        signed_case("machines.set_operator", of.samples, |n| {
            let operator = account(Role::Fresh, n);
            by(Role::Provider, n, Call::set_operator { operator })
        })?,
        signed_case("machines.register", of.samples, |n| {
            let call = subjects::registration("new", n, 16);
            pallet_machines::VerifiedAtGenesis::<Runtime>::insert(machine("new", n), ());
            by(operator, n, call)
        })?,
        on("machines.set_network", "listed", |machine| Call::set_network {
            machine,
            network: dbc_primitives::NetworkFacts::default(),
        })?,
        on("machines.set_offer", "listed", |machine| Call::set_offer {
            machine,
            offer: subjects::offer(),
        })?,
        on("machines.list", "unlisted", |machine| Call::list { machine })?,
        on("machines.unlist", "listed", |machine| Call::unlist { machine })?,
        on("machines.retire", "unlisted", |machine| Call::retire { machine })?,
        on("machines.withdraw_stake", "retired", |machine| Call::withdraw_stake { machine })?,
        on("machines.top_up", "slashed", |machine| Call::top_up { machine })?,
        on("machines.announce_maintenance", "listed", |machine| Call::announce_maintenance {
            machine,
            from: LAST + 2_000,
            until: LAST + 2_100,
        })?,
        on("machines.cancel_maintenance", "offered", |machine| Call::cancel_maintenance {
            machine,
        })?,
        signed_case("machines.change_hardware", of.samples, |n| {
            let Call::register { machine, class, mut facts, location, .. } =
                subjects::registration("unlisted", n, 8)
            else {
                bail!("a registration is no other call");
            };
            facts.gpus.truncate(7);
            by(operator, n, Call::change_hardware { machine, class, facts, location })
        })?,
        signed_case("machines.offer_handover", of.samples, |n| {
            let (machine, to) = (machine("listed", n), account(Role::Taker, n));
            by(Role::Provider, n, Call::offer_handover { machine, to })
        })?,
        signed_case("machines.accept_handover", of.samples, |n| {
            by(Role::Taker, n, Call::accept_handover { machine: machine("offered", n) })
        })?,
        signed_case("machines.withdraw_handover", of.samples, |n| {
            by(Role::Provider, n, Call::withdraw_handover { machine: machine("offered", n) })
        })?,
        sudo_case(
            "machines.set_relays",
            |_| Ok(Call::set_relays { relays: Default::default() }.into()),
            of.samples,
        )?,
    ])
}

fn leases(of: &Subjects) -> Result<Vec<Case>> {
    use crate::chain::LeasesCall as Call;
    let at = |leases: &[u64], n: u32| leases[n as usize];
    let renter = Role::Renter;
    let running = |name: &str, role: Role, call: fn(u64) -> Call| {
        signed_case(name, of.samples, |n| by(role, n, call(at(&of.running, n))))
    };
    Ok(vec![
        signed_case("leases.create", of.samples, |n| {
            let order = subjects::order(machine("listed", n), 5, 99);
            by(renter, n, Call::create { order })
        })?,
        signed_case("leases.started", of.samples, |n| {
            by(Role::Operator, n, Call::started { lease: at(&of.pending, n) })
        })?,
        running("leases.settle", Role::Operator, |lease| Call::settle { lease })?,
        running("leases.extend", renter, |lease| Call::extend {
            lease,
            slots: 100,
            offer_version: 1,
            max_rate: DBC,
        })?,
        running("leases.end", renter, |lease| Call::end { lease })?,
        running("leases.terminate", Role::Operator, |lease| Call::terminate { lease })?,
        running("leases.set_access", renter, |lease| Call::set_access {
            lease,
            access_key: [9; 32],
        })?,
        running("leases.suspend", renter, |lease| Call::suspend { lease })?,
        signed_case("leases.resume", of.samples, |n| {
            let gpus = vec![4].try_into().unwrap_or_default();
            let (lease, max_rate) = (at(&of.suspended, n), DBC);
            by(renter, n, Call::resume { lease, gpus, offer_version: 1, max_rate })
        })?,
        signed_case("leases.pledge", of.samples, |n| by(renter, n, Call::pledge {}))?,
        signed_case("leases.release_pledge", of.samples, |n| {
            by(Role::Taker, n, Call::release_pledge {})
        })?,
        signed_case("leases.register_platform", of.samples, |n| {
            let beneficiary = account(renter, n);
            by(renter, n, Call::register_platform { fee: 10_000, beneficiary })
        })?,
        signed_case("leases.set_platform", of.samples, |n| {
            let (platform, beneficiary) = (of.platforms[n as usize], account(renter, n));
            by(Role::Taker, n, Call::set_platform { platform, fee: 20_000, beneficiary })
        })?,
        signed_case("leases.close_platform", of.samples, |n| {
            by(Role::Taker, n, Call::close_platform { platform: of.platforms[n as usize] })
        })?,
        signed_case("leases.issue_voucher", of.samples, |n| {
            let (holder, expires) = (account(renter, n), LAST + 100_000);
            let (budget, class) = (1_000 * DBC, None);
            by(Role::Taker, n, Call::issue_voucher { holder, budget, class, expires })
        })?,
        signed_case("leases.revoke_voucher", of.samples, |n| {
            by(Role::Taker, n, Call::revoke_voucher { voucher: of.vouchers[n as usize] })
        })?,
        running("leases.revoke_grants", renter, |lease| Call::revoke_grants { lease })?,
        signed_case("leases.close_expired", of.samples, |n| {
            by(Role::Operator, n, Call::close_expired { lease: at(&of.over, n) })
        })?,
    ])
}

fn watchers(of: &Subjects) -> Result<Vec<Case>> {
    use crate::chain::LivenessCall as Call;
    let (on_duty, opening) = &of.watcher;
    let (interval, cohort) = (subjects::told_interval(), 0);
    let heard = pallet_liveness::Present::<Runtime>::get(cohort);
    let opening = Some(opening.clone());
    Ok(vec![
        signed_case("liveness.join", of.samples, |n| by(Role::Renter, n, Call::join {}))?,
        // Others than those on duty.
        signed_case("liveness.leave", of.samples, |n| {
            by(Role::Watcher, (on_duty + 1 + n) % 16, Call::leave {})
        })?,
        signed_case("liveness.withdraw", of.samples, |n| by(Role::Fresh, n, Call::withdraw {}))?,
        signed_case("liveness.report", of.samples, |_| {
            let (heard, opening) = (heard.clone(), opening.clone());
            let root = [5; 32];
            by(Role::Watcher, *on_duty, Call::report { interval, cohort, heard, root, opening })
        })?,
        signed_case("liveness.open", of.samples, |_| {
            by(Role::Watcher, *on_duty, Call::open { cohort, opening: opening.clone() })
        })?,
    ])
}

fn audits(of: &Subjects) -> Result<Vec<Case>> {
    use crate::chain::AuditsCall as Call;
    let mut cases = vec![
        sudo_case(
            "audits.seat",
            |n| Ok(Call::seat { auditor: account(Role::Renter, n), seated: true }.into()),
            of.samples,
        )?,
        signed_case("audits.join", of.samples, |n| {
            by(Role::Fresh, 1_000 + n, Call::join { key: [1; 32] })
        })?,
        signed_case("audits.leave", of.samples, |n| by(Role::Auditor, n % 16, Call::leave {}))?,
        signed_case("audits.withdraw", of.samples, |n| by(Role::Fresh, n, Call::withdraw {}))?,
        signed_case("audits.set_key", of.samples, |n| {
            by(Role::Auditor, n % 16, Call::set_key { key: [2; 32] })
        })?,
        signed_case("audits.request", of.samples, |n| {
            by(Role::Operator, n, Call::request { machine: machine("idle", n) })
        })?,
        signed_case("audits.commit", of.samples, |n| {
            let audit = of.asked[n as usize];
            let drawn = subjects::auditors(audit)?;
            let who = drawn.iter().find_map(subjects::number_of).context("nobody was drawn")?;
            by(Role::Auditor, who, Call::commit { audit, commit: [3; 32] })
        })?,
        signed_case("audits.reveal", of.samples, |n| {
            let (audit, who) = of.revealed[n as usize];
            by(Role::Auditor, who, Call::reveal { audit, root: [1; 32], verdict: Verdict::Fail })
        })?,
    ];
    cases.push(sudo_case(
        "audits.place",
        |n| Ok(Call::place { auditor: account(Role::Auditor, n % 16), region: Some(276) }.into()),
        of.samples,
    )?);
    cases.push(signed_case("audits.plan_visit", of.samples, |n| {
        by(Role::Auditor, PLANNERS + n % (16 - PLANNERS), Call::plan_visit { commit: [6; 32] })
    })?);
    cases.push(signed_case("audits.reveal_visit", of.samples.min(PLANNERS), |n| {
        by(Role::Auditor, n, Call::reveal_visit { report: subjects::told_visit(of, n)? })
    })?);
    let (Some(honest), Some(lying)) = (&of.honest, &of.lying) else { return Ok(cases) };
    cases.push(signed_case("audits.demand", of.samples, |n| {
        let auditor = account(Role::Auditor, lying.auditor);
        by(Role::Renter, n, Call::demand { audit: lying.audit, auditor })
    })?);
    cases.push(signed_case("audits.convict", of.samples, |n| {
        let auditor = account(Role::Auditor, lying.auditor);
        let transcript = lying.transcript.clone().try_into().map_err(subjects::told)?;
        by(Role::Renter, n, Call::convict { audit: lying.audit, auditor, transcript })
    })?);
    cases.push(signed_case("audits.show", of.samples, |_| {
        let transcript = honest.transcript.clone().try_into().map_err(subjects::told)?;
        by(Role::Auditor, honest.auditor, Call::show { audit: honest.audit, transcript })
    })?);
    Ok(cases)
}

/// Rewards, disputes and prices.
fn rest(of: &Subjects) -> Result<Vec<Case>> {
    let offence = |n: u32| of.offences[n as usize];
    let feeder = |n: u32| account(Role::Feeder, n);
    Ok(vec![
        signed_case("rewards.claim", of.samples, |n| {
            let provider = account(Role::Provider, n);
            by(Role::Renter, n, RewardsCall::claim { provider })
        })?,
        signed_case("rewards.poke", of.samples, |n| {
            by(Role::Renter, n, RewardsCall::poke { machine: machine("listed", n) })
        })?,
        signed_case("disputes.report", of.samples, |n| {
            let kind = pallet_disputes::Kind::Malfunction;
            let (machine, lease) = (machine("leased", n), Some(of.running[n as usize]));
            by(Role::Renter, n, DisputesCall::report { machine, kind, lease })
        })?,
        signed_case("disputes.appeal", of.samples, |n| {
            by(Role::Provider, n, DisputesCall::appeal { offence: offence(n) })
        })?,
        sudo_case(
            "disputes.cancel",
            |n| Ok(DisputesCall::cancel { offence: offence(n) }.into()),
            of.samples,
        )?,
        sudo_case(
            "prices.seat",
            |n| Ok(PricesCall::seat { feeder: account(Role::Renter, n) }.into()),
            of.samples,
        )?,
        sudo_case(
            "prices.dismiss",
            |_| Ok(PricesCall::dismiss { feeder: feeder(0) }.into()),
            of.samples,
        )?,
        sudo_case(
            "prices.reinstate",
            |_| Ok(PricesCall::reinstate { feeder: feeder(1) }.into()),
            of.samples,
        )?,
        signed_case("prices.join", of.samples, |_| by(Role::Fresh, 2_000, PricesCall::join {}))?,
        signed_case("prices.leave", of.samples, |_| by(Role::Feeder, 2, PricesCall::leave {}))?,
        signed_case("prices.feed", of.samples, |_| {
            by(Role::Feeder, 3, PricesCall::feed { price: 20_100 })
        })?,
    ])
}

fn remark() -> RuntimeCall {
    frame_system::Call::<Runtime>::remark { remark: vec![0; 64] }.into()
}

fn declared(call: &RuntimeCall) -> u64 {
    let weight: Weight = call.get_dispatch_info().call_weight;
    weight.ref_time()
}

fn signed_case(name: &str, samples: u32, make: impl Fn(u32) -> Result<Made>) -> Result<Case> {
    let mut case = Case { name: name.into(), base: Base::Signed, declared: 0, tries: Vec::new() };
    for n in 0..samples {
        let (who, call) = make(n).with_context(|| name.to_string())?;
        case.declared = case.declared.max(declared(&call));
        case.tries.push(signed(&who, call)?.encode());
    }
    Ok(case)
}

fn sudo_case(name: &str, make: impl Fn(u32) -> Result<RuntimeCall>, samples: u32) -> Result<Case> {
    let mut case = Case { name: name.into(), base: Base::Sudo, declared: 0, tries: Vec::new() };
    for n in 0..samples {
        let call = make(n).with_context(|| name.to_string())?;
        case.declared = case.declared.max(declared(&call));
        let call = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(call) };
        case.tries.push(signed(&Alice.pair(), call.into())?.encode());
    }
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_nobody_measures_are_named() {
        let missing = not_measured(&[]);
        assert!(missing.contains(&"leases.create".to_string()) && missing.len() > 40);
    }
}
