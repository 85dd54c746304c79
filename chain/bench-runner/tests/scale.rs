//! What a call reads and writes does not depend on how many machines and leases there are. Natively and over a
//! trie in memory: entries are counted, times are not.

use dbc_bench_runner::{
    Touched,
    chain::{self, Cast},
    crowd::Crowd,
    measure::{Bench, Native, comparable},
    seed::{Plan, seed},
    state::{Seed, Store},
    subjects, table,
};

fn seeded(machines: u32) -> (Store, Seed) {
    let mut store = Store::memory();
    let leases = machines / 2;
    let plan = Plan { machines, leases, samples: 1, transcripts: false, voters: (0, 0) };
    let seed = seed(&plan, &mut store).expect("the runtime takes it");
    (store, seed)
}

#[test]
fn g10_a_call_touches_as_many_entries_among_a_thousand_machines_as_among_a_hundred() {
    let (few_store, few) = seeded(100);
    let (many_store, many) = seeded(1_000);
    assert!(many.entries > few.entries + 900 * 8, "the machines are there");
    comparable(&few, &many).unwrap();
    let touched = |store: &Store, seed: &Seed| -> Vec<(String, Vec<Touched>)> {
        let costs = Bench::new(store, seed, &Native).calls(seed, 0).expect("calls are tried");
        let names = seed.cases.iter().map(|case| case.name.clone());
        let each = names.zip(costs).map(|(name, cost)| {
            assert_eq!(cost.refused, None, "{name}");
            (name, cost.touched)
        });
        each.collect()
    };
    let (of_few, of_many) = (touched(&few_store, &few), touched(&many_store, &many));
    for (few, many) in of_few.iter().zip(&of_many) {
        assert_eq!(few, many);
    }
    let most = of_many.iter().flat_map(|(_, touched)| touched).map(|touched| touched.reads).max();
    assert!(most < Some(100), "{most:?} reads");
}

/// Whatever a call gives back of the weight that it declares, it keeps what the entries that it touched cost.
#[test]
fn a_call_gives_back_no_weight_that_it_used() {
    let (store, seed) = seeded(100);
    let costs = Bench::new(&store, &seed, &Native).calls(&seed, 0).expect("calls are tried");
    let mut low = Vec::new();
    for (at, case) in seed.cases.iter().enumerate() {
        let (taken, used) = table::weights((&seed, &costs), at).expect("it was taken");
        if taken < used {
            low.push(format!("{}: {taken} taken, {used} used, {:?}", case.name, costs[at].touched));
        }
        assert!(taken <= case.declared.max(used), "{}: more than it declares", case.name);
    }
    assert!(low.is_empty(), "{low:#?}");
}

#[test]
fn g10_a_block_touches_as_many_entries_among_a_thousand_machines_as_among_a_hundred() {
    let (few_store, few) = seeded(100);
    let (many_store, many) = seeded(1_000);
    let few_costs = Bench::new(&few_store, &few, &Native).blocks(&few, 0).expect("it runs");
    let many_costs = Bench::new(&many_store, &many, &Native).blocks(&many, 0).expect("it runs");
    for (at, case) in few.blocks.iter().enumerate() {
        // Second looks are a share of the machines, at most 64 in a window.
        if case.name != "second looks are drawn" {
            let name = &case.name;
            assert_eq!(few_costs[at].begin.touched, many_costs[at].begin.touched, "{name}");
            assert_eq!(few_costs[at].rest.touched, many_costs[at].rest.touched, "{name}");
        }
    }
}

/// Prints the numbers of docs/reference/performance.md that need no node; `DBC_SCALE` sets the larger state's size.
#[test]
fn long_a_call_touches_as_many_entries_among_a_hundred_thousand_machines() {
    if std::env::var_os("DBC_TEST_LONG").is_none() {
        return;
    }
    let size = std::env::var("DBC_SCALE").ok().and_then(|text| text.parse().ok());
    let plan = |machines| Plan {
        machines,
        leases: machines,
        samples: 2,
        transcripts: true,
        voters: (20, 500),
    };
    let measured = |machines| {
        let mut store = Store::memory();
        let seed = seed(&plan(machines), &mut store).expect("the runtime takes it");
        let bench = Bench::new(&store, &seed, &Native);
        let calls = bench.calls(&seed, 0).expect("calls are taken");
        let blocks = bench.blocks(&seed, 0).expect("blocks are made");
        (seed, calls, blocks)
    };
    let (few, few_calls, few_blocks) = measured(1_000);
    let (many, many_calls, many_blocks) = measured(size.unwrap_or(100_000));
    table::entries((&few, &few_calls), (&many, &many_calls));
    table::block_entries((&few, &few_blocks), (&many, &many_blocks));
    table::watching(&many, &many_calls);
    for (at, case) in few.cases.iter().enumerate() {
        assert_eq!(few_calls[at].touched, many_calls[at].touched, "{}", case.name);
    }
}

#[test]
fn what_is_seeded_is_a_state_as_the_pallets_want_it() {
    let cast = Cast { watchers: 16, auditors: 16, feeders: 10, validators: 0, nominators: 0 };
    let mut network = chain::network(&cast).unwrap();
    let mut entries = Vec::new();
    network.execute_with(|| {
        let subjects = subjects::make(2, false).unwrap();
        let crowd = Crowd::enter(&subjects, 120, 60).unwrap();
        crowd.entries(|entry| entries.push(entry)).unwrap().enter();
    });
    network.commit_all().unwrap();
    network.batch_insert(entries);
    network.execute_with(|| {
        use dbc_runtime::{Audits, Disputes, Leases, Liveness, Machines, Prices, Rewards};
        for (name, state) in [
            ("machines", Machines::do_try_state()),
            ("leases", Leases::do_try_state()),
            ("liveness", Liveness::do_try_state()),
            ("audits", Audits::do_try_state()),
            ("rewards", Rewards::do_try_state()),
            ("disputes", Disputes::do_try_state()),
            ("prices", Prices::do_try_state()),
        ] {
            assert!(state.is_ok(), "{name}: {state:?}");
        }
    });
}
