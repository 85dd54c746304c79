//! Maintenance with notice (mechanisms rule 23): a machine may be away in a time that its provider
//! announced, and takes no orders that reach into it. It is cheap only with notice while somebody rents.

use dbc_primitives::{MachineId, MachineStatus, Slot};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use sp_runtime::DispatchError;

use crate::{Config, Error, Event, MachineOf, Machines, Maintenance, Pallet, Presence as _};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_announce_maintenance(
        provider: T::AccountId,
        machine: MachineId,
        from: Slot,
        until: Slot,
    ) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        Self::ensure_announceable(&record, machine, from, until)?;
        if let Some(before) = record.maintenance {
            record.maintained_until = before.until;
        }
        record.maintenance = Some(Maintenance { from, until });
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::MaintenanceAnnounced { machine, from, until });
        Ok(())
    }

    fn ensure_announceable(
        record: &MachineOf<T>,
        machine: MachineId,
        from: Slot,
        until: Slot,
    ) -> Result<(), DispatchError> {
        let now = T::Clock::get();
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!leaving, Error::<T>::WrongStatus);
        let in_bounds = now <= from && from < until && until - from <= T::MaintenanceMax::get();
        ensure!(in_bounds && from - now <= T::MaxTerm::get(), Error::<T>::BadMaintenance);
        let open = record.maintenance.is_some_and(|announced| now < announced.until);
        ensure!(!open, Error::<T>::MaintenanceOpen);
        let last = record.maintenance.map_or(record.maintained_until, |before| before.until);
        let rested = last == 0 || from >= last.saturating_add(T::MaintenanceSpacing::get());
        ensure!(rested, Error::<T>::MaintenanceTooSoon);
        let in_time = from - now >= T::MaintenanceNotice::get();
        ensure!(in_time || !record.is_leased(), Error::<T>::NoticeTooShort);
        // Nobody gets away from an audit that is booked already (rule 1).
        ensure!(in_time || !T::Presence::is_audited(machine), Error::<T>::UnderAudit);
        Ok(())
    }

    pub(crate) fn do_cancel_maintenance(
        provider: T::AccountId,
        machine: MachineId,
    ) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let now = T::Clock::get();
        let open = record.maintenance.filter(|announced| now < announced.until);
        let announced = open.ok_or(Error::<T>::NoMaintenance)?;
        // What has begun has been: the next comes no sooner for it.
        let begun = announced.from < now;
        record.maintenance = begun.then_some(Maintenance { until: now, ..announced });
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::MaintenanceCancelled { machine });
        Ok(())
    }

    /// Whether a slot lies in a maintenance that was announced of a machine: silence that begins then is not
    /// to be blamed.
    pub fn in_maintenance(machine: MachineId, slot: Slot) -> bool {
        Self::maintenance_end(machine, slot).is_some()
    }

    /// The first slot after the maintenance that a slot lies in: from then on silence is to be blamed, also
    /// such that began before.
    pub fn maintenance_end(machine: MachineId, slot: Slot) -> Option<Slot> {
        let announced = Machines::<T>::get(machine)?.maintenance?;
        announced.covers(slot).then_some(announced.until)
    }

    /// Longest term of an order made now: it is over before the next maintenance begins, whenever within
    /// the time that an order has to start.
    ///
    /// # Errors
    /// During a maintenance, or when nothing as long as the offer's shortest term fits before one.
    pub(crate) fn longest_term(
        record: &MachineOf<T>,
        min_term: Slot,
        max_term: Slot,
    ) -> Result<Slot, DispatchError> {
        let now = T::Clock::get();
        let Some(announced) = record.maintenance.filter(|announced| now < announced.until) else {
            return Ok(max_term);
        };
        let left = announced.from.saturating_sub(now).saturating_sub(T::StartWindow::get());
        ensure!(left >= min_term, Error::<T>::InMaintenance);
        Ok(max_term.min(left))
    }
}
