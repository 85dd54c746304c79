//! Another runtime: what is asked, what was authorized, and bringing it.

use crate::{
    account::Signer,
    client::ChainClient,
    error::{ChainError, cut},
    generated,
    read::View,
    tx::Submission,
};

impl View {
    /// The hash by which this code is authorized.
    pub fn code_hash(&self, code: &[u8]) -> [u8; 32] {
        self.hash_of(code).0
    }

    /// The call that authorizes a runtime by the hash of its code.
    ///
    /// Errors: [`ChainError::Input`] when the runtime has no such call.
    pub fn authorize_upgrade(&self, code: &[u8]) -> Result<Vec<u8>, ChainError> {
        let call = generated::transactions().system().authorize_upgrade(self.hash_of(code));
        self.block.transactions().call_data(&call).map_err(|error| ChainError::Input {
            field: "upgrade",
            why: cut(format!("the runtime does not take it: {error}")),
        })
    }

    /// The hash of the code that was authorized and nobody brought yet.
    pub async fn authorized_upgrade(&self) -> Result<Option<[u8; 32]>, ChainError> {
        let entry = generated::storage().system().authorized_upgrade();
        Ok(self.get("upgrade", entry, ()).await?.map(|found| found.code_hash.0))
    }

    /// The version of the runtime that this block was the last to begin with.
    pub async fn runtime_version(&self) -> Result<u32, ChainError> {
        let entry = generated::storage().system().last_runtime_upgrade();
        Ok(self.get("runtime version", entry, ()).await?.map_or(0, |found| found.spec_version))
    }
}

impl ChainClient {
    /// Brings the code of an authorized runtime. Anybody may; the chain takes no fee for the right code.
    pub async fn apply_upgrade(
        &self,
        signer: &Signer,
        code: Vec<u8>,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().system().apply_authorized_upgrade(code);
        self.submit(signer, &call).await
    }
}
