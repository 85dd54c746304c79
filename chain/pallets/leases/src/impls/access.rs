//! Who may make grants: the owner's business alone (mechanisms rule 20).

use dbc_primitives::{AccessKey, LeaseId};
use frame_support::dispatch::DispatchResult;

use crate::{Config, Event, Leases, Pallet};

impl<T: Config> Pallet<T> {
    /// A new epoch, with a new key or the old one.
    pub(crate) fn do_set_access(
        renter: T::AccountId,
        lease: LeaseId,
        access_key: Option<AccessKey>,
    ) -> DispatchResult {
        let mut record = Self::own_open_lease(&renter, lease)?;
        record.grant_epoch = record.grant_epoch.saturating_add(1);
        record.access_key = access_key.unwrap_or(record.access_key);
        Self::deposit_event(Event::AccessChanged {
            lease,
            access_key: record.access_key,
            grant_epoch: record.grant_epoch,
        });
        Leases::<T>::insert(lease, record);
        Ok(())
    }
}
