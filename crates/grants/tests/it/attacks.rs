//! Tokens that somebody tampered with, made with the token library itself as an attacker would.

use biscuit_auth::{Algorithm, Biscuit, BlockBuilder, KeyPair, PrivateKey, UnverifiedBiscuit};
use dbc_agent_api::{ErrorCode, Verb};
use dbc_grants::{Delegation, Grant, GrantError, HolderKey, check};

use crate::{HOUR, Lease, NOW, life::to, verbs};

fn open(grant: &Grant) -> UnverifiedBiscuit {
    UnverifiedBiscuit::from_base64(grant.encode()).unwrap()
}

fn pair(key: &HolderKey) -> KeyPair {
    KeyPair::from(&PrivateKey::from_bytes(&*key.seed(), Algorithm::Ed25519).unwrap())
}

/// Appends a block of free text, signed by nobody in particular.
fn append(grant: &Grant, code: &str) -> String {
    let block = BlockBuilder::new().code(code).unwrap();
    open(grant).append(block).unwrap().to_base64().unwrap()
}

/// Appends a block of free text, signed by this key.
fn append_signed(token: &UnverifiedBiscuit, by: &HolderKey, code: &str) -> UnverifiedBiscuit {
    let block = BlockBuilder::new().code(code).unwrap();
    let request = token.third_party_request().unwrap();
    let block = request.create_block(&pair(by).private(), block).unwrap();
    token.append_third_party(&block.serialize().unwrap()).unwrap()
}

fn words(holder: &HolderKey, verb: &str, until: u64) -> String {
    format!("holder(\"{}\"); verb(\"{verb}\"); until({until});", hex::encode(holder.public()))
}

fn refused(lease: &Lease, token: &str, by: &HolderKey, verb: Verb) -> ErrorCode {
    check(token, &lease.context(by, verb)).unwrap_err().code()
}

#[test]
fn rule_20_a_stolen_token_is_worth_nothing() {
    let lease = Lease::new();
    let thief = HolderKey::generate();
    let stolen = lease.grant();
    assert_eq!(lease.check(&stolen, &thief, Verb::Shell), Err(GrantError::NotHolder));
    assert_eq!(stolen.delegate(&thief, &to(&thief)).unwrap_err(), GrantError::NotHolder);
}

#[test]
fn a_block_that_names_a_holder_without_signature_is_refused() {
    let lease = Lease::new();
    let thief = HolderKey::generate();
    let token = append(&lease.grant(), &words(&thief, "shell", NOW + HOUR));
    assert_eq!(refused(&lease, &token, &thief, Verb::Shell), ErrorCode::GrantInvalid);
    assert_eq!(refused(&lease, &token, &lease.alice, Verb::Shell), ErrorCode::GrantInvalid);
}

#[test]
fn a_block_signed_by_a_thief_is_refused() {
    let lease = Lease::new();
    let thief = HolderKey::generate();
    let token = append_signed(&open(&lease.grant()), &thief, &words(&thief, "shell", NOW + HOUR));
    let token = token.to_base64().unwrap();
    assert_eq!(refused(&lease, &token, &thief, Verb::Shell), ErrorCode::GrantInvalid);
}

#[test]
fn a_signed_block_fits_only_where_it_was_made() {
    let lease = Lease::new();
    let bob = HolderKey::generate();
    let (first, second) = (open(&lease.grant()), open(&lease.grant()));
    let block = BlockBuilder::new().code(words(&bob, "shell", NOW + HOUR)).unwrap();
    let request = first.third_party_request().unwrap();
    let block = request.create_block(&pair(&lease.alice).private(), block).unwrap();
    let block = block.serialize().unwrap();
    assert!(first.append_third_party(&block).is_ok());
    if let Ok(moved) = second.append_third_party(&block) {
        let token = moved.to_base64().unwrap();
        assert_eq!(refused(&lease, &token, &bob, Verb::Shell), ErrorCode::GrantInvalid);
    }
}

#[test]
fn a_holder_cannot_hand_on_more_than_it_has() {
    let lease = Lease::new();
    let bob = HolderKey::generate();
    let wider = Delegation { verbs: verbs([Verb::Shell, Verb::Manage]), ..to(&bob) };
    assert_eq!(lease.grant().delegate(&lease.alice, &wider).unwrap_err(), GrantError::Wider);
    let longer = Delegation { until: NOW + HOUR + 1, ..to(&bob) };
    assert_eq!(lease.grant().delegate(&lease.alice, &longer).unwrap_err(), GrantError::Wider);

    // Around our own check, with the library.
    let token = append_signed(
        &open(&lease.grant()),
        &lease.alice,
        &words(&bob, "manage", NOW + 1000 * HOUR),
    );
    let token = token.to_base64().unwrap();
    assert_eq!(refused(&lease, &token, &bob, Verb::Manage), ErrorCode::GrantVerb);
    assert_eq!(refused(&lease, &token, &bob, Verb::Shell), ErrorCode::GrantVerb);
    let token = append_signed(
        &open(&lease.grant()),
        &lease.alice,
        &words(&bob, "shell", NOW + 1000 * HOUR),
    );
    let mut context = lease.context(&bob, Verb::Shell);
    context.now = NOW + HOUR;
    assert_eq!(check(&token.to_base64().unwrap(), &context), Err(GrantError::Expired));
}

