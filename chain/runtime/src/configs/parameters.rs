//! The numbers that referenda set, each with its default, and the limits that no referendum passes
//! (mechanisms rule 26): between a least and a most, and at most doubled or halved at once.

use alloc::vec::Vec;

use dbc_primitives::{
    Balance, Slot,
    parameter::{Number, Unit},
};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    storage::{TransactionOutcome, with_transaction},
    traits::{Contains, EitherOfDiverse, EnsureOriginWithArg, Get},
};
use frame_system::EnsureRoot;
use sp_runtime::{DispatchError, Permill};

use super::governance::origins;
use crate::{
    AccountId, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin,
    constants::{DAYS, DBC, MILLI_DBC, MINUTES},
};

/// The numbers.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
    use super::*;

    /// How decisions are made.
    #[dynamic_pallet_params]
    #[codec(index = 0)]
    pub mod governance {
        /// Every period of governance is divided by it. Only a genesis sets it.
        #[codec(index = 0)]
        pub static Haste: u32 = 1;
    }

    /// Machines.
    #[dynamic_pallet_params]
    #[codec(index = 1)]
    pub mod machines {
        /// What a provider bonds for each GPU of a machine that registers.
        #[codec(index = 0)]
        pub static StakePerGpu: Balance = 10_000 * DBC;
        /// Slots between retiring and the release of the stake, longer than any dispute.
        #[codec(index = 1)]
        pub static RetirementDelay: Slot = 10 * DAYS;
        /// Slots of notice before a maintenance of a machine that is leased.
        #[codec(index = 2)]
        pub static MaintenanceNotice: Slot = DAYS;
        /// Most slots of a maintenance.
        #[codec(index = 3)]
        pub static MaintenanceMax: Slot = DAYS;
        /// Slots between two maintenances of a machine.
        #[codec(index = 4)]
        pub static MaintenanceSpacing: Slot = 7 * DAYS;
        /// Slots without a blamed outage before a machine can join the high-stability tier.
        #[codec(index = 5)]
        pub static TierUptime: Slot = 6 * DAYS;
        /// Of the stake, what that tier asks for beside it.
        #[codec(index = 6)]
        pub static TierStake: Permill = Permill::from_percent(50);
        /// Slots between two changes of a machine's hardware that void its proof.
        #[codec(index = 7)]
        pub static ChangeSpacing: Slot = 7 * DAYS;
    }

    /// Leases.
    #[dynamic_pallet_params]
    #[codec(index = 2)]
    pub mod leases {
        /// Of the rent, to the treasury, in place of the burn while the network is small.
        #[codec(index = 0)]
        pub static ProtocolFee: Permill = Permill::from_percent(5);
        /// Slots within which a machine starts a lease, or everything returns.
        #[codec(index = 1)]
        pub static StartWindow: Slot = 15 * MINUTES;
        /// Slots that are charged at least once a lease has started.
        #[codec(index = 2)]
        pub static MinimumCharge: Slot = 5 * MINUTES;
        /// Slots for which data is kept after a close by a pledge.
        #[codec(index = 3)]
        pub static Retention: Slot = 7 * DAYS;
        /// Off the price of a lease that lasts a month.
        #[codec(index = 4)]
        pub static MonthOff: Permill = Permill::from_percent(5);
        /// A quarter.
        #[codec(index = 5)]
        pub static QuarterOff: Permill = Permill::from_percent(10);
        /// A year.
        #[codec(index = 6)]
        pub static YearOff: Permill = Permill::from_percent(20);
        /// Of the rent, burned after the first step.
        #[codec(index = 7)]
        pub static BurnFirst: Permill = Permill::from_percent(5);
        /// After the second.
        #[codec(index = 8)]
        pub static BurnSecond: Permill = Permill::from_percent(10);
        /// After the third.
        #[codec(index = 9)]
        pub static BurnThird: Permill = Permill::from_percent(20);
        /// After the fourth and last.
        #[codec(index = 10)]
        pub static BurnFourth: Permill = Permill::from_percent(30);
        /// Part of a lease for which its machine may be away before its provider is to blame for its end.
        #[codec(index = 11)]
        pub static MaxDowntime: Permill = Permill::from_percent(5);
        /// What a renter pledges, so that suspended leases are free and data is kept for long.
        #[codec(index = 12)]
        pub static Pledge: Balance = 20_000 * DBC;
        /// Slots for which data is kept after a close without a pledge.
        #[codec(index = 13)]
        pub static BareRetention: Slot = DAYS;
        /// Out of the pledge, for each day that data is kept.
        #[codec(index = 14)]
        pub static StoragePrice: Balance = 10 * DBC;
        /// Slots of silence before another machine takes a lease over.
        #[codec(index = 15)]
        pub static FailOverAfter: Slot = 10 * MINUTES;
        /// Held from whoever registers a platform.
        #[codec(index = 16)]
        pub static PlatformDeposit: Balance = 1_000 * DBC;
    }

    /// Watchers.
    #[dynamic_pallet_params]
    #[codec(index = 3)]
    pub mod liveness {
        /// Held from each watcher who joins.
        #[codec(index = 0)]
        pub static WatcherBond: Balance = 1_000 * DBC;
        /// For each report that its watcher proved.
        #[codec(index = 1)]
        pub static WatcherPay: Balance = 50 * MILLI_DBC;
    }

    /// Auditors.
    #[dynamic_pallet_params]
    #[codec(index = 4)]
    pub mod audits {
        /// Held from each auditor who joins.
        #[codec(index = 0)]
        pub static AuditorBond: Balance = 10_000 * DBC;
        /// For each duty, whatever it found.
        #[codec(index = 1)]
        pub static AuditorPay: Balance = 2 * DBC;
        /// Auditors of one audit, once there are enough.
        #[codec(index = 2)]
        pub static Drawn: u32 = 5;
        /// Slots for which a proof counts.
        #[codec(index = 3)]
        pub static ProofLife: Slot = 14 * DAYS;
        /// Share of the machines that are looked at once more in an hour.
        #[codec(index = 4)]
        pub static SecondLooks: Permill = Permill::from_parts(15_000);
        /// Held from whoever wants to see a transcript.
        #[codec(index = 5)]
        pub static DemandBond: Balance = 10 * DBC;
        /// Slots between two visits of an auditor.
        #[codec(index = 6)]
        pub static VisitEvery: Slot = DAYS;
        /// Most that an auditor has back of what a visit has cost.
        #[codec(index = 7)]
        pub static VisitCost: Balance = 200 * DBC;
        /// Milliseconds within which auditors of a machine's region have its rows.
        #[codec(index = 8)]
        pub static NearMs: u32 = 100;
    }

    /// Disputes.
    #[dynamic_pallet_params]
    #[codec(index = 5)]
    pub mod disputes {
        /// Held from whoever reports a machine; lost if it is not as reported.
        #[codec(index = 0)]
        pub static ReportBond: Balance = 1_000 * DBC;
        /// Held from a provider who appeals; lost if the slash stands.
        #[codec(index = 1)]
        pub static AppealBond: Balance = 1_000 * DBC;
    }

    /// Rewards.
    #[dynamic_pallet_params]
    #[codec(index = 7)]
    pub mod rewards {
        /// Of the emission, to watchers and auditors, whatever they found (mechanisms rule 22).
        #[codec(index = 0)]
        pub static DutyShare: Permill = Permill::from_percent(1);
        /// Most of a machine's reward that rent can add.
        #[codec(index = 1)]
        pub static RentBonus: Permill = Permill::from_percent(30);
        /// Most of what its rent paid to the treasury that a machine gets back so (mechanisms rule 2).
        #[codec(index = 2)]
        pub static RentReturn: Permill = Permill::from_percent(100);
        /// What a machine with an address of its own counts more.
        #[codec(index = 3)]
        pub static FixedAddress: Permill = Permill::from_percent(2);
        /// What a machine of the high-stability tier counts more.
        #[codec(index = 4)]
        pub static Stability: Permill = Permill::from_percent(5);
        /// Live part of thirty days below which points are cut.
        #[codec(index = 5)]
        pub static FairBelow: Permill = Permill::from_parts(995_000);
        /// What they count then.
        #[codec(index = 6)]
        pub static FairFactor: Permill = Permill::from_percent(90);
        /// Live part of thirty days below which they are cut more.
        #[codec(index = 7)]
        pub static PoorBelow: Permill = Permill::from_percent(95);
        /// What they count then.
        #[codec(index = 8)]
        pub static PoorFactor: Permill = Permill::from_percent(70);
    }
}

