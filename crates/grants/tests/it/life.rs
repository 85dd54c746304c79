//! Good grants, and how they end.

use dbc_agent_api::{ErrorCode, Verb};
use dbc_grants::{Delegation, Grant, GrantError, HolderKey, Narrowing, check};

use crate::{DAY, HOUR, Lease, NOW, verbs};

#[test]
fn a_grant_allows_its_verbs_to_its_holder() {
    let lease = Lease::new();
    let grant = Grant::decode(&lease.grant().encode()).unwrap();
    let allowed = lease.check(&grant, &lease.alice, Verb::Shell).unwrap();
    assert_eq!(allowed.holder, lease.alice.public());
    assert_eq!(allowed.verbs, lease.terms.verbs);
    assert_eq!((allowed.until, allowed.handed_on), (NOW + HOUR, 0));
    assert_eq!(allowed.revocation_ids, grant.revocation_ids());
    assert_eq!(lease.check(&grant, &lease.alice, Verb::Copy), Err(GrantError::Verb(Verb::Copy)));
}

#[test]
fn claims_say_what_was_minted() {
    let lease = Lease::new();
    let claims = lease.grant().claims().unwrap();
    assert_eq!((claims.genesis, claims.machine), (lease.terms.genesis, lease.terms.machine));
    assert_eq!((claims.lease, claims.epoch, claims.until), (7, 3, NOW + HOUR));
    assert_eq!(claims.holder, lease.alice.public());
    assert_eq!(claims.verbs, lease.terms.verbs);
    assert!(!claims.pinned);
}

#[test]
fn an_expired_grant_is_refused() {
    let lease = Lease::new();
    let token = lease.grant().encode();
    let mut context = lease.context(&lease.alice, Verb::Shell);
    context.now = NOW + HOUR - 1;
    assert!(check(&token, &context).is_ok());
    context.now = NOW + HOUR;
    assert_eq!(check(&token, &context), Err(GrantError::Expired));
    let late = Grant::mint(&lease.access, &lease.terms, NOW + HOUR);
    assert_eq!(late.unwrap_err(), GrantError::Expired);
}

#[test]
fn rule_20_a_long_grant_must_be_pinned() {
    let mut lease = Lease::new();
    lease.terms.until = NOW + DAY + 1;
    assert_eq!(lease.grant_error(), GrantError::TooLong);
    // Minted with a clock of its own, as a dishonest client would.
    lease.terms.until = NOW + 3 * DAY;
    let forged = Grant::mint(&lease.access, &lease.terms, NOW + 2 * DAY).unwrap();
    assert_eq!(lease.check(&forged, &lease.alice, Verb::Shell), Err(GrantError::TooLong));
    lease.terms.pinned = true;
    assert!(lease.check(&lease.grant(), &lease.alice, Verb::Shell).is_ok());
}

#[test]
fn a_clock_a_little_ahead_does_no_harm() {
    let mut lease = Lease::new();
    lease.terms.until = NOW + 60 + DAY;
    let grant = Grant::mint(&lease.access, &lease.terms, NOW + 60).unwrap();
    assert!(lease.check(&grant, &lease.alice, Verb::Shell).is_ok());
}

#[test]
fn rule_20_a_raised_epoch_revokes_all_grants() {
    let lease = Lease::new();
    let token = lease.grant().encode();
    let mut context = lease.context(&lease.alice, Verb::Shell);
    for epoch in [lease.terms.epoch + 1, lease.terms.epoch - 1] {
        context.epoch = epoch;
        assert_eq!(check(&token, &context), Err(GrantError::Revoked));
    }
}

#[test]
fn rule_20_a_revoked_grant_takes_those_made_from_it_along() {
    let lease = Lease::new();
    let bob = HolderKey::generate();
    let grant = lease.grant();
    let handed = grant.delegate(&lease.alice, &to(&bob)).unwrap();
    let (first, second) = (grant.revocation_ids(), handed.revocation_ids());
    assert_eq!(second.len(), 2);
    let check_with = |grant: &Grant, by: &HolderKey, gone: &Vec<u8>| {
        let mut context = lease.context(by, Verb::Shell);
        let revoked = |id: &[u8]| id == gone;
        context.revoked = &revoked;
        check(&grant.encode(), &context).map(|_| ())
    };
    assert_eq!(check_with(&grant, &lease.alice, &first[0]), Err(GrantError::Revoked));
    assert_eq!(check_with(&handed, &bob, &first[0]), Err(GrantError::Revoked));
    assert_eq!(check_with(&handed, &bob, &second[1]), Err(GrantError::Revoked));
    assert_eq!(check_with(&grant, &lease.alice, &second[1]), Ok(()));
}

