//! How offences begin and end: by what watchers and checks found, and by reports that a check bore out.

use dbc_primitives::{LeaseId, MachineId, Slot};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _},
};

use crate::{
    Charged, Checks as _, Config, Error, Event, Evidence, HoldReason, Kind, Leased as _,
    NextOffence, Offence, OffenceId, OffenceOf, Offences, OpenOf, Pallet, Queue, Reports,
    RunningOf, Stage, Stakes as _, bands::is_dearer,
};

impl<T: Config> Pallet<T> {
    fn next_id() -> OffenceId {
        NextOffence::<T>::mutate(|next| {
            let id = *next;
            *next = next.saturating_add(1);
            id
        })
    }

    pub(crate) fn do_report(
        who: T::AccountId,
        machine: MachineId,
        kind: Kind,
        lease: Option<LeaseId>,
        evidence: Option<[u8; 32]>,
    ) -> DispatchResult {
        let (provider, stake) = T::Stakes::of(machine).ok_or(Error::<T>::MachineNotFound)?;
        ensure!(T::Stakes::is_expected(machine), Error::<T>::NotReportable);
        if let Some(lease) = lease {
            let renter = T::Leases::renter(machine, lease).map(|(renter, _)| renter);
            ensure!(renter == Some(who.clone()), Error::<T>::NotYourLease);
        }
        let now = T::Clock::get();
        let kind = match kind {
            // Only its renter knows that it is rented: what he names is his, and runs.
            Kind::Unreachable { .. } => {
                let rents = lease.is_none_or(|lease| T::Leases::ran(machine, lease, now));
                ensure!(rents, Error::<T>::LeaseNotRunning);
                Kind::Unreachable { rented: lease.is_some() }
            }
            other => other,
        };
        let shown = matches!(kind, Kind::Malfunction | Kind::Counterfeit);
        ensure!(evidence.is_none() || shown, Error::<T>::NoEvidence);
        let bond = T::ReportBond::get();
        T::Currency::hold(&HoldReason::Report.into(), &who, bond)?;
        let id = Self::next_id();
        T::Checks::book(machine, id)?;
        let until = now.saturating_add(T::CheckSlots::get());
        let report = Offence {
            machine,
            provider,
            kind,
            since: now,
            ended: None,
            stake,
            band: 0,
            stage: Stage::Running,
            next: until,
            lease,
            reporter: Some((who, bond)),
            appeal: 0,
        };
        Reports::<T>::insert(id, report);
        Queue::<T>::insert(until, id, ());
        if let Some(hash) = evidence {
            Evidence::<T>::insert(id, hash);
        }
        if let Some(lease) = lease {
            T::Leases::hold_back(lease, now);
        }
        Self::deposit_event(Event::Reported { offence: id, machine, kind });
        Ok(())
    }

    /// A check is over. What it bore out is an offence since the report, and ends the lease that was reported
    /// back to then; what it did not costs the bond; of what nobody can say the bond returns. Of a machine
    /// that was `silent` nobody saw more than that.
    pub fn checked(id: OffenceId, upheld: Option<bool>, silent: bool) {
        let Some(mut report) = Reports::<T>::take(id) else { return };
        let named = report.lease;
        if silent {
            // Of a silence nobody has a share whose lease was over before.
            let Offence { machine, since, .. } = report;
            report.lease = named.filter(|lease| T::Leases::ran(machine, *lease, since));
            report.kind = Kind::Unreachable { rented: report.lease.is_some() };
        }
        Self::unqueue(id, report.next);
        let withheld = Self::close_evidence(report.machine, id);
        if let Some(lease) = named {
            match upheld {
                Some(true) if report.lease.is_some() => T::Leases::end_for_fault(lease),
                _ => T::Leases::let_go(lease),
            }
        }
        if upheld == Some(true) && Self::makes_way(report.machine, report.kind, report.since) {
            Self::start(id, report);
            return;
        }
        Evidence::<T>::remove(id);
        if let Some((reporter, bond)) = &report.reporter {
            // Somebody else was faster: the report was right, and costs nothing.
            let lost = upheld == Some(false) || upheld.is_none() && withheld;
            Self::free(&HoldReason::Report.into(), reporter, *bond, lost);
        }
        Self::deposit_event(Event::Rejected { offence: id });
    }

