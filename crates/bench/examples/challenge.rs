//! What a challenge costs each side on this machine: `cargo run --release -p dbc-bench --example challenge
//! [edge] [links]`.

use std::time::Instant;

use codec::Encode;
use dbc_bench::{Params, Prover, questions, verify};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let edge = arguments.next().unwrap_or(1_024);
    let links = arguments.next().unwrap_or(16);
    let params = Params::new([7; 32], edge, links, 1).expect("within bounds");
    let began = Instant::now();
    let prover = Prover::run(params);
    let proving = began.elapsed().as_secs_f64();
    let asked = questions(&params, &prover.root(), &[1; 32], &[2; 32], 16);
    let openings: Vec<_> = asked.iter().filter_map(|place| prover.open(*place)).collect();
    let bytes = openings.encoded_size();
    let began = Instant::now();
    verify(&params, &prover.root(), &asked, &openings, &[3; 32]).expect("honest");
    let verifying = began.elapsed().as_secs_f64();
    println!("edge {edge}, {links} links, {} MiB kept", params.memory_bytes() >> 20);
    println!("prover   {proving:>8.3} s on one core");
    println!("openings {:>8} KiB for 16 rows", bytes >> 10);
    println!("verifier {verifying:>8.3} s; {:.0} × less than the prover", proving / verifying);
}
