//! Bytes that are no grant: an error each time, never a panic.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use dbc_agent_api::{ErrorCode, Verb, hello::GRANT_BYTES_MAX};
use dbc_grants::{Grant, check};
use proptest::prelude::*;

use crate::Lease;

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,300}") {
        let lease = Lease::new();
        let error = check(&text, &lease.context(&lease.alice, Verb::Shell)).unwrap_err();
        prop_assert_eq!(error.code(), ErrorCode::GrantInvalid);
        let _ = Grant::decode(&text);
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let lease = Lease::new();
        let text = URL_SAFE.encode(bytes);
        prop_assert!(check(&text, &lease.context(&lease.alice, Verb::Shell)).is_err());
        if let Ok(grant) = Grant::decode(&text) {
            let _ = grant.claims();
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), by in 1u8..=255) {
        let lease = Lease::new();
        let mut bytes = URL_SAFE.decode(lease.grant().encode()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        let text = URL_SAFE.encode(bytes);
        if let Ok(allowed) = check(&text, &lease.context(&lease.alice, Verb::Shell)) {
            // The hint which root key was used is the one part that no signature covers; nothing
            // reads it.
            prop_assert_eq!(allowed.verbs, lease.terms.verbs.clone());
            prop_assert_eq!(allowed.holder, lease.alice.public());
        }
        if let Ok(grant) = Grant::decode(&text) {
            let _ = grant.claims();
            let _ = grant.encode();
        }
    }
}

#[test]
fn size_is_looked_at_first() {
    let lease = Lease::new();
    let text = "A".repeat(GRANT_BYTES_MAX + 1);
    let error = check(&text, &lease.context(&lease.alice, Verb::Shell)).unwrap_err();
    assert_eq!(error.to_string(), "the grant is invalid: longer than 8 KiB");
}