#[test]
fn a_grant_can_be_handed_on_and_on() {
    let lease = Lease::new();
    let (bob, carol) = (HolderKey::generate(), HolderKey::generate());
    let bobs = lease.grant().delegate(&lease.alice, &to(&bob)).unwrap();
    assert!(lease.check(&bobs, &bob, Verb::Shell).is_ok());
    assert_eq!(lease.check(&bobs, &bob, Verb::Logs), Err(GrantError::Verb(Verb::Logs)));
    let bobs = Grant::decode(&bobs.encode()).unwrap();
    let carols =
        Delegation { holder: carol.public(), verbs: verbs([Verb::Shell]), until: NOW + 60 };
    let carols = bobs.delegate(&bob, &carols).unwrap();
    let allowed = lease.check(&carols, &carol, Verb::Shell).unwrap();
    assert_eq!((allowed.until, allowed.handed_on), (NOW + 60, 2));
    assert_eq!(allowed.verbs, verbs([Verb::Shell]));
    for other in [&lease.alice, &bob] {
        assert_eq!(lease.check(&carols, other, Verb::Shell), Err(GrantError::NotHolder));
    }
    let claims = carols.claims().unwrap();
    assert_eq!((claims.holder, claims.until), (carol.public(), NOW + 60));
    assert_eq!((claims.verbs, claims.handed_on), (verbs([Verb::Shell]), 2));
    let mut context = lease.context(&carol, Verb::Shell);
    context.now = NOW + 60;
    assert_eq!(check(&carols.encode(), &context), Err(GrantError::Expired));
}

#[test]
fn a_narrowed_grant_allows_less() {
    let lease = Lease::new();
    let by = Narrowing { verbs: Some(verbs([Verb::Logs])), until: Some(NOW + 60) };
    let grant = lease.grant().narrow(&by).unwrap();
    assert!(lease.check(&grant, &lease.alice, Verb::Logs).is_ok());
    assert_eq!(lease.check(&grant, &lease.alice, Verb::Shell), Err(GrantError::Narrowed));
    let mut context = lease.context(&lease.alice, Verb::Logs);
    context.now = NOW + 60;
    assert_eq!(check(&grant.encode(), &context), Err(GrantError::Expired));
}

#[test]
fn a_narrowed_grant_stays_narrow_when_handed_on() {
    let lease = Lease::new();
    let bob = HolderKey::generate();
    let by = Narrowing { verbs: Some(verbs([Verb::Logs])), until: None };
    let grant = lease.grant().narrow(&by).unwrap().delegate(&lease.alice, &to(&bob)).unwrap();
    assert_eq!(lease.check(&grant, &bob, Verb::Shell), Err(GrantError::Narrowed));
}

#[test]
fn only_so_many_steps() {
    let lease = Lease::new();
    let by = Narrowing { verbs: None, until: Some(NOW + 60) };
    let mut grant = lease.grant();
    for _ in 1..dbc_grants::BLOCKS_MAX {
        grant = grant.narrow(&by).unwrap();
    }
    assert!(lease.check(&grant, &lease.alice, Verb::Shell).is_ok());
    assert_eq!(grant.narrow(&by).unwrap_err().code(), ErrorCode::GrantInvalid);
}

#[test]
fn foreign_grants_are_told_apart() {
    let lease = Lease::new();
    let token = lease.grant().encode();
    let context = || lease.context(&lease.alice, Verb::Shell);
    let foreign = |context| check(&token, &context).unwrap_err();
    let other_lease = dbc_grants::CheckContext { lease: 8, ..context() };
    assert_eq!(foreign(other_lease), GrantError::Foreign("lease"));
    let other_machine = dbc_grants::CheckContext { machine: [9; 32], ..context() };
    assert_eq!(foreign(other_machine), GrantError::Foreign("machine"));
    let other_network = dbc_grants::CheckContext { genesis: [9; 32], ..context() };
    assert_eq!(foreign(other_network), GrantError::Foreign("network"));
    // As it comes in practice: the other lease has another access key, too.
    let other = Lease::new();
    let both =
        dbc_grants::CheckContext { lease: 8, access_key: other.access.public(), ..context() };
    assert_eq!(foreign(both).code(), ErrorCode::GrantForeign);
    let wrong_key = dbc_grants::CheckContext { access_key: other.access.public(), ..context() };
    assert_eq!(foreign(wrong_key).code(), ErrorCode::GrantInvalid);
}

pub(crate) fn to(holder: &HolderKey) -> Delegation {
    Delegation {
        holder: holder.public(),
        verbs: verbs([Verb::View, Verb::Shell]),
        until: NOW + HOUR / 2,
    }
}

impl Lease {
    fn grant_error(&self) -> GrantError {
        Grant::mint(&self.access, &self.terms, NOW).unwrap_err()
    }
}
