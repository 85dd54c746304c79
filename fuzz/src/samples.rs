//! Honest bytes of each kind: what mutations begin with.

use codec::Encode as _;
use dbc_agent_api::{Verb, Verbs, WorkloadSpec};
use dbc_bench::{Case, Prover, Transcript};
use dbc_grants::{AccessKey, Grant, GrantTerms, HolderKey};
use dbc_primitives::{
    Amount, MachineId, Offer, Order, Price, Profile,
    audit::{Findings, Terms, Verdict},
    liveness::{self, Beat, Opening, Tree},
};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::GENESIS;

/// Chain time of all samples.
pub const NOW: u64 = 1_800_000_000;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// The machine that samples are of.
pub fn machine() -> MachineId {
    MachineId(key().verifying_key().to_bytes())
}

/// The key that grants are rooted in.
pub fn access() -> AccessKey {
    AccessKey::from_seed(&[1; 32])
}

/// Whoever holds them.
pub fn holder() -> HolderKey {
    HolderKey::from_seed(&[2; 32])
}

/// The audit that transcripts are of: a small one.
pub fn case() -> Case {
    let terms =
        Terms { gpus: 0, edge: 16, links: 4, openings: 2, commit_ms: 5_000, open_ms: 5_000 };
    Case { genesis: GENESIS, machine: machine(), audit: 1, seed: [4; 32], terms }
}

/// Samples of a target, by its name.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "beats" => vec![beat().encode()],
        "openings" => openings(),
        "transcripts" => transcripts(),
        "findings" => findings(),
        "catalogue" => vec![b"NVIDIA GeForce RTX 4090".to_vec(), b"Tesla  T4".to_vec()],
        "orders" => orders(),
        "grants" => vec![grant()],
        "specs" => specs(),
        "tickets" => vec![b"{\"version\":1}\n\n{\"version\":2}".to_vec()],
        "frames" => frames(),
        _ => Vec::new(),
    }
}

fn beat() -> Beat {
    let digest = [9; 32];
    let message = liveness::beat(&GENESIS, machine(), 1, 77, &digest);
    let signature = key().sign(&message).to_bytes();
    Beat { index: 4, generation: 1, interval: 77, digest, signature }
}

fn openings() -> Vec<Vec<u8>> {
    let signature = beat().signature;
    let tree = Tree::new(&[7; 32], [(4, &signature)]);
    let opening = Opening { digest: [9; 32], signature, path: tree.path(4) };
    let mut heard = liveness::none();
    liveness::set(&mut heard, 4, true);
    vec![(heard, 4u16, Some(opening)).encode(), (liveness::none(), 0u16, None::<Opening>).encode()]
}

fn transcripts() -> Vec<Vec<u8>> {
    let (case, secret, block) = (case(), [6; 32], [7; 32]);
    let params = case.params(&secret);
    let prover = Prover::run(params);
    let root = prover.root();
    let asked = case.questions(&secret, &root, &block);
    let openings = asked.iter().filter_map(|place| prover.open(*place)).collect();
    let transcript = Transcript { secret, block, root, commit_ms: 900, open_ms: 90, openings };
    vec![transcript.encode(), params.encode()]
}

fn findings() -> Vec<Vec<u8>> {
    let found = Findings { gpus: 2, throughput: 1_000, ..Findings::default() };
    [Verdict::Pass(found), Verdict::Fail, Verdict::Unreachable].map(|one| one.encode()).into()
}

fn orders() -> Vec<Vec<u8>> {
    let amount = Amount::UsdMicro(400_000);
    let price = Price { gpu_hour: amount, cpu_hour: amount };
    let offer = Offer { price, min_term: 100, max_term: 10_000, cpu_shares: 4 };
    let order = Order {
        machine: machine(),
        gpus: vec![0, 1].try_into().expect("two of sixteen"),
        profile: Profile::Gpu,
        cpu_shares: 0,
        term: 1_200,
        offer_version: 1,
        max_rate: 1_000_000,
        cap: Some(1_200_000_000),
        access_key: [7; 32],
        spec_hash: None,
        platform: None,
        voucher: None,
        standby: None,
        receiver: Some([8u8; 32]),
        tag: 3,
    };
    vec![order.encode(), offer.encode()]
}

fn grant() -> Vec<u8> {
    let terms = GrantTerms {
        genesis: GENESIS,
        machine: machine().0,
        lease: 1,
        epoch: 0,
        holder: holder().public(),
        verbs: Verb::ALL.into_iter().collect::<Verbs>(),
        until: NOW + 3_600,
        pinned: false,
    };
    let grant = Grant::mint(&access(), &terms, NOW - 60).expect("honest terms");
    grant.encode().into_bytes()
}

fn specs() -> Vec<Vec<u8>> {
    let spec = WorkloadSpec::container("registry.local/base:1");
    vec![serde_json::to_vec(&spec).expect("a spec is JSON")]
}

fn frames() -> Vec<Vec<u8>> {
    let open = br#"{"run":{"program":{"line":"ls"}}}"#;
    let mut json = (open.len() as u32).to_be_bytes().to_vec();
    json.extend_from_slice(open);
    vec![vec![0, 0, 0, 0, 2, b'l', b's', 4, 0, 0, 0, 4, 0, 80, 0, 24, 8, 0, 0, 0, 0], json]
}