#[test]
fn a_holder_that_handed_on_cannot_be_replaced_by_a_second_block() {
    let lease = Lease::new();
    let (bob, carol) = (HolderKey::generate(), HolderKey::generate());
    let handed = open(&lease.grant().delegate(&lease.alice, &to(&bob)).unwrap());
    // Alice signs again, after Bob became the holder.
    let token = append_signed(&handed, &lease.alice, &words(&carol, "shell", NOW + HOUR));
    let token = token.to_base64().unwrap();
    assert_eq!(refused(&lease, &token, &carol, Verb::Shell), ErrorCode::GrantInvalid);
    // Bob hands back to Alice, who hands on again: one signer, two blocks, which the library would
    // mix up.
    let back = append_signed(&handed, &bob, &words(&lease.alice, "shell", NOW + HOUR));
    let again = append_signed(&back, &lease.alice, &words(&carol, "shell", NOW + HOUR));
    let token = again.to_base64().unwrap();
    assert_eq!(refused(&lease, &token, &carol, Verb::Shell), ErrorCode::GrantInvalid);
}

#[test]
fn appended_facts_add_no_verb_and_no_time() {
    let lease = Lease::new();
    for code in [
        "verb(\"manage\");".to_owned(),
        format!("until({});", NOW + 1000 * HOUR),
        "pinned(true);".to_owned(),
        "epoch(4);".to_owned(),
        "operation(\"shell\");".to_owned(),
        "time(1970-01-01T00:00:00Z);".to_owned(),
        "verb($x) <- operation($x);".to_owned(),
        "holder($x) <- holder($x);".to_owned(),
    ] {
        let token = append(&lease.grant(), &code);
        let code = refused(&lease, &token, &lease.alice, Verb::Manage);
        assert_eq!(code, ErrorCode::GrantInvalid);
        let signed = append_signed(&open(&lease.grant()), &lease.alice, "verb(\"manage\");");
        let token = signed.to_base64().unwrap();
        let code = refused(&lease, &token, &lease.alice, Verb::Manage);
        assert_eq!(code, ErrorCode::GrantInvalid);
    }
}

#[test]
fn an_authority_block_must_say_each_thing_once() {
    let lease = Lease::new();
    let root =
        KeyPair::from(&PrivateKey::from_bytes(&*lease.access.seed(), Algorithm::Ed25519).unwrap());
    let all = [
        format!("genesis(\"{}\");", hex::encode([1; 32])),
        format!("machine(\"{}\");", hex::encode([2; 32])),
        "lease(7); epoch(3); pinned(false);".to_owned(),
        words(&lease.alice, "shell", NOW + HOUR),
    ];
    let mint = |code: String| {
        let builder = Biscuit::builder().code(code).unwrap();
        builder.build(&root).unwrap().to_base64().unwrap()
    };
    let context = lease.context(&lease.alice, Verb::Shell);
    assert!(check(&mint(all.concat()), &context).is_ok());
    for left_out in 0..all.len() {
        let mut some = all.to_vec();
        some.remove(left_out);
        assert!(check(&mint(some.concat()), &context).is_err());
    }
    let thief = HolderKey::generate();
    for extra in [
        format!("holder(\"{}\");", hex::encode(thief.public())),
        "lease(8);".to_owned(),
        "lease(\"7\");".to_owned(),
        "verb(\"fly\");".to_owned(),
        "admin(true);".to_owned(),
        "verb(\"shell\", \"copy\");".to_owned(),
    ] {
        let error = check(&mint(all.concat() + &extra), &context).unwrap_err();
        assert_eq!(error.code(), ErrorCode::GrantInvalid, "{extra}");
    }
}

#[test]
fn work_that_grows_out_of_hand_is_refused_before_it_is_done() {
    let lease = Lease::new();
    // A join over many facts, as a rule and as a condition; a loop in a loop; a regular expression.
    let join: String = (0..12).map(|i| format!("verb($v{i}), ")).collect();
    let facts: String = (0..60).map(|i| format!("verb(\"{i}\");")).collect();
    let many: String = (0..70).map(|i| format!("verb(\"v{i}\");")).collect();
    for code in [
        format!("{facts} verb(\"x\") <- {join} 1 == 2;"),
        format!("{facts} check if {join} 1 == 2;"),
        "check if [1,2].all($x -> [1,2].any($y -> $x == $y));".to_owned(),
        "check if \"aaaa\".matches(\"(a*)*b\");".to_owned(),
        many,
    ] {
        let begun = std::time::Instant::now();
        let token = append(&lease.grant(), &code);
        let code = refused(&lease, &token, &lease.alice, Verb::Shell);
        assert_eq!(code, ErrorCode::GrantInvalid);
        assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    }
}

#[test]
fn too_many_blocks_and_too_many_bytes_are_refused() {
    let lease = Lease::new();
    let mut token = open(&lease.grant());
    for _ in 0..dbc_grants::BLOCKS_MAX {
        token = token.append(BlockBuilder::new()).unwrap();
    }
    let text = token.to_base64().unwrap();
    assert_eq!(refused(&lease, &text, &lease.alice, Verb::Shell), ErrorCode::GrantInvalid);
    assert!(Grant::decode(&text).is_err());

    let long = format!("check if operation($x), $x != \"{}\";", "y".repeat(9000));
    let text = append(&lease.grant(), &long);
    assert_eq!(refused(&lease, &text, &lease.alice, Verb::Shell), ErrorCode::GrantInvalid);
    assert!(Grant::decode(&text).is_err());
}

#[test]
fn other_tools_may_add_small_conditions() {
    let lease = Lease::new();
    let token = append(&lease.grant(), "check if operation(\"shell\") or operation(\"logs\");");
    assert!(check(&token, &lease.context(&lease.alice, Verb::Shell)).is_ok());
    assert_eq!(refused(&lease, &token, &lease.alice, Verb::View), ErrorCode::GrantVerb);
}
