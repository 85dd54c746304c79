//! What watchers tell, and how they show that they listened.

use codec::Encode as _;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{DispatchError, traits::Zero as _};

use crate::{
    Bitmap, COHORT, Config, DutyPay as _, Error, Event, Heard, Interval, LastReported,
    MachineIndexes as _, NextInterval, Opening, Pallet, Pending, Pendings, Presences, Present,
    Report, Reports, Seeds, Watcher, Watchers, bits,
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
        let mut watcher = Self::on_duty(&who, interval, cohort)?;
        ensure!(!Self::is_deaf(cohort, &heard), Error::<T>::HeardTooFew);
        Self::note_report(&who, interval, cohort, Some(heard.clone()))?;
        Self::prove(&who, &mut watcher, cohort, opening);
        Pendings::<T>::insert(&who, cohort, Pending { interval, root, heard });
        watcher.unproven += 1;
        Watchers::<T>::insert(&who, watcher);
        Self::deposit_event(Event::Reported { watcher: who, interval, cohort });
        Ok(())
    }

    pub(crate) fn do_abstain(
        who: T::AccountId,
        interval: Interval,
        cohort: u32,
        opening: Option<Opening>,
    ) -> DispatchResult {
        let mut watcher = Self::on_duty(&who, interval, cohort)?;
        Self::note_report(&who, interval, cohort, None)?;
        Self::prove(&who, &mut watcher, cohort, opening);
        Watchers::<T>::insert(&who, watcher);
        Self::deposit_event(Event::Abstained { watcher: who, interval, cohort });
        Ok(())
    }

    /// The record of a watcher who may speak of a cohort's interval now.
    fn on_duty(
        who: &T::AccountId,
        interval: Interval,
        cohort: u32,
    ) -> Result<Watcher, DispatchError> {
        let now = Self::interval_of(T::Clock::get());
        ensure!(now.checked_sub(1) == Some(interval), Error::<T>::NotInTime);
        let next = NextInterval::<T>::get();
        ensure!(interval >= next, Error::<T>::NotInTime);
        // What lies between is closed interval by interval: it must stay short, whatever stood still.
        ensure!(interval - next <= T::EpochIntervals::get(), Error::<T>::Behind);
        let watcher = Watchers::<T>::get(who).ok_or(Error::<T>::NotWatcher)?;
        // Who has nothing left to lose is not believed.
        ensure!(watcher.bond > 0, Error::<T>::NotWatcher);
        let duties = Self::duties(Self::epoch_of(interval), cohort);
        ensure!(duties.contains(who), Error::<T>::NotOnDuty);
        Ok(watcher)
    }

    /// Whether a map has less than half of those who count as heard in it: its watcher is deaf, or nobody is
    /// there. In a cohort of few machines the one cannot be told from the other, and silence is believed
    /// (mechanisms rule 9).
    fn is_deaf(cohort: u32, heard: &Bitmap) -> bool {
        let before = Heard::<T>::get(cohort);
        let ones = |map: &Bitmap| map.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let expected = ones(&before);
        expected >= T::MassMin::get() && 2 * ones(&bits::both(heard, &before)) < expected
    }

    /// Writes a watcher's word down, once for an interval; without a map he abstains.
    fn note_report(
        who: &T::AccountId,
        interval: Interval,
        cohort: u32,
        heard: Option<Bitmap>,
    ) -> DispatchResult {
        let drawn = Self::duties(Self::epoch_of(interval), cohort).len() as u8;
        Reports::<T>::try_mutate(interval, cohort, |reports| {
            let told = reports.iter().any(|report| report.watcher == *who);
            ensure!(!told, Error::<T>::ToldAlready);
            let abstains = heard.is_none();
            let heard = heard.unwrap_or_default();
            let report = Report { watcher: who.clone(), heard, drawn, abstains };
            reports.try_push(report).map_err(|_| Error::<T>::NotOnDuty)
        })?;
        LastReported::<T>::put(interval);
        Ok(())
    }

    pub(crate) fn do_open(
        who: T::AccountId,
        cohort: u32,
        opening: Option<Opening>,
    ) -> DispatchResult {
        let mut watcher = Watchers::<T>::get(&who).ok_or(Error::<T>::NotWatcher)?;
        let pending = Pendings::<T>::get(&who, cohort).ok_or(Error::<T>::NothingToProve)?;
        // Until its interval is closed nobody knows what to open.
        ensure!(pending.interval < NextInterval::<T>::get(), Error::<T>::NotInTime);
        Self::prove(&who, &mut watcher, cohort, opening);
        Watchers::<T>::insert(&who, watcher);
        Ok(())
    }

    /// Judges his report before of the cohort: its pay needs the beat of the machine that a later block
    /// drew.
    fn prove(who: &T::AccountId, watcher: &mut Watcher, cohort: u32, opening: Option<Opening>) {
        let Some(pending) = Pendings::<T>::take(who, cohort) else { return };
        watcher.unproven = watcher.unproven.saturating_sub(1);
        let Some(seed) = Self::seed_of(pending.interval) else {
            // Closing is behind, and nobody could know what to open; or he let a whole epoch pass.
            if pending.interval < NextInterval::<T>::get() {
                Self::strike(who, watcher);
            }
            return;
        };
        let account = Self::account_bytes(who);
        let present = Present::<T>::get(cohort);
        let Some(bit) = bits::asked(&seed, &account, &bits::both(&pending.heard, &present)) else {
            // He says that he heard nobody: there is nothing to show and nothing to pay.
            return;
        };
        let index = cohort * COHORT + u32::from(bit);
        let from = bits::slot_of(pending.interval, T::IntervalSlots::get());
        let there = Presences::<T>::get(index).is_some_and(|presence| presence.admitted <= from);
        let Some((machine, generation)) = T::Machines::at(index).filter(|_| there) else {
            // Another machine stands there since: neither shown nor to be blamed.
            return;
        };
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let genesis = bytes_32(&genesis.encode());
        let holds = opening.is_some_and(|opening| {
            let digest = &opening.digest;
            let beat = bits::beat(&genesis, machine, generation, pending.interval, digest);
            let signature = opening.signature.into();
            bits::root(&account, bit, &opening) == pending.root
                && sp_io::crypto::ed25519_verify(&signature, &beat, &machine.0.into())
        });
        if holds {
            Self::credit(watcher);
            T::Pay::pay(who);
            Self::deposit_event(Event::Proven { watcher: who.clone(), interval: pending.interval });
        } else {
            Self::strike(who, watcher);
        }
    }

    /// The bit of a cohort whose beat a watcher has to show next, if his report was closed and asks for
    /// any.
    pub fn asked(who: &T::AccountId, cohort: u32) -> Option<u16> {
        let pending = Pendings::<T>::get(who, cohort)?;
        let seed = Self::seed_of(pending.interval)?;
        let heard = bits::both(&pending.heard, &Present::<T>::get(cohort));
        bits::asked(&seed, &Self::account_bytes(who), &heard)
    }

    fn seed_of(interval: Interval) -> Option<[u8; 32]> {
        let seed = Seeds::<T>::get(interval % T::EpochIntervals::get());
        seed.filter(|(of, _)| *of == interval).map(|(_, seed)| seed)
    }

    /// An account as it stands in leaves: 32 bytes, whatever the runtime's type.
    pub fn account_bytes(who: &T::AccountId) -> [u8; 32] {
        bytes_32(&who.encode())
    }
}

/// The first 32 bytes, filled up with zeros.
fn bytes_32(encoded: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(encoded) {
        *to = *from;
    }
    bytes
}
