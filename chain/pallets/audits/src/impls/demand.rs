//! Transcripts that somebody wants to see: a verdict is worth what its auditor can show for it.

use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        Get as _,
        fungible::MutateHold as _,
        tokens::{Fortitude, Precision, Restriction},
    },
};

use crate::{
    AuditId, Audits, Config, Demand, Demands, Due, Error, Event, HoldReason, Pallet, Phase, Queue,
    TranscriptCheck as _, Verdict,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_demand(
        by: T::AccountId,
        id: AuditId,
        auditor: T::AccountId,
    ) -> DispatchResult {
        let audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        ensure!(matches!(audit.phase, Phase::Closed(_)), Error::<T>::WrongPhase);
        let place = audit.duties.iter().position(|duty| duty.auditor == auditor);
        let place = place.ok_or(Error::<T>::NotDrawn)?;
        let revealed = audit.duties.get(place).and_then(|duty| duty.revealed);
        // Of a machine that did not answer there is nothing to show.
        let shows = matches!(revealed, Some((_, Verdict::Pass(_) | Verdict::Fail)));
        ensure!(shows, Error::<T>::ShowsNothing);
        ensure!(!Demands::<T>::contains_key(id, &auditor), Error::<T>::DemandOpen);
        let until = T::Clock::get().saturating_add(T::ShowSlots::get());
        ensure!(until < audit.next, Error::<T>::TooLate);
        let bond = T::DemandBond::get();
        T::Currency::hold(&HoldReason::Demand.into(), &by, bond)?;
        Self::look_at(until, id, audit.machine, Due::Transcript(place as u8));
        Demands::<T>::insert(id, &auditor, Demand { by, bond, until });
        Self::deposit_event(Event::Demanded { audit: id, auditor, until });
        Ok(())
    }

    pub(crate) fn do_show(auditor: T::AccountId, id: AuditId, transcript: &[u8]) -> DispatchResult {
        let demand = Demands::<T>::get(id, &auditor).ok_or(Error::<T>::NotDemanded)?;
        ensure!(T::Clock::get() < demand.until, Error::<T>::NotDemanded);
        let mut audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        let (machine, seed) = (audit.machine, audit.seed);
        let terms = audit.terms.ok_or(Error::<T>::ShowsNothing)?;
        let place = audit.duties.iter().position(|duty| duty.auditor == auditor);
        let place = place.ok_or(Error::<T>::NotDrawn)?;
        let duty = audit.duties.get_mut(place).ok_or(Error::<T>::NotDrawn)?;
        let (root, verdict) = duty.revealed.ok_or(Error::<T>::ShowsNothing)?;
        let holds = T::Check::supports(machine, id, terms, &seed, &root, &verdict, transcript)
            .ok_or(Error::<T>::ShowsNothing)?;
        Demands::<T>::remove(id, &auditor);
        Queue::<T>::remove(demand.until, (id, Due::Transcript(place as u8)));
        if holds {
            // The work of showing it, and the fee, are paid by whoever doubted.
            let _ = T::Currency::transfer_on_hold(
                &HoldReason::Demand.into(),
                &demand.by,
                &auditor,
                demand.bond,
                Precision::BestEffort,
                Restriction::Free,
                Fortitude::Force,
            );
            Self::deposit_event(Event::Shown { audit: id, auditor });
        } else {
            (duty.commit, duty.revealed) = (None, None);
            Audits::<T>::insert(id, audit);
            Self::release_demand(&demand);
            Self::convicted(id, auditor, &demand.by);
        }
        Ok(())
    }

    /// Nobody was shown what he wanted to see in time.
    pub(crate) fn not_shown(id: AuditId, place: u8) {
        let Some(mut audit) = Audits::<T>::get(id) else { return };
        let Some(duty) = audit.duties.get_mut(usize::from(place)) else { return };
        let auditor = duty.auditor.clone();
        // Convicted meanwhile, and the wish with it.
        let Some(demand) = Demands::<T>::take(id, &auditor) else { return };
        (duty.commit, duty.revealed) = (None, None);
        Audits::<T>::insert(id, audit);
        Self::release_demand(&demand);
        Self::convicted(id, auditor, &demand.by);
    }

    pub(crate) fn release_demand(demand: &Demand<T::AccountId>) {
        let hold = HoldReason::Demand.into();
        // It was held, and nothing else takes it.
        let _ = T::Currency::release(&hold, &demand.by, demand.bond, Precision::BestEffort);
    }
}
