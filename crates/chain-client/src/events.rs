//! What an extrinsic did, read from the events of its block; and which lease an event is about.

use std::sync::Arc;

use codec::Decode;
use subxt::{
    error::DispatchError,
    events::{DecodeAsEvent, Event, Events, Phase},
    metadata::ArcMetadata,
};

use crate::{
    client::Chain,
    error::{ChainError, from_dispatch},
};

/// The events of one extrinsic that succeeded.
#[derive(Debug, Clone)]
pub struct TxEvents {
    all: Arc<Events<Chain>>,
    index: u32,
}

impl TxEvents {
    /// Reads the outcome of the extrinsic at `index`: its fee and events, or why it failed.
    pub(crate) fn of(
        events: Events<Chain>,
        index: u32,
        metadata: ArcMetadata,
    ) -> Result<(u128, Self), ChainError> {
        let mut fee = 0;
        let mut failure = None;
        for event in events.iter() {
            let event = event.map_err(|error| ChainError::malformed("events", error))?;
            if event.phase() != Phase::ApplyExtrinsic(index) {
                continue;
            }
            match (event.pallet_name(), event.event_name()) {
                ("System", "ExtrinsicFailed") => {
                    let error = DispatchError::decode_from(event.field_bytes(), metadata.clone())
                        .map_err(|error| ChainError::malformed("dispatch error", error))?;
                    failure = Some(from_dispatch(error));
                }
                ("TransactionPayment", "TransactionFeePaid") => {
                    let ([_, _], paid, _tip) =
                        <([u128; 2], u128, u128)>::decode(&mut event.field_bytes())
                            .map_err(|error| ChainError::malformed("fee", error))?;
                    fee = paid;
                }
                _ => {}
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok((fee, Self { all: Arc::new(events), index })),
        }
    }

    /// The first event of this type.
    pub(crate) fn first<E: DecodeAsEvent>(&self) -> Result<Option<E>, ChainError> {
        let mine = self.all.iter().filter_map(Result::ok);
        mine.filter(|event| event.phase() == Phase::ApplyExtrinsic(self.index))
            .find_map(|event| event.decode_fields_as::<E>())
            .transpose()
            .map_err(|error| ChainError::malformed("event", error))
    }
}

/// The lease that an event of the leases pallet is about: its first field.
pub(crate) fn lease_of(event: &Event<'_, Chain>) -> Result<Option<u64>, ChainError> {
    if event.pallet_name() != "Leases" {
        return Ok(None);
    }
    u64::decode(&mut event.field_bytes())
        .map(Some)
        .map_err(|error| ChainError::malformed("lease event", error))
}
