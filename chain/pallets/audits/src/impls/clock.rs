//! What each block does: collects randomness, and handles what is due, by (slot, id) and within bounds.
//! A late step changes nothing for anybody: phases go by slot.

use dbc_primitives::{BoundedVec, ConstU32, MachineId, Slot};
use frame_support::{traits::Get as _, weights::WeightMeter};
use sp_io::hashing::blake2_256;

use crate::{
    Audit, AuditId, AuditOf, AuditSink as _, AuditedMachines as _, Auditors, Audits, Config,
    Cursor, DRAWN_MAX, Due, Duty, Event, HeldBack, Members, MembersAt, Mix, OF_REGION, OpenOf,
    Outcome, Pace, PaceAtGenesis, Pallet, Phase, Purpose, Queue, VisitOf, WeightInfo as _,
};

/// Those drawn for an audit.
type Duties<T> = BoundedVec<Duty<<T as frame_system::Config>::AccountId>, ConstU32<DRAWN_MAX>>;

/// Slots without entries that one block passes at most.
const SLOTS_PER_BLOCK_MAX: u32 = 1_000;

impl<T: Config> Pallet<T> {
    pub(crate) fn mix() {
        Mix::<T>::mutate(|mix| *mix = blake2_256(&[*mix, T::Randomness::get()].concat()));
    }

    /// The time that audits take here.
    pub fn pace() -> Pace {
        PaceAtGenesis::<T>::get().unwrap_or_else(|| Pace {
            window: T::Window::get(),
            draw_delay: T::DrawDelay::get(),
            commit: T::CommitSlots::get(),
            reveal: T::RevealSlots::get(),
            back_off: T::BackOff::get(),
            visit_every: T::VisitEvery::get(),
            visit: T::VisitSlots::get(),
        })
    }

    pub(crate) fn drain(meter: &mut WeightMeter) {
        let now = T::Clock::get();
        if meter.try_consume(T::DbWeight::get().reads_writes(2, 1)).is_err() {
            return;
        }
        let mut cursor = Cursor::<T>::get();
        if cursor == 0 {
            // The first block: nothing can be due before it.
            cursor = now;
        }
        let mut left = T::StepsPerBlock::get();
        for _ in 0..SLOTS_PER_BLOCK_MAX {
            if cursor > now {
                break;
            }
            let Some((id, due)) = Queue::<T>::iter_key_prefix(cursor).next() else {
                if meter.try_consume(T::DbWeight::get().reads(1)).is_err() {
                    break;
                }
                cursor += 1;
                continue;
            };
            if left == 0 || meter.try_consume(T::WeightInfo::step()).is_err() {
                break;
            }
            left -= 1;
            let Some(machine) = Queue::<T>::take(cursor, (id, due)) else { continue };
            match due {
                Due::Phase => Self::advance(id),
                Due::Proof => Self::expire(id, machine),
                Due::Transcript(place) => Self::not_shown(id, place),
                Due::Visit => Self::visit_due(id),
            }
        }
        Cursor::<T>::put(cursor);
    }

    /// Notes when an audit is looked at next; never a slot that the queue has passed.
    pub(crate) fn look_at(slot: Slot, id: AuditId, machine: MachineId, due: Due) {
        let later = slot.max(T::Clock::get().saturating_add(1));
        Queue::<T>::insert(later, (id, due), machine);
    }

    fn advance(id: AuditId) {
        let Some(mut audit) = Audits::<T>::get(id) else { return };
        match audit.phase {
            Phase::Booked => Self::draw(id, &mut audit),
            Phase::Commit => {
                audit.phase = Phase::Reveal;
                audit.next = audit.next.saturating_add(Self::pace().reveal);
            }
            Phase::Reveal => Self::close(id, &mut audit),
            Phase::Closed(_) => {
                Audits::<T>::remove(id);
                if let Purpose::Visit(lease) = audit.purpose {
                    VisitOf::<T>::remove(lease);
                }
                return;
            }
        }
        Self::look_at(audit.next, id, audit.machine, Due::Phase);
        Audits::<T>::insert(id, audit);
    }

