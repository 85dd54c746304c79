//! Why the pallet refuses: a section of the pallet's module, which takes it in as it stands here and whose names it has.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such lease.
        LeaseNotFound,
        /// The lease belongs to somebody else.
        NotRenter,
        /// The machine of the lease belongs to somebody else.
        NotProvider,
        /// The lease is over, or its term is.
        LeaseOver,
        /// The lease has started already.
        AlreadyStarted,
        /// The lease has not started.
        NotStarted,
        /// The renter used this tag before; the order was taken already.
        TagUsed,
        /// The rate is above the renter's maximum.
        RateTooHigh,
        /// The rate of the offer is another than that of the running lease; end it and order again.
        RateChanged,
        /// The term is shorter or longer than the offer allows.
        BadTerm,
        /// The order would cost more than the renter's cap.
        AboveCap,
        /// The machine is silent: nobody knows whether it is there.
        MachineSilent,
        /// A number left its range.
        Overflow,
        /// The lease is not due yet.
        NotDue,
        /// There is no such platform.
        PlatformNotFound,
        /// The platform belongs to somebody else.
        NotPlatform,
        /// A platform takes a fifth of the price at most.
        FeeTooHigh,
        /// There is no such voucher, or nothing is left of it.
        VoucherNotFound,
        /// The voucher pays for somebody else.
        NotHolder,
        /// The voucher is somebody else's money.
        NotIssuer,
        /// The voucher is over, or for another class of machines, or the order names a receiver.
        VoucherUnfit,
        /// The budget is too small for a voucher.
        VoucherTooSmall,
        /// As much as is asked for is pledged already.
        PledgedAlready,
        /// Nothing is pledged.
        NothingPledged,
        /// A suspended lease, or the data of a closed one, relies on the pledge.
        PledgeInUse,
        /// The lease has no cards: it is suspended, or never had any.
        NoCards,
        /// The lease's workload does not run; wait until its machine says that it does, or end it.
        LeaseDown,
        /// That the workload does not run is known already.
        DownAlready,
        /// Nobody said that the workload does not run.
        NotDown,
        /// The lease is not suspended.
        NotSuspended,
        /// A change of the lease is not settled yet; wait two minutes.
        Unsettled,
        /// The lease's time is in dispute; wait for the verdict.
        InDispute,
        /// The cards are not of the same number and models, or not free.
        OtherCards,
        /// The lease has no other machine to go to.
        NoStandby,
        /// The machine is there, or not silent for long enough.
        NotSilent,
        /// The network is too small for the next step of burning.
        TooFewGpus,
        /// There is no further step.
        BurnedAlready,
        /// The least time that is charged is not over yet.
        TooSoon,
    }
}
