//! Ways to act: in batches, together, for somebody else.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    parameter_types,
    traits::{ConstU32, InstanceFilter},
};
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

use crate::{
    Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, System, constants::deposit,
};

parameter_types! {
    /// One entry of 88 bytes: hash and state of a multisig's call.
    pub const MultisigDepositBase: Balance = deposit(1, 88);
    /// 32 bytes for each signatory.
    pub const MultisigDepositFactor: Balance = deposit(0, 32);
    /// One entry of 8 bytes.
    pub const ProxyDepositBase: Balance = deposit(1, 8);
    /// 33 bytes for each proxy.
    pub const ProxyDepositFactor: Balance = deposit(0, 33);
    /// One entry of 8 bytes.
    pub const AnnouncementDepositBase: Balance = deposit(1, 8);
    /// 66 bytes for each announcement.
    pub const AnnouncementDepositFactor: Balance = deposit(0, 66);
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = MultisigDepositBase;
    type DepositFactor = MultisigDepositFactor;
    type MaxSignatories = ConstU32<100>;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
    type BlockNumberProvider = System;
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ProxyDepositBase;
    type ProxyDepositFactor = ProxyDepositFactor;
    type MaxProxies = ConstU32<32>;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
    type MaxPending = ConstU32<32>;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = AnnouncementDepositBase;
    type AnnouncementDepositFactor = AnnouncementDepositFactor;
    type BlockNumberProvider = System;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

/// What a proxy may do for an account.
#[derive(
    Copy,
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// Everything that moves no money to an account that the caller names.
    NonTransfer,
    /// Reject announcements of other proxies, nothing else.
    CancelProxy,
    /// Rent: everything about leases.
    Leases,
    /// Provide: everything about machines, and what a machine does to its leases.
    Machines,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            // Calls inside a batch, a multisig or a proxy pass this filter again.
            Self::NonTransfer => matches!(
                call,
                RuntimeCall::System(..)
                    | RuntimeCall::Session(..)
                    | RuntimeCall::Utility(..)
                    | RuntimeCall::Multisig(..)
                    | RuntimeCall::Proxy(..)
                    | RuntimeCall::Machines(..)
            ),
            Self::Leases => matches!(call, RuntimeCall::Leases(..) | RuntimeCall::Utility(..)),
            Self::Machines => matches!(
                call,
                RuntimeCall::Machines(..)
                    | RuntimeCall::Utility(..)
                    | RuntimeCall::Leases(
                        pallet_leases::Call::started { .. }
                            | pallet_leases::Call::terminate { .. }
                            | pallet_leases::Call::settle { .. }
                    )
            ),
            Self::CancelProxy => {
                matches!(call, RuntimeCall::Proxy(pallet_proxy::Call::reject_announcement { .. }))
            }
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (left, right) if left == right => true,
            (Self::Any, _) => true,
            (Self::NonTransfer, Self::CancelProxy) => true,
            _ => false,
        }
    }
}
