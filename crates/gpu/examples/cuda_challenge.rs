//! What the challenge costs on the cards of this machine: `cargo run --release -p dbc-gpu --example cuda_challenge
//! [edge] [part of the free memory to fill, in per cent]`. Prints one JSON line.

use std::time::Instant;

use dbc_bench::{Params, questions, verify};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let edge = arguments.next().unwrap_or(1_024) as u32;
    let share = arguments.next().unwrap_or(90);
    let cards = dbc_gpu::cards().expect("the driver answers");
    let Some(free) = cards.iter().map(|card| card.free_bytes).min() else {
        println!("{}", serde_json::json!({ "cards": 0 }));
        return;
    };
    let product = u64::from(edge).pow(2) * 4;
    let most = u64::from(dbc_bench::LINKS_MAX) / cards.len() as u64;
    let links = (free * share / 100 / (product + 32 * u64::from(edge))).clamp(1, most) as u32;
    let params = Params::new([7; 32], edge, links, cards.len() as u32).expect("within bounds");
    let began = Instant::now();
    let prover = dbc_gpu::run(&cards, params).expect("the cards answer");
    let commit_s = began.elapsed().as_secs_f64();
    let asked = questions(&params, &prover.root(), &[1; 32], &[2; 32], 16);
    let began = Instant::now();
    let openings: Vec<_> = asked.iter().map(|place| prover.open(*place).expect("kept")).collect();
    let open_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    verify(&params, &prover.root(), &asked, &openings, &[3; 32]).expect("honest");
    let verify_s = began.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "cards": cards.iter().map(|card| card.name.clone()).collect::<Vec<_>>(),
        "edge": edge,
        "links": links,
        "kept_mib": params.memory_bytes() >> 20,
        "commit_s": commit_s,
        "open_s": open_s,
        "verify_s": verify_s,
        "million_products_a_second": params.multiplications() as f64 / commit_s / 1e6,
    });
    println!("{report}");
}
