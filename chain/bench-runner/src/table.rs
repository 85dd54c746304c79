//! The numbers as people read them.

use crate::{
    Touched,
    measure::{BlockCost, Cost, median},
    state::{Base, Case, Figures, Seed},
};

/// Picoseconds as microseconds.
fn us(picoseconds: u64) -> f64 {
    picoseconds as f64 / 1e6
}

/// The greatest that was counted.
fn most(cost: &Cost) -> Touched {
    cost.touched.iter().fold(Touched::default(), |most, touched| Touched {
        reads: most.reads.max(touched.reads),
        writes: most.writes.max(touched.writes),
    })
}

fn proof(cost: &Cost) -> usize {
    cost.proof.iter().copied().max().unwrap_or_default()
}

/// Prints calls over a small and a large state, and what pallets declare beside what was measured.
pub fn calls(small: (&Seed, &[Cost]), large: (&Seed, &[Cost])) {
    println!(
        "calls, each signed by somebody else over something else; medians of {} tries",
        large.1.first().map_or(0, |cost| cost.run.len())
    );
    println!(
        "  µs of a processor: execution as WebAssembly, reads of the database included, + the new root"
    );
    println!("  reads, writes: entries, the call's whole transaction; proof: bytes of nodes read");
    println!(
        "  weight: declared for the call alone; taken in the end, without what was given back; measured = execution less that of a remark, + {} µs for each entry that it writes more",
        us(large.0.figures.write)
    );
    println!(
        "{:<30} {:>21} {:>21} {:>6} {:>13} {:>15} {:>29}",
        "",
        format!("{} machines", small.0.machines),
        format!("{} machines", large.0.machines),
        "ratio",
        "reads/writes",
        "proof",
        "declared ≥ taken ≥ measured"
    );
    for (at, case) in large.0.cases.iter().enumerate() {
        let (few, many) = (&small.1[at], &large.1[at]);
        if let Some(why) = few.refused.as_ref().or(many.refused.as_ref()) {
            println!(
                "{:<30} NOT TAKEN, {} µs declared: {why}",
                case.name,
                case.declared / 1_000_000
            );
            continue;
        }
        let time = |cost: &Cost| (median(&cost.run), median(&cost.root));
        let ((run, root), (run_many, root_many)) = (time(few), time(many));
        let ratio = (run_many + root_many) / (run + root).max(1.0);
        let touched = most(many);
        let same = if touched == most(few) { "" } else { " grows" };
        println!(
            "{:<30} {run:>12.0} + {root:>6.0} {run_many:>12.0} + {root_many:>6.0} {ratio:>6.2} {:>7}/{:<2}{same} {:>7} {:>7} {}",
            case.name,
            touched.reads,
            touched.writes,
            proof(few),
            proof(many),
            weight(at, large)
        );
    }
    let pairs = large.1.iter().zip(small.1);
    let taken = pairs.filter(|(many, few)| many.refused.is_none() && few.refused.is_none());
    let time = |cost: &Cost| median(&cost.run) + median(&cost.root);
    let ratios: Vec<f64> = taken.map(|(many, few)| time(many) / time(few).max(1.0)).collect();
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    println!("ratio over all calls: median {:.2}, highest {highest:.2}", median(&ratios));
    if !large.0.not_measured.is_empty() {
        println!("not measured: {}", large.0.not_measured.join(", "));
    }
}

/// Prints what calls touch in a small and a large state, and what that alone costs by the runtime's weights for
/// its database beside what is declared. Times are for a node to say.
pub fn entries(small: (&Seed, &[Cost]), large: (&Seed, &[Cost])) {
    println!(
        "{} and {} entries; bytes of the transaction, entries read/written and bytes of nodes read, among {} machines and among {}; µs: declared, taken in the end, and what the entries beyond a remark's cost",
        small.0.entries, large.0.entries, small.0.machines, large.0.machines
    );
    for (at, case) in large.0.cases.iter().enumerate() {
        let (few, many) = (&small.1[at], &large.1[at]);
        let bytes = case.tries.first().map_or(0, Vec::len);
        if let Some(why) = few.refused.as_ref().or(many.refused.as_ref()) {
            println!(
                "{:<32} NOT TAKEN, {bytes} bytes, {} µs declared: {why}",
                case.name,
                case.declared / 1_000_000
            );
            continue;
        }
        let touched = most(many);
        let grows = if touched == most(few) { "" } else { "  GROWS" };
        let Some((taken, costs)) = weights(large, at) else { continue };
        let low = if taken < costs { "  TOO LOW" } else { "" };
        println!(
            "{:<32} {bytes:>6} {:>4}/{:<3} {:>4}/{:<3}{grows} {:>8} {:>8} {:>9.0} {:>9.0} {:>9.0}{low}",
            case.name,
            most(few).reads,
            most(few).writes,
            touched.reads,
            touched.writes,
            proof(few),
            proof(many),
            us(case.declared),
            us(taken),
            us(costs)
        );
    }
    if !large.0.not_measured.is_empty() {
        println!("not measured: {}", large.0.not_measured.join(", "));
    }
}