impl pallet_parameters::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    type AdminOrigin = Admin;
    type WeightInfo = ();
}

/// The track of parameters; root may as well, by its own longer way.
pub struct Admin;

impl EnsureOriginWithArg<RuntimeOrigin, RuntimeParametersKey> for Admin {
    type Success = ();

    fn try_origin(origin: RuntimeOrigin, key: &RuntimeParametersKey) -> Result<(), RuntimeOrigin> {
        use frame_support::traits::EnsureOrigin as _;
        if matches!(key, RuntimeParametersKey::Governance(_)) {
            return Err(origin);
        }
        EitherOfDiverse::<EnsureRoot<AccountId>, origins::Parameters>::try_origin(origin).map(drop)
    }
}

/// A parameter's value as a plain number, and what it counts.
trait Plain {
    const UNIT: Unit;

    fn plain(self) -> u128;
}

macro_rules! plain {
    ($($kind:ty: $unit:ident, $value:ident => $plain:expr;)*) => {$(
        impl Plain for $kind {
            const UNIT: Unit = Unit::$unit;

            fn plain(self) -> u128 {
                let $value = self;
                $plain
            }
        }
    )*};
}
plain! {
    Balance: Money, value => value;
    Slot: Slots, value => value.into();
    Permill: Share, value => value.deconstruct().into();
    u32: Count, value => value.into();
}

