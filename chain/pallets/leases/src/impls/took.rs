//! What a call took, beside what it declares: that is its longest path, which an ordinary lease does not go. The
//! difference is given back, to the block and to whoever pays.

use frame_support::{traits::Get as _, weights::Weight};

use crate::{Config, LeaseOf, Pallet, WeightInfo as _};

impl<T: Config> Pallet<T> {
    /// What an order took; `beyond` is what the machine's side of it did beyond the usual.
    pub(crate) fn order_took(record: &LeaseOf<T>, beyond: Weight) -> Weight {
        let voucher = u64::from(record.voucher.is_some());
        let platform = u64::from(record.platform.is_some());
        let dollars = u64::from(record.dollars_hour.is_some());
        let own = T::DbWeight::get().reads_writes(voucher + platform + dollars, voucher);
        T::WeightInfo::create_usual()
            .saturating_add(own)
            .saturating_add(beyond)
            .min(T::WeightInfo::create())
    }

    /// What the end of a lease took, or less of it: settling, the end of its tail, its removal. Whatever was
    /// paid at any time counts as if it were paid now. `slept` when it relied on a pledge.
    pub(crate) fn end_took(record: &LeaseOf<T>, slept: bool, beyond: Weight) -> Weight {
        let written = [
            // The provider and the treasury.
            (record.charged > 0 || record.fees > 0, 2),
            (record.due_platform > 0 || record.platform_fees > 0, 1),
            (record.burned > 0, 1),
            (record.receiver.is_some(), 1),
            (record.voucher.is_some(), 1),
            // Holds of the provider; his account, where nothing was paid to it.
            (record.at_fault, 2),
            (slept || record.retained_by_pledge, 1),
        ];
        let written: u64 =
            written.into_iter().filter(|(done, _)| *done).map(|(_, entries)| entries).sum();
        // What is known of a silence, in four; the pledge; who may speak for the machine.
        let read = if record.started_at.is_some() { 5 } else { 0 } + u64::from(record.at_fault);
        let own = T::DbWeight::get().reads_writes(written + read, written);
        T::WeightInfo::end_usual()
            .saturating_add(own)
            .saturating_add(beyond)
            .min(T::WeightInfo::end())
    }
}