    /// Draws auditors by the randomness of the blocks since the booking, which nobody knew then (rule 4).
    fn draw(id: AuditId, audit: &mut AuditOf<T>) {
        let machine = audit.machine;
        let check = matches!(audit.purpose, Purpose::Check(_));
        // Whoever answers for a silence can show that it is over, also while somebody rents.
        let at_once = check || T::Machines::is_silent(machine);
        let leased = T::Machines::is_leased(machine);
        // What is free of a machine that is leased in part is looked at alone (rule 3).
        let free = if leased { T::Machines::free_cards(machine) } else { 0 };
        let in_part = !at_once && audit.purpose == Purpose::Random && free > 0;
        let terms = match (at_once, in_part) {
            (true, _) => T::Machines::terms_now(machine),
            (false, true) => T::Machines::terms_of(machine, free),
            (false, false) => T::Machines::terms(machine),
        };
        let Ok(terms) = terms else {
            return Self::finish(id, audit, Outcome::Undecided);
        };
        let away = T::Machines::is_away(machine);
        if check && away {
            // It was announced, and nobody can say.
            return Self::finish(id, audit, Outcome::Undecided);
        }
        if away || leased && !at_once && !in_part {
            // Its renter is not disturbed; its proof expires meanwhile like any other (rule 3).
            audit.next = Self::window_after(T::Clock::get().saturating_add(1));
            return;
        }
        let seed = blake2_256(&[&Mix::<T>::get()[..], &id.to_le_bytes()].concat());
        let duties = Self::drawn_by(id, audit, &seed);
        if duties.is_empty() {
            // Nobody is there to audit: whoever asked for it waits for the next window, nobody for what others
            // asked for.
            if matches!(audit.purpose, Purpose::Random | Purpose::Check(_)) {
                return Self::finish(id, audit, Outcome::Undecided);
            }
            audit.next = Self::window_after(T::Clock::get().saturating_add(1));
            return;
        }
        audit.phase = Phase::Commit;
        audit.seed = seed;
        audit.next = T::Clock::get().saturating_add(Self::pace().commit);
        let auditors = duties.len() as u32;
        audit.terms = Some(terms.shared_by(auditors));
        audit.duties = duties;
        let commit_by = audit.next;
        if terms.gpus > 0 {
            // Cards that fill their memory for auditors cannot be a renter's at the same time.
            HeldBack::<T>::mutate(machine, |until| *until = (*until).max(Some(commit_by)));
        }
        Self::deposit_event(Event::Drawn { audit: id, machine, auditors, commit_by });
    }

    /// Draws the auditors of an audit: some of the machine's region if there are, the rest of all (rule 37).
    fn drawn_by(id: AuditId, audit: &AuditOf<T>, seed: &[u8; 32]) -> Duties<T> {
        let mut duties = Duties::<T>::default();
        let wanted = Self::draw_size() as usize;
        let region = T::Machines::region(audit.machine);
        let near = region.map(MembersAt::<T>::get).unwrap_or_default().into_inner();
        let all = Members::<T>::get().into_inner();
        let mut number = *seed;
        for (mut left, wanted) in [(near, OF_REGION.min(wanted)), (all, wanted)] {
            while !left.is_empty() && duties.len() < wanted {
                number = blake2_256(&number);
                let at = self::number(&number) % left.len() as u64;
                let auditor = left.swap_remove(at as usize);
                // Whoever joined after the booking might have joined for it; nobody audits his own.
                let older = Auditors::<T>::get(&auditor).is_some_and(|a| a.joined < audit.booked);
                let drawn = duties.iter().any(|duty| duty.auditor == auditor);
                if !older || drawn || T::Machines::is_involved(audit.machine, &auditor) {
                    continue;
                }
                Self::count(&auditor, id, true);
                let duty = Duty { auditor, commit: None, revealed: None, key: None };
                if duties.try_push(duty).is_err() {
                    break;
                }
            }
        }
        duties
    }

    /// An audit that two thirds of nobody decided is drawn once more, in the next window.
    pub(crate) fn again(audit: &mut AuditOf<T>) -> bool {
        if audit.again {
            return false;
        }
        let now = T::Clock::get();
        let starts = Self::window_after(now.saturating_add(Self::pace().draw_delay));
        *audit = Audit {
            booked: now,
            starts,
            next: starts,
            phase: Phase::Booked,
            duties: BoundedVec::default(),
            again: true,
            machine: audit.machine,
            purpose: audit.purpose,
            seed: [0; 32],
            terms: None,
        };
        true
    }

    /// First slot of the window that begins at a slot or after it.
    pub(crate) fn window_after(slot: Slot) -> Slot {
        let window = Self::pace().window.max(1);
        slot.div_ceil(window).saturating_mul(window)
    }

    /// Writes down that an audit is over; its record stays while transcripts can be challenged.
    pub(crate) fn finish(id: AuditId, audit: &mut AuditOf<T>, outcome: Outcome) {
        Self::finish_as(id, audit, outcome, false);
    }

    /// The same; `silent` when all that was found is that the machine did not answer.
    pub(crate) fn finish_as(id: AuditId, audit: &mut AuditOf<T>, outcome: Outcome, silent: bool) {
        audit.phase = Phase::Closed(outcome);
        if let Purpose::Check(report) = audit.purpose {
            let upheld = match outcome {
                Outcome::Passed => Some(false),
                Outcome::Failed => Some(true),
                Outcome::Undecided => None,
            };
            T::Sink::checked(report, upheld, silent);
        }
        audit.next = T::Clock::get().saturating_add(T::KeptSlots::get());
        OpenOf::<T>::remove(audit.machine);
        HeldBack::<T>::remove(audit.machine);
        Self::deposit_event(Event::Closed { audit: id, machine: audit.machine, outcome });
    }
}

/// A hash as a number.
pub(crate) fn number(hash: &[u8; 32]) -> u64 {
    let mut low = [0; 8];
    low.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(low)
}