/// The least and the most of each parameter, and what follows from them.
macro_rules! limits {
    ($($variant:ident in $group:ident { $($name:ident: $least:expr, $most:expr;)* })*) => {
        /// Whether a value keeps its parameter's limits. Whoever is not root cannot set another.
        pub fn within_limits(value: &RuntimeParameters) -> bool {
            match value {
                RuntimeParameters::Governance(_) => false,
                $(RuntimeParameters::$variant(value) => match value {
                    $(dynamic_params::$group::Parameters::$name(_, new) => step(
                        new.map(Plain::plain),
                        dynamic_params::$group::$name::get().plain(),
                        $least.into(),
                        $most.into(),
                    ),)*
                },)*
            }
        }

        fn standing() -> Vec<Number> {
            fn number<T: Plain>(
                (group, name): (&str, &str),
                value: T,
                (least, most): (u128, u128),
            ) -> Number {
                let (unit, value) = (T::UNIT, value.plain());
                let (group, name) = (group.into(), name.into());
                Number { group, name, unit, value, default: value, least, most }
            }
            alloc::vec![$($(number(
                (stringify!($group), stringify!($name)),
                dynamic_params::$group::$name::get(),
                ($least.into(), $most.into()),
            ),)*)*]
        }
    };
}
limits! {
    Machines in machines {
        StakePerGpu: 100 * DBC, 1_000_000 * DBC;
        RetirementDelay: 10 * DAYS, 90 * DAYS;
        MaintenanceNotice: DAYS, 7 * DAYS;
        MaintenanceMax: DAYS / 24, 3 * DAYS;
        MaintenanceSpacing: DAYS, 30 * DAYS;
        TierUptime: 6 * DAYS, 30 * DAYS;
        TierStake: 100_000u32, 1_000_000u32;
        ChangeSpacing: DAYS, 30 * DAYS;
    }
    Leases in leases {
        ProtocolFee: 10_000u32, 300_000u32;
        StartWindow: MINUTES, 120 * MINUTES;
        MinimumCharge: MINUTES, 60 * MINUTES;
        Retention: DAYS, 90 * DAYS;
        MonthOff: 10_000u32, 200_000u32;
        QuarterOff: 10_000u32, 300_000u32;
        YearOff: 10_000u32, 500_000u32;
        BurnFirst: 10_000u32, 300_000u32;
        BurnSecond: 10_000u32, 300_000u32;
        BurnThird: 10_000u32, 300_000u32;
        BurnFourth: 10_000u32, 300_000u32;
        MaxDowntime: 10_000u32, 200_000u32;
        Pledge: 100 * DBC, 1_000_000 * DBC;
        BareRetention: DAYS, 7 * DAYS;
        StoragePrice: MILLI_DBC, 1_000 * DBC;
        FailOverAfter: 7 * MINUTES, 120 * MINUTES;
        PlatformDeposit: 10 * DBC, 100_000 * DBC;
    }
    Liveness in liveness {
        WatcherBond: 10 * DBC, 100_000 * DBC;
        WatcherPay: MILLI_DBC, 10 * DBC;
    }
    Audits in audits {
        AuditorBond: 100 * DBC, 1_000_000 * DBC;
        AuditorPay: 10 * MILLI_DBC, 1_000 * DBC;
        Drawn: 3u32, pallet_audits::DRAWN_MAX;
        ProofLife: DAYS, 60 * DAYS;
        SecondLooks: 1_000u32, 100_000u32;
        DemandBond: DBC, 1_000 * DBC;
        VisitEvery: DAYS / 24, 30 * DAYS;
        VisitCost: 10 * DBC, 10_000 * DBC;
        NearMs: 20u32, 500u32;
    }
    Disputes in disputes {
        ReportBond: 10 * DBC, 10_000 * DBC;
        AppealBond: 10 * DBC, 10_000 * DBC;
    }
    Rewards in rewards {
        DutyShare: 1_000u32, 50_000u32;
        RentBonus: 10_000u32, 300_000u32;
        RentReturn: 100_000u32, 1_000_000u32;
        FixedAddress: 1_000u32, 100_000u32;
        Stability: 1_000u32, 200_000u32;
        FairBelow: 900_000u32, 999_000u32;
        FairFactor: 500_000u32, 1_000_000u32;
        PoorBelow: 500_000u32, 990_000u32;
        PoorFactor: 100_000u32, 1_000_000u32;
    }
}

