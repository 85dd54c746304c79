//! How the money of a real network is handed out when it begins: the shares of the predecessor's table
//! (§6.4), to accounts that a file of keys names. What validators and GPUs earn, 40 %, is not there yet:
//! it is made as it is earned.

pub use pallet::*;

/// The pallet; it has no calls and nothing to do after genesis.
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use dbc_primitives::{Balance, DBC};
    use frame_support::{
        pallet_prelude::*,
        traits::{LockableCurrency as _, fungible::Mutate as _},
    };
    use pallet_vesting::VestingInfo;

    use crate::{
        AccountId, Balances, Runtime,
        configs::{accounts::UnvestedReasons, money::TreasuryAccount},
        constants::DAYS_BLOCKS,
    };

    /// The vesting pallet's lock.
    const VESTING: [u8; 8] = *b"vesting ";

    const MILLION: Balance = 1_000_000 * DBC;
    /// Sold before the network began.
    pub const SALE: Balance = 1_500 * MILLION;
    /// Mined before the network began.
    pub const MINED: Balance = 1_000 * MILLION;
    /// The foundation: what it has at once, and what it gets over [`YEARS`].
    pub const FOUNDATION: (Balance, Balance) = (1_000 * MILLION, 735 * MILLION);
    /// The treasury, over [`YEARS`].
    pub const TREASURY: Balance = 765 * MILLION;
    /// The team's four accounts, over [`TEAM_YEARS`].
    pub const TEAM: [Balance; 4] = [480 * MILLION, 240 * MILLION, 160 * MILLION, 120 * MILLION];
    /// Years in which foundation and treasury get their share.
    pub const YEARS: u32 = 15;
    /// Years in which the team gets its share.
    pub const TEAM_YEARS: u32 = 10;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies: itself.
    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// Whom the table's shares go to. Without `required` nothing is handed out.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Whether this network holds real money.
        pub required: bool,
        /// The foundation's account.
        pub foundation: Option<AccountId>,
        /// The team's four accounts.
        pub team: Vec<AccountId>,
        /// Who bought, and how many whole DBC; together 1,500,000,000.
        pub sale: Vec<(AccountId, u64)>,
        /// Who mined, and how many whole DBC; together 1,000,000,000.
        pub mined: Vec<(AccountId, u64)>,
        /// Marker.
        #[serde(skip)]
        pub _marker: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if !self.required {
                return;
            }
            let foundation = self.foundation.as_ref().expect(
                "this network needs a file of keys: `launch.foundation` is missing (docs/guides/validator.md)",
            );
            assert!(self.team.len() == TEAM.len(), "`launch.team` names four accounts");
            endow(foundation, FOUNDATION.0 + FOUNDATION.1);
            vest(foundation, FOUNDATION.1, YEARS);
            endow(&TreasuryAccount::get(), TREASURY);
            vest(&TreasuryAccount::get(), TREASURY, YEARS);
            for (account, share) in self.team.iter().zip(TEAM) {
                endow(account, share);
                vest(account, share, TEAM_YEARS);
            }
            hand_out("launch.sale", &self.sale, SALE);
            hand_out("launch.mined", &self.mined, MINED);
        }
    }

    fn hand_out(name: &str, list: &[(AccountId, u64)], share: Balance) {
        let sum: Balance = list.iter().map(|(_, whole)| Balance::from(*whole) * DBC).sum();
        assert!(sum == share, "`{name}` adds up to {} DBC, not to {}", sum / DBC, share / DBC);
        for (account, whole) in list {
            endow(account, Balance::from(*whole) * DBC);
        }
    }

    fn endow(account: &AccountId, amount: Balance) {
        Balances::mint_into(account, amount).expect("a genesis has room for its table");
    }

    /// Frees the amount evenly over the years; it can be bonded and voted with before.
    fn vest(account: &AccountId, amount: Balance, years: u32) {
        let blocks = Balance::from(years * 365 * DAYS_BLOCKS);
        let schedule = VestingInfo::new(amount, amount / blocks, 0);
        let schedules = BoundedVec::try_from(alloc::vec![schedule]).expect("one schedule fits");
        pallet_vesting::Vesting::<Runtime>::insert(account, schedules);
        Balances::set_lock(VESTING, account, amount, !UnvestedReasons::get());
    }
}

impl Config for crate::Runtime {}
