//! Honest answers pass; every single lie is refused.

use codec::{Decode, Encode};
use dbc_bench::{OPENINGS_MAX, Opening, P, Params, Place, Prover, Reject, questions, verify};
use proptest::prelude::*;

const SECRET: [u8; 32] = [1; 32];
const BLOCK: [u8; 32] = [2; 32];
const LUCK: [u8; 32] = [3; 32];

fn params(edge: u32, links: u32) -> Params {
    lanes(edge, links, 1)
}

fn lanes(edge: u32, links: u32, lanes: u32) -> Params {
    let seed = Params::seed(&[9; 32], &[8; 32], 7, &SECRET, &BLOCK);
    Params::new(seed, edge, links, lanes).unwrap()
}

struct Answer {
    params: Params,
    root: [u8; 32],
    asked: Vec<Place>,
    openings: Vec<Opening>,
}

fn answer(edge: u32, links: u32, count: usize) -> Answer {
    answer_to(params(edge, links), count)
}

fn answer_to(params: Params, count: usize) -> Answer {
    let prover = Prover::run(params);
    let asked = questions(&params, &prover.root(), &SECRET, &BLOCK, count);
    let openings = asked.iter().map(|place| prover.open(*place).unwrap()).collect();
    Answer { params, root: prover.root(), asked, openings }
}

impl Answer {
    fn check(&self) -> Result<(), Reject> {
        verify(&self.params, &self.root, &self.asked, &self.openings, &LUCK)
    }
}

#[test]
fn honest_answers_pass_at_every_size() {
    for (edge, links) in [(16, 1), (16, 5), (32, 4), (64, 3), (128, 2)] {
        answer(edge, links, 16).check().unwrap();
    }
}

#[test]
fn rule_36_all_cards_of_a_machine_answer_at_once_each_with_a_chain_of_its_own() {
    let params = lanes(16, 3, 4);
    answer_to(params, 64).check().unwrap();
    let prover = Prover::run(params);
    let row = |link| prover.open(Place { link, row: 2 }).unwrap();
    let firsts: Vec<_> = (0..4).map(|lane| row(lane * 3)).collect();
    assert!(firsts.iter().all(|first| first.inputs.is_empty() && first.early.is_none()));
    assert!(firsts[1..].iter().all(|other| other.row != firsts[0].row), "no card repeats another");
    assert_eq!(prover.open(Place { link: 12, row: 0 }), None);
}

#[test]
fn rule_08_an_earlier_row_is_a_part_of_each_input_and_no_other_will_do() {
    let mut honest = answer(16, 8, 24);
    let late = honest.asked.iter().position(|place| place.link > 3).unwrap();
    let place = honest.asked[late];
    let kept = honest.openings[late].early.clone().unwrap();
    let prover = Prover::run(honest.params);
    let others = (0..place.link)
        .filter_map(|link| prover.open(Place { link, row: place.row }))
        .filter(|other| other.row != kept.0);
    for other in others {
        honest.openings[late].early = Some((other.row, other.path));
        assert_eq!(honest.check(), Err(Reject::Early(late)));
    }
    honest.openings[late].early = None;
    assert_eq!(honest.check(), Err(Reject::Form(late)));
}

#[test]
fn of_large_rows_a_part_is_checked_and_a_fifth_left_out_of_each_is_found_all_the_same() {
    // Edge 512 has 32 blocks of 16 columns, of which 16 are looked at; a fifth of them is wrong in every row.
    let params = params(512, 2);
    let honest = Prover::run(params);
    let wrong = |place: Place| {
        let mut row = honest.open(place).unwrap().row;
        row.chunks_mut(16).step_by(5).for_each(|block| block.fill(7));
        row
    };
    let rows = (0..params.products())
        .map(|link| (0..512).map(|row| wrong(Place { link, row })).collect())
        .collect::<Vec<Vec<Vec<u32>>>>();
    let leaves = rows.iter().flatten().map(|row| dbc_bench::leaf(row)).collect();
    let lazy = Prover::of(params, rows, leaves);
    let asked = questions(&params, &lazy.root(), &SECRET, &BLOCK, 8);
    // Of the first link, whose input is the seed's alone, so that what was left out is all that is wrong.
    let first = |place: &Place| Place { link: 0, ..*place };
    let found = asked.iter().filter(|place| {
        let place = first(place);
        let openings = [lazy.open(place).unwrap()];
        verify(&params, &lazy.root(), &[place], &openings, &LUCK) == Err(Reject::Product(0))
    });
    assert_eq!(found.count(), asked.len());
    answer_to(params, 4).check().unwrap();
}

#[test]
fn questions_depend_on_both_sides() {
    let params = params(64, 8);
    let ask = |root: u8, secret: u8, block: u8| {
        questions(&params, &[root; 32], &[secret; 32], &[block; 32], 16)
    };
    let base = ask(1, 2, 3);
    assert_eq!(base, ask(1, 2, 3));
    assert!(base != ask(9, 2, 3) && base != ask(1, 9, 3) && base != ask(1, 2, 9));
    assert!(base.iter().all(|place| place.link < 8 && place.row < 64));
    assert_eq!(questions(&params, &[1; 32], &[2; 32], &[3; 32], 1_000).len(), OPENINGS_MAX);
}

