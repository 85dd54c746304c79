//! What an extrinsic did, read from the events of its block; and which lease an event is about.

use std::sync::Arc;

use codec::Decode;
use dbc_primitives::LeaseId;
use subxt::{
    error::DispatchError,
    events::{DecodeAsEvent, Event, Events, Phase},
    metadata::ArcMetadata,
};

use crate::{
    client::Chain,
    error::{ChainError, from_dispatch},
    generated::{self, transaction_payment::events::TransactionFeePaid},
    record::LeaseClosed,
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
                    let paid = event
                        .decode_fields_as::<TransactionFeePaid>()
                        .transpose()
                        .map_err(|error| ChainError::malformed("fee", error))?;
                    fee = paid.map_or(0, |event| event.actual_fee);
                }
                _ => {}
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok((fee, Self { all: Arc::new(events), index })),
        }
    }

    /// The lease that was created.
    pub fn created(&self) -> Result<Option<LeaseId>, ChainError> {
        Ok(self.first::<generated::leases::events::Created>()?.map(|event| event.lease))
    }

    /// The lease that was closed.
    pub fn closed(&self) -> Result<Option<LeaseClosed>, ChainError> {
        let closed = self.first::<generated::leases::events::Closed>()?;
        Ok(closed.map(|event| LeaseClosed {
            lease: event.lease,
            reason: event.reason.0,
            paid: event.paid,
            fees: event.fees,
            refund: event.refund,
            open: event.open,
            retain_until: event.retain_until,
            burned: event.burned,
            platform_fees: event.platform_fees,
        }))
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

/// Events of the leases pallet that are about no lease.
const OTHERS: [&str; 8] = [
    "Pledged",
    "PledgeReleased",
    "PlatformRegistered",
    "PlatformChanged",
    "PlatformClosed",
    "VoucherIssued",
    "VoucherRevoked",
    "BurnRaised",
];

/// The lease that an event of the leases pallet is about: its first field.
pub(crate) fn lease_of(event: &Event<'_, Chain>) -> Result<Option<u64>, ChainError> {
    if event.pallet_name() != "Leases" || OTHERS.contains(&event.event_name()) {
        return Ok(None);
    }
    u64::decode(&mut event.field_bytes())
        .map(Some)
        .map_err(|error| ChainError::malformed("lease event", error))
}

#[cfg(test)]
mod tests {
    use codec::Decode as _;
    use subxt::metadata::Metadata;

    use super::OTHERS;

    #[test]
    fn events_of_leases_that_are_about_no_lease_are_known() {
        let bytes = include_bytes!("../metadata.scale");
        let metadata = Metadata::decode(&mut &bytes[..]).expect("the committed metadata");
        let leases = metadata.pallet_by_name("Leases").expect("the pallet");
        for event in leases.event_variants().expect("it has events") {
            let first = event.fields.first().and_then(|field| field.name.as_deref());
            let other = OTHERS.contains(&event.name.as_str());
            assert_eq!(first == Some("lease"), !other, "{}", event.name);
        }
    }
}