    /// An offence that nobody has to report began: a silence that is blamed on the provider, a failed audit.
    /// Nothing happens while another of the machine runs that costs as much: one offence for each time (rule 11).
    pub fn begin(machine: MachineId, kind: Kind, since: Slot, lease: Option<LeaseId>) {
        let Some((provider, stake)) = T::Stakes::of(machine) else { return };
        if !Self::makes_way(machine, kind, since) {
            return;
        }
        let offence = Offence {
            machine,
            provider,
            kind,
            since,
            ended: None,
            stake,
            band: 0,
            stage: Stage::Running,
            next: since,
            lease,
            reporter: None,
            appeal: 0,
        };
        Self::start(Self::next_id(), offence);
    }

    /// Whether another offence of a machine may begin: none runs, or a silence that costs less, which ends as
    /// the other begins. A cheap one shields from no dear one.
    fn makes_way(machine: MachineId, kind: Kind, since: Slot) -> bool {
        let Some(id) = RunningOf::<T>::get(machine) else { return true };
        let cheaper = Offences::<T>::get(id).is_some_and(|running| {
            matches!(running.kind, Kind::Unreachable { .. }) && is_dearer(kind, running.kind)
        });
        if cheaper {
            Self::end(machine, since.min(T::Clock::get()), |_| true);
        }
        cheaper
    }

    fn start(id: OffenceId, mut offence: OffenceOf<T>) {
        let Offence { machine, kind, since, .. } = offence;
        RunningOf::<T>::insert(machine, id);
        OpenOf::<T>::mutate(machine, |open| *open = open.saturating_add(1));
        Self::deposit_event(Event::Began { offence: id, machine, kind, since });
        Self::raise(id, &mut offence);
        Self::keep(id, offence);
    }

    /// What was wrong with a machine is over since this slot, if it is of a kind that `over` names. An offence
    /// that reached no band is forgotten.
    pub fn end(machine: MachineId, at: Slot, over: impl FnOnce(Kind) -> bool) {
        Self::end_if(machine, at, |found| over(found.kind));
    }

    /// A machine is heard again: a silence is over, but for one that auditors found. That is over when they
    /// say so.
    pub fn back(machine: MachineId, at: Slot) {
        let own = |found: &OffenceOf<T>| {
            matches!(found.kind, Kind::Unreachable { .. }) && found.reporter.is_none()
        };
        Self::end_if(machine, at, own);
    }

    fn end_if(machine: MachineId, at: Slot, over: impl FnOnce(&OffenceOf<T>) -> bool) {
        let Some(id) = RunningOf::<T>::get(machine) else { return };
        let Some(mut offence) = Offences::<T>::get(id).filter(over) else { return };
        Self::unqueue(id, offence.next);
        offence.ended = Some(at.max(offence.since));
        if Self::is_excused(&offence) {
            return Self::forget_offence(id, &offence);
        }
        Self::raise(id, &mut offence);
        if offence.band == 0 {
            return Self::forget_offence(id, &offence);
        }
        Self::keep(id, offence);
    }

    /// It costs nothing.
    pub(crate) fn forget_offence(id: OffenceId, offence: &OffenceOf<T>) {
        if let Some((reporter, bond)) = &offence.reporter {
            Self::free(&HoldReason::Report.into(), reporter, *bond, false);
        }
        Self::deposit_event(Event::Forgotten { offence: id });
        Self::settle(id, offence);
    }

    /// A machine left; nothing of it is in dispute.
    pub fn forget(machine: MachineId) {
        Charged::<T>::remove(machine);
    }

    /// Whether a machine's stake may leave: nothing of it is in dispute.
    pub fn is_clear(machine: MachineId) -> bool {
        OpenOf::<T>::get(machine) == 0
    }
}
