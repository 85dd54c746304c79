//! Messages that keys of ours sign. Each names its purpose and the network, so that a signature is
//! worth nothing elsewhere (the predecessor's had neither).

use alloc::vec::Vec;

use codec::Encode;

/// What a machine key signs so that a provider may register it: purpose, genesis hash, the
/// provider's account.
pub fn register_message(genesis: &[u8; 32], provider: &[u8; 32]) -> Vec<u8> {
    (b"dbc/machine/register/1", genesis, provider).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_depends_on_network_and_provider() {
        let one = register_message(&[1; 32], &[2; 32]);
        assert_eq!(one.len(), 22 + 64);
        assert_ne!(one, register_message(&[2; 32], &[2; 32]));
        assert_ne!(one, register_message(&[1; 32], &[3; 32]));
    }
}