#[test]
fn an_answer_is_good_for_one_machine_and_audit() {
    let honest = answer(32, 3, 16);
    let seeds = [
        Params::seed(&[9; 32], &[7; 32], 7, &SECRET, &BLOCK), // another machine
        Params::seed(&[9; 32], &[8; 32], 8, &SECRET, &BLOCK), // another audit
        Params::seed(&[1; 32], &[8; 32], 7, &SECRET, &BLOCK), // another network
        Params::seed(&[9; 32], &[8; 32], 7, &[5; 32], &BLOCK), // another auditor
    ];
    for seed in seeds {
        let params = Params { seed, ..honest.params };
        let refused = verify(&params, &honest.root, &honest.asked, &honest.openings, &LUCK);
        assert!(matches!(refused, Err(Reject::Product(_))), "{refused:?}");
    }
}

#[test]
fn a_row_that_was_made_up_is_refused_although_it_was_committed_to() {
    let params = params(32, 4);
    let prover = Prover::run_but(params, |place| place == Place { link: 2, row: 5 });
    let open = |place| {
        let openings = [prover.open(place).unwrap()];
        verify(&params, &prover.root(), &[place], &openings, &LUCK)
    };
    assert_eq!(open(Place { link: 2, row: 5 }), Err(Reject::Product(0)));
    // What follows from it was computed from what was committed to.
    assert_eq!(open(Place { link: 3, row: 5 }), Ok(()));
    assert_eq!(open(Place { link: 1, row: 5 }), Ok(()));
}

#[test]
fn bounds_are_checked_before_anything_is_computed() {
    let refused = |edge, links, lanes| Params::new([0; 32], edge, links, lanes).is_err();
    assert!(refused(100, 1, 1) && refused(4_096, 1, 1));
    assert!(refused(64, 0, 1) && refused(64, u32::MAX, 1) && refused(64, 262_144, 2));
    assert!(refused(64, 1, 0) && refused(64, 1, 17));
    let wild = Params { seed: [0; 32], edge: 3, links: 9, lanes: 1 };
    assert_eq!(verify(&wild, &[0; 32], &[], &[], &LUCK), Err(Reject::Params));
    let mut honest = answer(16, 2, 4);
    honest.openings.pop();
    assert_eq!(honest.check(), Err(Reject::Count));
    let mut honest = answer(16, 2, 4);
    honest.asked[0].link = 2;
    assert_eq!(honest.check(), Err(Reject::Form(0)));
    let mut honest = answer(16, 2, 4);
    honest.openings[1].row[3] = P;
    assert_eq!(honest.check(), Err(Reject::Form(1)));
    let mut honest = answer(16, 2, 4);
    honest.openings[2].path.push([0; 32]);
    assert_eq!(honest.check(), Err(Reject::Form(2)));
}

#[test]
fn rule_08_a_fifth_left_out_survives_48_openings_twice_in_100_000() {
    let survives = 0.8f64.powi(48);
    assert!((1.9e-5..2.4e-5).contains(&survives), "{survives}");
    // And 16 openings as often as the formula says.
    let params = params(16, 16);
    let prover = Prover::run_but(params, |place| (place.row * 31 + place.link * 17) % 5 == 0);
    let rounds = 300u32;
    let passed = (0..rounds).filter(|round| {
        let secret = [*round as u8; 32].map(|byte| byte ^ (*round >> 8) as u8);
        let asked = questions(&params, &prover.root(), &secret, &BLOCK, 4);
        let openings: Vec<_> = asked.iter().map(|place| prover.open(*place).unwrap()).collect();
        verify(&params, &prover.root(), &asked, &openings, &LUCK).is_ok()
    });
    let share = passed.count() as f64 / f64::from(rounds);
    let expected = 0.8f64.powi(4);
    assert!((share - expected).abs() < 0.12, "{share} beside {expected}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// One changed bit anywhere in an opening, or in the root, is refused.
    #[test]
    fn each_single_bit_counts(at in any::<prop::sample::Index>(), bit in 0u8..8, whole in any::<bool>()) {
        let mut honest = answer(16, 3, 3);
        if whole {
            honest.root[at.index(32)] ^= 1 << bit;
        } else {
            let mut bytes = honest.openings.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            match Vec::<Opening>::decode(&mut &bytes[..]) {
                Ok(openings) => honest.openings = openings,
                Err(_) => return Ok(()),
            }
        }
        prop_assert!(honest.check().is_err());
    }

    /// Whatever bytes come: an answer or a refusal.
    #[test]
    fn any_bytes_are_refused_in_order(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let params = params(16, 2);
        if let Ok(openings) = Vec::<Opening>::decode(&mut &bytes[..]) {
            let asked = vec![Place { link: 1, row: 0 }; openings.len()];
            if !openings.is_empty() {
                prop_assert!(verify(&params, &[0; 32], &asked, &openings, &LUCK).is_err());
            }
        }
    }
}