/// Picoseconds that a call took of its block's weight, without what any transaction takes, and what the entries
/// cost that it touches beyond those of any transaction; of the dearest try. `None` where no try was taken.
pub fn weights((seed, costs): (&Seed, &[Cost]), at: usize) -> Option<(u64, u64)> {
    let Figures { read, write, .. } = seed.figures;
    let (cost, base) = (costs.get(at)?, base_of(seed.cases.get(at)?));
    let (of_base, base) = (costs.get(base)?, seed.cases.get(base)?);
    let most_taken = |cost: &Cost| cost.taken.iter().copied().max();
    let any = most_taken(of_base)?.saturating_sub(base.declared);
    let (touched, of_any) = (most(cost), most(of_base));
    let reads = touched.reads.saturating_sub(of_any.reads);
    let writes = touched.writes.saturating_sub(of_any.writes);
    let entries = u64::from(reads) * read + u64::from(writes) * write;
    Some((most_taken(cost)?.saturating_sub(any), entries))
}

/// Prints what blocks touch in a small and a large state.
pub fn block_entries(small: (&Seed, &[BlockCost]), large: (&Seed, &[BlockCost])) {
    println!(
        "blocks without transactions: entries read/written at the beginning, then by the rest"
    );
    for (at, case) in large.0.blocks.iter().enumerate() {
        let entries = |cost: &Cost| format!("{}/{}", most(cost).reads, most(cost).writes);
        println!(
            "{:<46} {:>9} {:>9} {:>9} {:>9}",
            case.name,
            entries(&small.1[at].begin),
            entries(&large.1[at].begin),
            entries(&small.1[at].rest),
            entries(&large.1[at].rest)
        );
    }
}

/// Which case a case is compared with.
fn base_of(case: &Case) -> usize {
    match case.base {
        Base::Signed => 0,
        Base::Sudo => 1,
    }
}

/// Declared, taken and measured weight of a call, in microseconds, and a mark where too little is declared.
fn weight(at: usize, all: (&Seed, &[Cost])) -> String {
    let (case, cost) = (&all.0.cases[at], &all.1[at]);
    let Some(of_base) = all.1.get(base_of(case)) else { return String::new() };
    let Some((taken, _)) = weights(all, at) else { return String::new() };
    let run = median(&cost.run) - median(&of_base.run);
    let writes = f64::from(most(cost).writes) - f64::from(most(of_base).writes);
    let measured = run.max(0.0) + writes.max(0.0) * us(all.0.figures.write);
    let (declared, taken) = (us(case.declared), us(taken));
    let low = if taken < measured { "  TOO LOW" } else { "" };
    format!("{declared:>9.0} {taken:>9.0} {measured:>9.0}{low}")
}

/// Prints blocks over a small and a large state.
pub fn blocks(small: (&Seed, &[BlockCost]), large: (&Seed, &[BlockCost])) {
    println!(
        "\nblocks without transactions; medians of {} tries, µs; reads/writes of entries",
        large.1.first().map_or(0, |cost| cost.begin.run.len())
    );
    println!(
        "{:<46} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6} {:>17} {:>17}",
        "", "begins", "many", "ratio", "the rest", "many", "ratio", "begins", "many"
    );
    for (at, case) in large.0.blocks.iter().enumerate() {
        let (few, many) = (&small.1[at], &large.1[at]);
        let of = |cost: &Cost| median(&cost.run);
        let (begin, begin_many) = (of(&few.begin), of(&many.begin));
        let (rest, rest_many) = (of(&few.rest), of(&many.rest));
        let entries = |cost: &Cost| format!("{}/{}", most(cost).reads, most(cost).writes);
        println!(
            "{:<46} {begin:>9.0} {begin_many:>9.0} {:>6.2} {rest:>9.0} {rest_many:>9.0} {:>6.2} {:>17} {:>17}",
            case.name,
            begin_many / begin.max(1.0),
            rest_many / rest.max(1.0),
            entries(&few.begin),
            entries(&many.begin),
        );
    }
}

/// What watching so many machines takes of all blocks' weight, declared and as measured, in per cent.
pub fn watching(seed: &Seed, calls: &[Cost]) {
    let Figures { block, report, tick, tally, transition, close, .. } = seed.figures;
    let Figures { close_limit, interval, watchers, cohort, .. } = seed.figures;
    let all = us(block) * interval as f64;
    let Some(at) = seed.cases.iter().position(|case| case.name == "liveness.report") else {
        return;
    };
    let measured = median(&calls[at].run) + median(&calls[at].root);
    let bytes = seed.cases[at].tries.first().map_or(0, Vec::len);
    println!(
        "\nwatching: a report is {bytes} bytes, {measured:.0} µs ({:.0} µs declared with its signature); an interval is {} s",
        us(report),
        interval * seed.figures.slot_ms / 1_000
    );
    println!(
        "closing, declared: what a block does for it {:.0} µs, a cohort's tally {:.0} µs, a transition {:.0} µs, the interval's end {:.0} µs",
        us(tick),
        us(tally),
        us(transition),
        us(close),
    );
    let left = close_limit.saturating_sub(tick);
    let tallies = left.saturating_sub(close) / tally.max(1);
    println!(
        "it has room in a block for {tallies} tallies, so for {} machines, or for {} transitions",
        tallies * u64::from(cohort),
        left / transition.max(1),
    );
    for machines in [1_000u32, 10_000, 100_000, 1_000_000] {
        let cohorts = f64::from(machines.div_ceil(cohort));
        let reports = cohorts * f64::from(watchers);
        println!(
            "{machines:>9} machines: {cohorts:>4} cohorts, reports {:>6.2} % measured, {:>6.2} % declared, closing {:>6.2} % declared when nobody changes",
            100.0 * reports * measured / all,
            100.0 * reports * us(report) / all,
            100.0 * (cohorts * us(tally) + us(close)) / all,
        );
    }
}
