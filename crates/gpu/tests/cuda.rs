//! A card computes bit for bit what a processor does. Where there is no card, there is nothing to compare, and the
//! test says so.

use dbc_bench::{Params, Prover, questions, verify};

#[test]
fn a_card_opens_what_a_processor_computes_and_the_verifier_takes() {
    let cards = dbc_gpu::cards().expect("the driver answers");
    if cards.is_empty() {
        eprintln!("no CUDA card here: nothing was compared");
        return;
    }
    for (edge, links) in [(128, 1), (128, 9), (256, 5), (1_024, 2)] {
        let params = Params::new([7; 32], edge, links, 1).unwrap();
        let card = dbc_gpu::run(&cards, params).unwrap();
        let processor = Prover::run(params);
        assert_eq!(card.root(), processor.root(), "edge {edge}, {links} links");
        let asked = questions(&params, &card.root(), &[1; 32], &[2; 32], 16);
        let openings: Vec<_> = asked.iter().map(|place| card.open(*place).unwrap()).collect();
        verify(&params, &card.root(), &asked, &openings, &[3; 32]).unwrap();
    }
}

#[test]
fn more_lanes_than_cards_are_refused() {
    let cards = dbc_gpu::cards().expect("the driver answers");
    let params = Params::new([7; 32], 128, 1, 16).unwrap();
    assert!(cards.len() >= 16 || dbc_gpu::run(&cards, params).is_err());
}
