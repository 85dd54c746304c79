//! What the pallet tells: a section of the pallet's module, which takes it in as it stands here and whose names it has.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A lease was ordered and paid for.
        Created {
            /// The lease.
            lease: LeaseId,
            /// Who pays.
            renter: T::AccountId,
            /// On which machine.
            machine: MachineId,
            /// Units per slot.
            rate: Balance,
            /// Units on hold.
            deposit: Balance,
            /// Slot by which the machine must start it.
            start_by: Slot,
        },
        /// The meter runs.
        Started {
            /// The lease.
            lease: LeaseId,
            /// Slot after which it is over.
            ends_at: Slot,
        },
        /// Rent was paid.
        Settled {
            /// The lease.
            lease: LeaseId,
            /// To the provider.
            provider_amount: Balance,
            /// To the treasury.
            fee: Balance,
            /// Slot up to which it is settled.
            settled_to: Slot,
            /// Taken out of the issuance.
            burned: Balance,
            /// To the platform.
            platform_amount: Balance,
        },
        /// The term is longer now.
        Extended {
            /// The lease.
            lease: LeaseId,
            /// New end.
            ends_at: Slot,
            /// Units put on hold for it.
            added: Balance,
        },
        /// A lease is over.
        Closed {
            /// The lease.
            lease: LeaseId,
            /// Why.
            reason: CloseReason,
            /// Units paid to the provider over its life.
            paid: Balance,
            /// Units paid to the treasury over its life.
            fees: Balance,
            /// Units that returned.
            refund: Balance,
            /// Units still on hold, until the horizon has passed the close.
            open: Balance,
            /// Slot until which data is kept.
            retain_until: Slot,
            /// Units burned over its life.
            burned: Balance,
            /// Units paid to the platform over its life.
            platform_fees: Balance,
        },
        /// The last minutes of a closed lease were settled: nothing of it is on hold any more.
        TailSettled {
            /// The lease.
            lease: LeaseId,
            /// Units that returned.
            refund: Balance,
        },
        /// Grants of the lease made before this epoch are void.
        AccessChanged {
            /// The lease.
            lease: LeaseId,
            /// Root of its grants.
            access_key: AccessKey,
            /// The epoch from now on.
            grant_epoch: u32,
        },
        /// The record of a closed lease was removed.
        Removed {
            /// The lease.
            lease: LeaseId,
        },
        /// A lease has another rate from a slot on.
        LegBegan {
            /// The lease.
            lease: LeaseId,
            /// Number of the leg.
            index: u32,
            /// Units per slot.
            rate: Balance,
            /// First slot of it.
            from: Slot,
            /// First slot after it.
            until: Slot,
        },
        /// A provider's fault was made good out of his machine's stake.
        Compensated {
            /// The lease.
            lease: LeaseId,
            /// Units, to whoever paid for it.
            amount: Balance,
        },
        /// Time of a lease waits for a verdict.
        HeldBack {
            /// The lease.
            lease: LeaseId,
            /// First slot that is not charged.
            since: Slot,
            /// When it is charged without a verdict.
            until: Slot,
        },
        /// The verdict is for the machine: the meter goes on.
        LetGo {
            /// The lease.
            lease: LeaseId,
        },
        /// A lease gave its cards up and keeps its data.
        Suspended {
            /// The lease.
            lease: LeaseId,
            /// Whether a pledge makes it free.
            pledged: bool,
        },
        /// A lease has cards again.
        Resumed {
            /// The lease.
            lease: LeaseId,
            /// Their positions.
            gpus: GpuSlots,
        },
        /// Another machine takes a lease over.
        FailedOver {
            /// The lease.
            lease: LeaseId,
            /// The machine that is silent.
            from: MachineId,
            /// The other.
            to: MachineId,
            /// Generation from now on.
            generation: u32,
            /// Slot by which it must start.
            start_by: Slot,
        },
        /// Somebody set money aside for what he leaves on machines.
        Pledged {
            /// Who.
            who: T::AccountId,
            /// Units, altogether.
            amount: Balance,
        },
        /// And took it back.
        PledgeReleased {
            /// Who.
            who: T::AccountId,
            /// Units.
            amount: Balance,
        },
        /// A provider was paid for having kept a closed lease's data.
        StoragePaid {
            /// The lease.
            lease: LeaseId,
            /// Who.
            provider: T::AccountId,
            /// Units.
            amount: Balance,
        },
        /// A cloud platform was registered.
        PlatformRegistered {
            /// The platform.
            platform: u32,
            /// By whom.
            owner: T::AccountId,
            /// Millionths of the price, on top.
            fee: u32,
        },
        /// It takes another fee from now on, or another account.
        PlatformChanged {
            /// The platform.
            platform: u32,
            /// Millionths of the price, on top.
            fee: u32,
        },
        /// It sells nothing any more.
        PlatformClosed {
            /// The platform.
            platform: u32,
        },
        /// Somebody pays for another's leases.
        VoucherIssued {
            /// The voucher.
            voucher: u32,
            /// Who pays.
            issuer: T::AccountId,
            /// For whose leases.
            holder: T::AccountId,
            /// Units at most.
            budget: Balance,
        },
        /// A voucher pays for nothing more than it does.
        VoucherRevoked {
            /// The voucher.
            voucher: u32,
            /// Units that returned at once.
            returned: Balance,
        },
        /// A lease's workload does not run, and its meter stands.
        Down {
            /// The lease.
            lease: LeaseId,
        },
        /// It runs again.
        Up {
            /// The lease.
            lease: LeaseId,
        },
        /// More of every rent is burned in legs that begin from now on.
        BurnRaised {
            /// Steps taken so far.
            step: u8,
            /// Millionths.
            share: u32,
        },
    }
}
