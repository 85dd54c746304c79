//! The numbers that referenda set, each with its default, and the limits that no referendum passes
//! (mechanisms rule 26): between a least and a most, and at most doubled or halved at once.

use dbc_primitives::{Balance, Slot};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    traits::{Contains, EitherOfDiverse, EnsureOriginWithArg, Get},
};
use frame_system::EnsureRoot;
use sp_runtime::Permill;

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
        /// Slots for which data is kept after a close.
        #[codec(index = 3)]
        pub static Retention: Slot = 7 * DAYS;
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

/// Whether a value keeps its parameter's limits. Whoever is not root cannot set another.
pub fn within_limits(value: &RuntimeParameters) -> bool {
    use dynamic_params::{audits, disputes, leases, liveness, machines};
    match value {
        RuntimeParameters::Governance(_) => false,
        RuntimeParameters::Machines(value) => match value {
            machines::Parameters::StakePerGpu(_, new) => {
                step(*new, machines::StakePerGpu::get(), 100 * DBC, 1_000_000 * DBC)
            }
            machines::Parameters::RetirementDelay(_, new) => {
                step(*new, machines::RetirementDelay::get(), 10 * DAYS, 90 * DAYS)
            }
        },
        RuntimeParameters::Leases(value) => match value {
            leases::Parameters::ProtocolFee(_, new) => step(
                new.map(Permill::deconstruct),
                leases::ProtocolFee::get().deconstruct(),
                10_000,
                300_000,
            ),
            leases::Parameters::StartWindow(_, new) => {
                step(*new, leases::StartWindow::get(), MINUTES, 120 * MINUTES)
            }
            leases::Parameters::MinimumCharge(_, new) => {
                step(*new, leases::MinimumCharge::get(), MINUTES, 60 * MINUTES)
            }
            leases::Parameters::Retention(_, new) => {
                step(*new, leases::Retention::get(), DAYS, 90 * DAYS)
            }
        },
        RuntimeParameters::Liveness(value) => match value {
            liveness::Parameters::WatcherBond(_, new) => {
                step(*new, liveness::WatcherBond::get(), 10 * DBC, 100_000 * DBC)
            }
            liveness::Parameters::WatcherPay(_, new) => {
                step(*new, liveness::WatcherPay::get(), MILLI_DBC, 10 * DBC)
            }
        },
        RuntimeParameters::Disputes(value) => match value {
            disputes::Parameters::ReportBond(_, new) => {
                step(*new, disputes::ReportBond::get(), 10 * DBC, 10_000 * DBC)
            }
            disputes::Parameters::AppealBond(_, new) => {
                step(*new, disputes::AppealBond::get(), 10 * DBC, 10_000 * DBC)
            }
        },
        RuntimeParameters::Audits(value) => match value {
            audits::Parameters::AuditorBond(_, new) => {
                step(*new, audits::AuditorBond::get(), 100 * DBC, 1_000_000 * DBC)
            }
            audits::Parameters::AuditorPay(_, new) => {
                step(*new, audits::AuditorPay::get(), 10 * MILLI_DBC, 1_000 * DBC)
            }
            audits::Parameters::Drawn(_, new) => {
                step(*new, audits::Drawn::get(), 3, pallet_audits::DRAWN_MAX)
            }
            audits::Parameters::ProofLife(_, new) => {
                step(*new, audits::ProofLife::get(), DAYS, 60 * DAYS)
            }
            audits::Parameters::SecondLooks(_, new) => step(
                new.map(Permill::deconstruct),
                audits::SecondLooks::get().deconstruct(),
                1_000,
                100_000,
            ),
            audits::Parameters::DemandBond(_, new) => {
                step(*new, audits::DemandBond::get(), DBC, 1_000 * DBC)
            }
        },
    }
}

/// Between `least` and `most`, and at most twice or half of what stands. Nothing is taken away.
fn step<T: Copy + Into<u128>>(new: Option<T>, now: T, least: T, most: T) -> bool {
    let Some(new) = new.map(Into::into) else { return false };
    let now = now.into();
    (least.into()..=most.into()).contains(&new)
        && (now.div_ceil(2)..=now.saturating_mul(2)).contains(&new)
}

/// Lets everything pass but parameters beyond their limits, and what the treasury's pallet still has
/// of the way before tracks.
pub struct Limits;

impl Contains<RuntimeCall> for Limits {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value }) => {
                within_limits(key_value)
            }
            #[allow(deprecated)] // it is refused because it is deprecated
            RuntimeCall::Treasury(pallet_treasury::Call::spend_local { .. }) => false,
            _ => true,
        }
    }
}
