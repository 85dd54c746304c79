//! A light client's chain spec: how it is made, and whether its checkpoint can be used.

use dbc_chain_client::{ChainClient, ChainError, LightGenesis};
use smoldot::chain_spec::ChainSpec;

/// Makes a chain spec for light clients by asking a node, which vouches for the checkpoint. `boot` are addresses of
/// peers; without any, the node's own.
///
/// # Errors
/// As [`ChainClient::light_spec`].
pub async fn light_spec(client: &ChainClient, boot: &[String]) -> Result<String, ChainError> {
    let spec = client.light_spec(LightGenesis::Root, boot).await?;
    match has_checkpoint(&spec) {
        true => Ok(spec),
        // Younger than two epochs: smoldot begins at the genesis, and needs all of it.
        false => client.light_spec(LightGenesis::Whole, boot).await,
    }
}

/// Whether smoldot can begin at the spec's checkpoint.
pub(crate) fn has_checkpoint(spec: &str) -> bool {
    let Ok(spec) = ChainSpec::from_json_bytes(spec) else { return false };
    spec.light_sync_state().is_some_and(|state| state.to_chain_information().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_spec_has_no_checkpoint() {
        for text in ["", "{}", "[]", r#"{"name":"x","id":"x","bootNodes":[],"genesis":{}}"#] {
            assert!(!has_checkpoint(text), "{text}");
        }
    }
}