/// Every number that referenda set, with its default and its limits.
pub fn numbers() -> Vec<Number> {
    let mut numbers = standing();
    // What nobody has set is the default: looked at with everything unset, and undone.
    let defaults = with_transaction(|| {
        let _ = pallet_parameters::Parameters::<Runtime>::clear(u32::MAX, None);
        TransactionOutcome::Rollback(Ok::<_, DispatchError>(standing()))
    });
    for (number, default) in numbers.iter_mut().zip(defaults.unwrap_or_default()) {
        number.default = default.value;
    }
    numbers
}

/// Between `least` and `most`, and at most twice or half of what stands. Nothing is taken away.
fn step(new: Option<u128>, now: u128, least: u128, most: u128) -> bool {
    let Some(new) = new else { return false };
    (least..=most).contains(&new) && (now.div_ceil(2)..=now.saturating_mul(2)).contains(&new)
}

/// Lets everything pass but parameters beyond their limits, what the treasury's pallet still has of the
/// way before tracks, and what staking would let whoever cancels slashes do beside that. Root is not
/// asked.
pub struct Limits;

impl Contains<RuntimeCall> for Limits {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value }) => {
                within_limits(key_value)
            }
            #[allow(deprecated)] // it is refused because it is deprecated
            RuntimeCall::Treasury(pallet_treasury::Call::spend_local { .. }) => false,
            RuntimeCall::Staking(
                pallet_staking::Call::manual_slash { .. }
                | pallet_staking::Call::restore_ledger { .. }
                | pallet_staking::Call::set_min_commission { .. },
            ) => false,
            _ => true,
        }
    }
}
