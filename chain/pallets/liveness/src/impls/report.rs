//! What watchers tell, and how they show that they listened.

use codec::Encode as _;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Zero as _;

use crate::{
    Bitmap, COHORT, Config, DutyPay as _, Error, Event, Interval, LastReported,
    MachineIndexes as _, NextInterval, Opening, Pallet, Pending, Report, Reports, Seeds, Watcher,
    Watchers, bits,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_report(
        who: T::AccountId,
        interval: Interval,
        cohort: u32,
        heard: Bitmap,
        root: [u8; 32],
        opening: Option<Opening>,
    ) -> DispatchResult {
        let now = Self::interval_of(T::Clock::get());
        ensure!(now == interval + 1, Error::<T>::NotInTime);
        ensure!(interval >= NextInterval::<T>::get(), Error::<T>::NotInTime);
        let mut watcher = Watchers::<T>::get(&who).ok_or(Error::<T>::NotWatcher)?;
        let duties = Self::duties(Self::epoch_of(interval), cohort);
        ensure!(duties.contains(&who), Error::<T>::NotOnDuty);
        Reports::<T>::try_mutate(interval, cohort, |reports| {
            let told = reports.iter().any(|report| report.watcher == who);
            ensure!(!told, Error::<T>::ToldAlready);
            let report = Report { watcher: who.clone(), heard: heard.clone() };
            reports.try_push(report).map_err(|_| Error::<T>::NotOnDuty)
        })?;
        LastReported::<T>::put(interval);
        Self::prove(&who, &mut watcher, opening);
        watcher.pending = Some(Pending { interval, cohort, root, heard });
        Watchers::<T>::insert(&who, watcher);
        Self::deposit_event(Event::Reported { watcher: who, interval, cohort });
        Ok(())
    }

    /// Judges the report before: its pay needs the beat of the machine that a later block drew.
    fn prove(who: &T::AccountId, watcher: &mut Watcher, opening: Option<Opening>) {
        let Some(pending) = watcher.pending.take() else { return };
        let seed = Seeds::<T>::get(pending.interval % T::EpochIntervals::get());
        let Some((_, seed)) = seed.filter(|(interval, _)| *interval == pending.interval) else {
            // Its interval was not closed, or too long ago: nobody could know what to open.
            return;
        };
        let account = Self::account_bytes(who);
        let Some(bit) = bits::asked(&seed, &account, &pending.heard) else {
            // He says that he heard nobody: there is nothing to show and nothing to pay.
            return;
        };
        if opening.is_some_and(|opening| Self::holds(&account, &pending, bit, &opening)) {
            T::Pay::pay(who);
            Self::deposit_event(Event::Proven { watcher: who.clone(), interval: pending.interval });
        } else {
            Self::strike(who, watcher);
        }
    }

    fn holds(account: &[u8; 32], pending: &Pending, bit: u16, opening: &Opening) -> bool {
        let index = pending.cohort * COHORT + u32::from(bit);
        let Some((machine, generation)) = T::Machines::at(index) else {
            // It left meanwhile. Watchers cannot be asked for more than the root then.
            return bits::root(account, bit, opening) == pending.root;
        };
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let mut hash = [0; 32];
        let bytes = genesis.encode();
        hash.copy_from_slice(bytes.get(..32).unwrap_or(&[0; 32]));
        let beat = bits::beat(&hash, machine, generation, pending.interval, &opening.digest);
        bits::root(account, bit, opening) == pending.root
            && sp_io::crypto::ed25519_verify(&opening.signature.into(), &beat, &machine.0.into())
    }

    /// An account as it stands in leaves: 32 bytes, whatever the runtime's type.
    pub fn account_bytes(who: &T::AccountId) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(who.encode()) {
            *to = from;
        }
        bytes
    }
}
