//! What a referendum may act as, one for each track, so that a question about parameters cannot move
//! money.

pub use pallet::*;

/// The pallet that owns these origins, and the haste with which the network of a genesis decides.
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use dbc_primitives::{Balance, parameter::Number};
    use frame_support::{pallet_prelude::*, traits::OriginTrait};

    use crate::configs::parameters::{RuntimeParameters, dynamic_params};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// Most that one decision of small spenders takes from the treasury.
        type SmallSpend: Get<Balance>;
    }

    /// What a referendum acts as.
    #[pallet::origin]
    #[derive(
        PartialEq,
        Eq,
        Clone,
        Copy,
        Debug,
        Encode,
        Decode,
        DecodeWithMemTracking,
        TypeInfo,
        MaxEncodedLen,
    )]
    pub enum Origin {
        /// Spends any amount from the treasury.
        Treasurer,
        /// Spends a little.
        SmallSpender,
        /// Fills the seats of the council and the technical committee.
        Seats,
        /// Sets parameters within their limits.
        Parameters,
        /// Cancels slashes of validators and providers.
        SlashCanceller,
        /// Governs pools, and cancels slashes of validators. How many validators there are, and what they must
        /// bond, is root's.
        StakingAdmin,
        /// Seats auditors and price feeders, lists relays, takes up catalogues and points models.
        Operations,
        /// Cancels a referendum and returns its deposits.
        ReferendumCanceller,
        /// Cancels a referendum and burns its deposits.
        ReferendumKiller,
    }

    /// How fast this network decides.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Every period of governance is divided by it: 1 where money is at stake. A genesis sets it, and
        /// nothing later.
        pub haste: Option<u32>,
        /// Marker.
        #[serde(skip)]
        pub _marker: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            use dynamic_params::governance;
            let Some(haste) = self.haste else { return };
            assert!(haste > 0, "haste divides, so it is at least 1");
            let key = governance::Parameters::Haste(governance::Haste, Some(haste));
            let (key, value) =
                frame_support::traits::dynamic_params::AggregatedKeyValue::into_parts(
                    RuntimeParameters::Governance(key),
                );
            pallet_parameters::Parameters::<crate::Runtime>::set(key, value);
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Every number that referenda set, with its default and the limits that none passes.
        pub fn numbers() -> Vec<Number> {
            crate::configs::parameters::numbers()
        }
    }

    fn named<O>(origin: &O) -> Option<Origin>
    where
        O: OriginTrait,
        for<'a> &'a O::PalletsOrigin: TryInto<&'a Origin>,
    {
        origin.caller().try_into().ok().copied()
    }

    macro_rules! ensures {
        ($($name:ident: $doc:literal,)*) => {$(
            #[doc = $doc]
            pub struct $name;

            impl<O> EnsureOrigin<O> for $name
            where
                O: Clone + From<Origin> + OriginTrait,
                for<'a> &'a O::PalletsOrigin: TryInto<&'a Origin>,
            {
                type Success = ();

                fn try_origin(origin: O) -> Result<(), O> {
                    match named(&origin) {
                        Some(Origin::$name) => Ok(()),
                        _ => Err(origin),
                    }
                }
            }
        )*};
    }
    ensures! {
        Treasurer: "Only the treasurer's track.",
        Seats: "Only the track of seats.",
        Parameters: "Only the track of parameters.",
        SlashCanceller: "Only the track of slashes.",
        StakingAdmin: "Only the track of staking.",
        Operations: "Only the track of operations.",
        ReferendumCanceller: "Only the track that cancels referenda.",
        ReferendumKiller: "Only the track that kills referenda.",
    }

    /// Whoever spends from the treasury, and how much at most.
    pub struct Spender;

    impl<O> EnsureOrigin<O> for Spender
    where
        O: Clone + From<Origin> + OriginTrait,
        for<'a> &'a O::PalletsOrigin: TryInto<&'a Origin>,
    {
        type Success = Balance;

        fn try_origin(origin: O) -> Result<Balance, O> {
            match named(&origin) {
                Some(Origin::Treasurer) => Ok(Balance::MAX),
                Some(Origin::SmallSpender) => {
                    Ok(<<crate::Runtime as Config>::SmallSpend as Get<Balance>>::get())
                }
                _ => Err(origin),
            }
        }
    }
}
