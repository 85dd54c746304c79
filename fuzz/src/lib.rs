//! One function for each decoder of bytes that come from outside. It takes any bytes, and panics when something is
//! wrong: a panic of the decoder, an answer beyond its bounds, a value that is not what its bytes say. What is
//! decoded is used as the programs use it, so that a check that comes later is tried as well.

#![deny(missing_docs)]

pub mod samples;

use codec::{Decode, DecodeAll as _, Encode};
use dbc_agent_api::{Verb, WorkloadSpec};
use dbc_bench::{Params, Transcript, hash_of};
use dbc_grants::{CheckContext, Grant, check};
use dbc_init::{
    frame::{FrameReader, HEAD_BYTES, read_json},
    protocol::{DATA_BYTES_MAX, Open},
};
use dbc_primitives::{
    MachineId, Offer, Order, Profile,
    audit::{Findings, Terms, Verdict, commitment},
    liveness::{self, Bitmap, Opening},
    price,
};
use pallet_audits::catalogue;

/// The network of all samples.
pub const GENESIS: [u8; 32] = [3; 32];

/// Bytes that decode are these bytes again: nothing has two forms, and nothing is left over.
fn same<T: Decode + Encode>(data: &[u8]) -> Option<T> {
    let value = T::decode_all(&mut &data[..]).ok()?;
    assert_eq!(value.encode(), data, "a second form of one value");
    Some(value)
}

/// Beats of machines, as watchers read them.
pub fn beats(data: &[u8]) {
    for machine in [samples::machine(), MachineId([0xff; 32])] {
        if let Ok(beat) = dbc_watch::check(&GENESIS, machine, data) {
            assert_eq!(machine, samples::machine(), "only who has a key signs");
            assert_eq!(beat.encode(), data);
        }
    }
}

/// Watchers' reports, and what they open.
pub fn openings(data: &[u8]) {
    let Some((heard, bit, opening)) = same::<(Bitmap, u16, Option<Opening>)>(data) else { return };
    let watcher = [7; 32];
    let asked = liveness::asked(&[1; 32], &watcher, &heard);
    assert!(asked.is_none_or(|bit| liveness::is_set(&heard, bit)), "asked for what was not heard");
    let both = liveness::both(&heard, &liveness::none());
    assert!(both.iter().all(|byte| *byte == 0));
    let _ = liveness::heard([&heard, &both].into_iter());
    if let Some(opening) = opening {
        let one = liveness::root(&watcher, bit, &opening);
        assert_ne!(one, liveness::root(&[8; 32], bit, &opening), "a root of two watchers");
    }
}

/// An auditor's transcript, as the chain reads it when somebody doubts him.
pub fn transcripts(data: &[u8]) {
    let case = samples::case();
    let of = hash_of(data);
    for verdict in [Verdict::Pass(Findings::default()), Verdict::Fail] {
        // Of another hash it shows nothing about anybody.
        assert_eq!(case.supports(&[0; 32], &verdict, data, &[5; 32]), None);
        let _ = case.supports(&of, &verdict, data, &[5; 32]);
    }
    if let Some(transcript) = same::<Transcript>(data) {
        let found = case.judge(&transcript, &[5; 32]);
        assert!(found.is_err() || transcript.openings.len() == case.terms.openings as usize);
    }
    if let Some(params) = same::<Params>(data) {
        let fits = params.check().is_ok();
        assert!(!fits || params.memory_bytes() <= 1 << 44, "a challenge that no machine holds");
    }
}

/// What auditors found, and how they commit to it.
pub fn findings(data: &[u8]) {
    let Some(verdict) = same::<Verdict>(data) else { return };
    let of = |verdict: &Verdict| commitment(&[1u8; 32], &[2; 32], verdict);
    assert_eq!(of(&verdict), of(&verdict.clone()));
    assert!(verdict == Verdict::Fail || of(&verdict) != of(&Verdict::Fail));
    let _ = same::<Terms>(data);
}

/// Names of cards, as drivers give them and providers copy them.
pub fn catalogue(data: &[u8]) {
    let Some(card) = catalogue::find(data) else { return };
    assert!(data.len() <= 64, "a long name");
    let plain = |bytes: &[u8]| -> Vec<u8> {
        let letters = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        letters.map(u8::to_ascii_lowercase).collect()
    };
    assert_eq!(plain(data), plain(card.name.as_bytes()));
}

/// Orders and offers.
pub fn orders(data: &[u8]) {
    if let Some(order) = same::<Order<[u8; 32]>>(data) {
        assert!(order.gpus.len() <= 16);
        let _ = price::deposit(order.max_rate, order.term);
    }
    if let Some(offer) = same::<Offer>(data) {
        let sound = offer.is_sound();
        let rate = offer.rate_per_slot(Profile::Gpu, 16, |micro| micro.checked_mul(50_000));
        if let Some(rate) = rate.filter(|_| sound) {
            let deposit = price::deposit(rate, offer.max_term);
            assert!(deposit.is_none_or(|deposit| deposit >= rate), "a longer term costs less");
        }
    }
}

/// Grants, as an agent checks them.
pub fn grants(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else { return };
    if let Ok(grant) = Grant::decode(token) {
        let _ = (grant.claims(), grant.revocation_ids());
    }
    let context = |connection_key| CheckContext {
        access_key: samples::access().public(),
        genesis: GENESIS,
        machine: samples::machine().0,
        lease: 1,
        epoch: 0,
        connection_key,
        verb: Verb::ALL[0],
        now: samples::NOW,
        revoked: &|_| false,
    };
    if let Ok(allowed) = check(token, &context(samples::holder().public())) {
        assert_eq!(allowed.holder, samples::holder().public());
        assert!(allowed.until > samples::NOW && allowed.verbs.allow(Verb::ALL[0]));
    }
    assert!(check(token, &context([9; 32])).is_err(), "a grant for anybody");
}

/// Specs of workloads, in JSON.
pub fn specs(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<WorkloadSpec>(data) else { return };
    let valid = spec.validate().is_ok();
    let json = serde_json::to_vec(&spec).expect("it was read");
    let again: WorkloadSpec = serde_json::from_slice(&json).expect("it was written");
    assert_eq!((again.hash(), again.validate().is_ok()), (spec.hash(), valid));
}

/// Files of tickets, by which a provider registers a fleet.
pub fn tickets(data: &[u8]) {
    let Ok(fleet) = dbc_sdk::read_fleet(data) else { return };
    assert!(!fleet.is_empty() && fleet.len() <= dbc_sdk::FLEET_MAX);
}

/// Frames between an SSH channel and what runs in a container.
pub fn frames(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut reader = FrameReader::new(data);
        let mut read = 0;
        while let Ok(Some((_, payload))) = reader.next().await {
            assert!(payload.len() <= DATA_BYTES_MAX);
            read += HEAD_BYTES + payload.len();
        }
        assert!(read <= data.len());
        if let Ok(open) = read_json::<Open>(&mut &data[..]).await {
            let _ = open.check();
        }
    });
}
