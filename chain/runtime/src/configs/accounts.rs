//! Ways to act: in batches, together, for somebody else.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU128, InstanceFilter, WithdrawReasons},
};
use frame_system::EnsureRoot;
use scale_info::TypeInfo;
use sp_runtime::traits::{BlakeTwo256, ConvertInto, Verify};

use crate::{
    AccountId, Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, Signature,
    System, Treasury,
    constants::{DAYS_BLOCKS, DBC, deposit},
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
    /// One entry of 258 bytes.
    pub const IdentityDeposit: Balance = deposit(1, 258);
    /// For each byte of what somebody says of himself.
    pub const IdentityByteDeposit: Balance = deposit(0, 1);
    /// One entry of 53 bytes.
    pub const SubAccountDeposit: Balance = deposit(1, 53);
    /// Money that vests pays no fees and no tips, but can be bonded.
    pub UnvestedReasons: WithdrawReasons =
        WithdrawReasons::except(WithdrawReasons::TRANSFER | WithdrawReasons::RESERVE);
}

/// What stands in an inner transaction that somebody else pays for, beside its call.
pub type MetaTxExtension = (
    pallet_verify_signature::VerifySignature<Runtime>,
    pallet_meta_tx::MetaTxMarker<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckMortality<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
);

impl pallet_meta_tx::Config for Runtime {
    type WeightInfo = pallet_meta_tx::weights::SubstrateWeight<Runtime>;
    type RuntimeEvent = RuntimeEvent;
    type Extension = MetaTxExtension;
}

impl pallet_verify_signature::Config for Runtime {
    type Signature = Signature;
    type AccountIdentifier = <Signature as Verify>::Signer;
    type WeightInfo = pallet_verify_signature::weights::SubstrateWeight<Runtime>;
}

impl pallet_identity::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type BasicDeposit = IdentityDeposit;
    type ByteDeposit = IdentityByteDeposit;
    type UsernameDeposit = IdentityDeposit;
    type SubAccountDeposit = SubAccountDeposit;
    type MaxSubAccounts = ConstU32<100>;
    type IdentityInformation = pallet_identity::legacy::IdentityInfo<ConstU32<16>>;
    type MaxRegistrars = ConstU32<20>;
    type Slashed = Treasury;
    type ForceOrigin = EnsureRoot<AccountId>;
    type RegistrarOrigin = EnsureRoot<AccountId>;
    type OffchainSignature = Signature;
    type SigningPublicKey = <Signature as Verify>::Signer;
    type UsernameAuthorityOrigin = EnsureRoot<AccountId>;
    type PendingUsernameExpiration = ConstU32<{ 7 * DAYS_BLOCKS }>;
    type UsernameGracePeriod = ConstU32<{ 30 * DAYS_BLOCKS }>;
    type MaxSuffixLength = ConstU32<7>;
    type MaxUsernameLength = ConstU32<32>;
    type WeightInfo = pallet_identity::weights::SubstrateWeight<Runtime>;
}

impl pallet_vesting::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type BlockNumberToBalance = ConvertInto;
    type MinVestedTransfer = ConstU128<{ 100 * DBC }>;
    type WeightInfo = pallet_vesting::weights::SubstrateWeight<Runtime>;
    type UnvestedFundsAllowedWithdrawReasons = UnvestedReasons;
    type BlockNumberProvider = System;
    const MAX_VESTING_SCHEDULES: u32 = 28;
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
    /// Vote, propose, sit in collectives.
    Governance,
    /// Bond, nominate, validate, join pools.
    Staking,
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
            Self::Governance => matches!(
                call,
                RuntimeCall::Preimage(..)
                    | RuntimeCall::Referenda(..)
                    | RuntimeCall::ConvictionVoting(..)
                    | RuntimeCall::Council(..)
                    | RuntimeCall::TechnicalCommittee(..)
                    | RuntimeCall::Utility(..)
            ),
            Self::Staking => matches!(
                call,
                RuntimeCall::Staking(..)
                    | RuntimeCall::Session(..)
                    | RuntimeCall::VoterList(..)
                    | RuntimeCall::NominationPools(..)
                    | RuntimeCall::Utility(..)
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
