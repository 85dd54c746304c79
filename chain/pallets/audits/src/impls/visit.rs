//! Visits: an auditor rents a machine under an account that nobody knows, and tells afterwards (mechanisms
//! rule 1). One visit decides nothing: what several found is gathered, and judged as a draw is.

use alloc::vec;

use dbc_primitives::{
    BoundedVec, ConstU32, MachineId,
    audit::{CANDIDATES, Candidate, candidate, visit_commitment},
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use sp_io::hashing::blake2_256;

use crate::{
    Audit, AuditId, AuditOf, AuditedMachines as _, Auditors, Audits, Config, Due, Duty,
    DutyPay as _, Error, Event, Impression, Impressions, Members, Mix, Outcome, Pallet, Phase,
    Proofs, Purpose, Queue, SUSPECTS_MAX, Suspects, Verdict, Visit, VisitDraw, VisitOf,
    VisitReport, VisitorOf, Visits,
};

/// In the place of a machine that is not known yet.
const NOBODY: MachineId = MachineId([0; 32]);

impl<T: Config> Pallet<T> {
    pub(crate) fn do_plan_visit(who: T::AccountId, commit: [u8; 32]) -> DispatchResult {
        let now = T::Clock::get();
        let mut auditor = Auditors::<T>::get(&who).ok_or(Error::<T>::NotAuditor)?;
        ensure!(auditor.leaving.is_none(), Error::<T>::LeavingAlready);
        ensure!(!Visits::<T>::contains_key(&who), Error::<T>::VisitOpen);
        ensure!(now >= auditor.visit_from, Error::<T>::TooEarly);
        auditor.visit_from = now.saturating_add(Self::pace().visit_every);
        Auditors::<T>::insert(&who, auditor);
        let audit = Self::next_id();
        let starts = now.saturating_add(Self::pace().draw_delay.max(1));
        Visits::<T>::insert(&who, Visit { audit, commit, draw: None, until: starts });
        VisitorOf::<T>::insert(audit, &who);
        Self::look_at(starts, audit, NOBODY, Due::Visit);
        Self::deposit_event(Event::VisitPlanned { audit, auditor: who, starts });
        Ok(())
    }

    /// The queue came to a visit: it is drawn, or its time is over.
    pub(crate) fn visit_due(id: AuditId) {
        let Some(auditor) = VisitorOf::<T>::get(id) else { return };
        let Some(mut visit) = Visits::<T>::get(&auditor) else { return };
        if visit.draw.is_some() {
            // He told nobody what became of it.
            Self::forget_visit(&auditor, &visit);
            return Self::strike(&auditor);
        }
        let now = T::Clock::get();
        let until = now.saturating_add(Self::pace().visit.max(1));
        visit.until = until;
        visit.draw = Some(VisitDraw {
            at: now,
            seed: blake2_256(&[&Mix::<T>::get()[..], &id.to_le_bytes()].concat()),
            count: T::Machines::count(),
            suspects: Self::suspects_now(),
        });
        Visits::<T>::insert(&auditor, visit);
        Self::look_at(until, id, NOBODY, Due::Visit);
        Self::deposit_event(Event::VisitDrawn { audit: id, auditor, until });
    }

    pub(crate) fn do_reveal_visit(
        who: T::AccountId,
        report: &VisitReport<T::AccountId>,
    ) -> DispatchResult {
        let (visit, draw) = Self::drawn_visit(&who, &report.secret, &report.renter)?;
        let machine = Self::candidate(&who, &draw, &report.secret, report.attempt);
        let machine = machine.ok_or(Error::<T>::OtherVisit)?;
        let lease = T::Machines::lease(report.lease).ok_or(Error::<T>::OtherLease)?;
        // What never ran cannot have been looked into.
        let looked = lease.started || report.verdict == Verdict::Unreachable;
        let fits = lease.renter == report.renter
            && lease.machine == machine
            && lease.created_at >= draw.at
            && !VisitOf::<T>::contains_key(report.lease);
        ensure!(fits && looked, Error::<T>::OtherLease);
        let whole = T::Machines::terms(machine).ok();
        // Of a machine with cards, cards are looked at.
        let cards = lease.cards > 0 || whole.is_none_or(|terms| terms.gpus == 0);
        ensure!(cards, Error::<T>::OtherLease);
        let terms = whole.and_then(|_| T::Machines::terms_of(machine, lease.cards).ok());
        ensure!(terms.is_none_or(|terms| terms == report.terms), Error::<T>::OtherTerms);

        Self::forget_visit(&who, &visit);
        T::Pay::pay(&who);
        let given_back = T::Pay::give_back(&who, lease.cost.min(T::VisitCost::get()));
        Self::credit(&who);
        let (audit, lease, verdict) = (visit.audit, report.lease, report.verdict);
        let auditor = who.clone();
        let told = Event::Visited { audit, auditor, machine, lease, verdict, given_back };
        Self::deposit_event(told);
        // What leaves, or lost its proof meanwhile, is nobody's concern any more.
        if terms.is_some() && Proofs::<T>::contains_key(machine) {
            let audit = Self::keep_visit(&who, &visit, &draw, machine, report);
            let good = matches!(report.verdict, Verdict::Pass(_));
            Self::impress(&audit, who, good);
        }
        Ok(())
    }

    pub(crate) fn do_give_up_visit(
        who: T::AccountId,
        secret: &[u8; 32],
        account: &T::AccountId,
    ) -> DispatchResult {
        let (visit, draw) = Self::drawn_visit(&who, secret, account)?;
        let rentable = (0..CANDIDATES)
            .filter_map(|attempt| Self::candidate(&who, &draw, secret, attempt))
            .any(T::Machines::can_be_rented);
        ensure!(!rentable, Error::<T>::CanBeRented);
        Self::forget_visit(&who, &visit);
        Self::deposit_event(Event::VisitGivenUp { audit: visit.audit, auditor: who });
        Ok(())
    }

    /// A visit whose time has come and is not over, and that the secret and the account open.
    fn drawn_visit(
        who: &T::AccountId,
        secret: &[u8; 32],
        account: &T::AccountId,
    ) -> Result<(Visit, VisitDraw), Error<T>> {
        let visit = Visits::<T>::get(who).ok_or(Error::<T>::NoVisit)?;
        // By the clock, not by the queue.
        let draw = visit.draw.clone().filter(|_| T::Clock::get() < visit.until);
        let draw = draw.ok_or(Error::<T>::NoVisit)?;
        let opens = visit.commit == visit_commitment(who, secret, account) && who != account;
        ensure!(opens, Error::<T>::OtherVisit);
        Ok((visit, draw))
    }

    /// A machine that an auditor may visit; none that he has an interest in.
    fn candidate(
        who: &T::AccountId,
        draw: &VisitDraw,
        secret: &[u8; 32],
        attempt: u8,
    ) -> Option<MachineId> {
        let suspects = draw.suspects.len() as u32;
        let machine = match candidate(&draw.seed, secret, attempt, draw.count, suspects)? {
            Candidate::Suspect(at) => draw.suspects.get(at as usize).copied(),
            Candidate::Index(at) => T::Machines::at(at),
        };
        machine.filter(|machine| !T::Machines::is_involved(*machine, who))
    }

    fn forget_visit(who: &T::AccountId, visit: &Visit) {
        Queue::<T>::remove(visit.until, (visit.audit, Due::Visit));
        VisitorOf::<T>::remove(visit.audit);
        Visits::<T>::remove(who);
    }

    /// Keeps a visit as the record of an audit that is over, so that its transcript can be asked for.
    fn keep_visit(
        auditor: &T::AccountId,
        visit: &Visit,
        draw: &VisitDraw,
        machine: MachineId,
        report: &VisitReport<T::AccountId>,
    ) -> AuditOf<T> {
        let now = T::Clock::get();
        let duty = Duty {
            auditor: auditor.clone(),
            commit: Some(Self::commitment(auditor, &report.root, &report.verdict)),
            revealed: Some((report.root, report.verdict)),
            key: None,
        };
        let outcome = match report.verdict {
            Verdict::Pass(_) => Outcome::Passed,
            Verdict::Fail | Verdict::Unreachable => Outcome::Failed,
        };
        let audit = Audit {
            machine,
            purpose: Purpose::Visit(report.lease),
            booked: draw.at,
            starts: draw.at,
            next: now.saturating_add(T::KeptSlots::get()),
            phase: Phase::Closed(outcome),
            duties: BoundedVec::truncate_from(vec![duty]),
            seed: draw.seed,
            terms: Some(report.terms),
            again: false,
        };
        VisitOf::<T>::insert(report.lease, visit.audit);
        Self::look_at(audit.next, visit.audit, machine, Due::Phase);
        Audits::<T>::insert(visit.audit, &audit);
        audit
    }

    /// What a visit says of a machine joins what others said within the life of a proof. Once they are as many
    /// as a draw has auditors, two thirds decide, as of a draw.
    fn impress(audit: &AuditOf<T>, auditor: T::AccountId, good: bool) {
        let (machine, at) = (audit.machine, T::Clock::get());
        let oldest = at.saturating_sub(T::ProofLife::get());
        let mut all = Impressions::<T>::get(machine);
        all.retain(|one| one.at >= oldest && one.auditor != auditor);
        if all.is_full() {
            all.remove(0);
        }
        // There is room now.
        let _ = all.try_push(Impression { auditor, at, good });
        let (count, bad) = (all.len(), all.iter().filter(|one| !one.good).count());
        let enough = count >= Self::draw_size() as usize;
        if enough && 3 * bad >= 2 * count {
            Impressions::<T>::remove(machine);
            Self::unsuspect(machine);
            return Self::fail(audit);
        }
        if bad == 0 || enough && 3 * (count - bad) >= 2 * count {
            all.retain(|one| one.good);
            Self::unsuspect(machine);
        } else {
            Self::suspect(machine);
        }
        Impressions::<T>::insert(machine, all);
    }

    /// Auditors of a draw.
    pub(crate) fn draw_size() -> u32 {
        let members = Members::<T>::decode_len().unwrap_or_default() as u32;
        match members >= T::FullFrom::get() {
            true => T::Drawn::get(),
            false => T::Drawn::get().min(members.max(1)),
        }
    }

    fn suspect(machine: MachineId) {
        Suspects::<T>::mutate(|suspects| {
            if suspects.contains(&machine) {
                return;
            }
            if suspects.is_full() {
                let machine = suspects.remove(0);
                Self::deposit_event(Event::Unsuspected { machine });
            }
            // There is room now.
            let _ = suspects.try_push(machine);
            Self::deposit_event(Event::Suspected { machine });
        });
    }

    fn unsuspect(machine: MachineId) {
        Suspects::<T>::mutate(|suspects| {
            let before = suspects.len();
            suspects.retain(|other| *other != machine);
            if suspects.len() < before {
                Self::deposit_event(Event::Unsuspected { machine });
            }
        });
    }

    /// The suspects, less those that lost their proof or of whom nothing ill was said within the life of one.
    fn suspects_now() -> BoundedVec<MachineId, ConstU32<SUSPECTS_MAX>> {
        let oldest = T::Clock::get().saturating_sub(T::ProofLife::get());
        for machine in Suspects::<T>::get() {
            let ill = |one: &Impression<T::AccountId>| !one.good && one.at >= oldest;
            let stays = Proofs::<T>::contains_key(machine)
                && Impressions::<T>::get(machine).iter().any(ill);
            if !stays {
                Self::unsuspect(machine);
            }
        }
        Suspects::<T>::get()
    }

    /// Forgets what visits said of a machine that left.
    pub(crate) fn forget_impressions(machine: MachineId) {
        Impressions::<T>::remove(machine);
        Self::unsuspect(machine);
    }
}
