//! Commits, reveals, and what they come to.

use alloc::vec::Vec;

use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};

use crate::{
    Assigned, Attempts, AttemptsOf, Audit, AuditId, AuditOf, AuditSink as _, AuditedMachines as _,
    Auditors, Audits, Config, Demands, Due, DutyPay as _, Error, Event, Findings, Members,
    OF_REGION, OpenDuty, Outcome, Pallet, Phase, Proof, TranscriptCheck as _, Verdict,
};

impl<T: Config> Pallet<T> {
    /// What an auditor commits to: a copy of somebody else's commitment opens for nobody.
    pub fn commitment(who: &T::AccountId, root: &[u8; 32], verdict: &Verdict) -> [u8; 32] {
        dbc_primitives::audit::commitment(who, root, verdict)
    }

    pub(crate) fn do_commit(who: T::AccountId, id: AuditId, commit: [u8; 32]) -> DispatchResult {
        let mut audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        // By the clock, not by the queue: a late queue takes no late commits.
        let open = audit.phase == Phase::Commit && T::Clock::get() < audit.next;
        ensure!(open, Error::<T>::WrongPhase);
        let duty = audit.duties.iter_mut().find(|duty| duty.auditor == who);
        let duty = duty.ok_or(Error::<T>::NotDrawn)?;
        ensure!(duty.commit.is_none(), Error::<T>::SaidAlready);
        duty.commit = Some(commit);
        Audits::<T>::insert(id, audit);
        Self::deposit_event(Event::Committed { audit: id, auditor: who });
        Ok(())
    }

    pub(crate) fn do_set_duty_key(who: T::AccountId, id: AuditId, key: [u8; 32]) -> DispatchResult {
        let mut audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        // Whoever has to seal something to it has the other half of the phase for that.
        let half = T::Clock::get().saturating_add(Self::pace().commit / 2);
        ensure!(audit.phase == Phase::Commit && half <= audit.next, Error::<T>::WrongPhase);
        let duty = audit.duties.iter_mut().find(|duty| duty.auditor == who);
        let duty = duty.ok_or(Error::<T>::NotDrawn)?;
        ensure!(duty.key.is_none(), Error::<T>::SaidAlready);
        duty.key = Some(key);
        Audits::<T>::insert(id, audit);
        Self::deposit_event(Event::DutyKeySet { audit: id, auditor: who, key });
        Ok(())
    }

    /// What an auditor was drawn for and has yet to finish.
    pub(crate) fn duties_of(who: &T::AccountId) -> Vec<OpenDuty> {
        let open = Assigned::<T>::iter_key_prefix(who).filter_map(|id| {
            let audit = Audits::<T>::get(id)?;
            let duty = audit.duties.iter().find(|duty| duty.auditor == *who)?;
            let said = match audit.phase {
                Phase::Commit => duty.commit.is_some(),
                _ => duty.revealed.is_some(),
            };
            let Audit { machine, purpose, phase, next, .. } = audit;
            Some(OpenDuty { audit: id, machine, purpose, phase, next, said })
        });
        open.collect()
    }

    pub(crate) fn do_reveal(
        who: T::AccountId,
        id: AuditId,
        root: [u8; 32],
        verdict: Verdict,
    ) -> DispatchResult {
        let mut audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        let open = audit.phase == Phase::Reveal && T::Clock::get() < audit.next;
        ensure!(open, Error::<T>::WrongPhase);
        let duty = audit.duties.iter_mut().find(|duty| duty.auditor == who);
        let duty = duty.ok_or(Error::<T>::NotDrawn)?;
        ensure!(duty.revealed.is_none(), Error::<T>::SaidAlready);
        let committed = duty.commit == Some(Self::commitment(&who, &root, &verdict));
        ensure!(committed, Error::<T>::OtherThanCommitted);
        duty.revealed = Some((root, verdict));
        Audits::<T>::insert(id, audit);
        Self::deposit_event(Event::Revealed { audit: id, auditor: who, verdict });
        Ok(())
    }

    /// Two thirds of those drawn decide; whoever did his duty is paid whatever he found.
    pub(crate) fn close(id: AuditId, audit: &mut AuditOf<T>) {
        let drawn = audit.duties.len();
        let mut passes: Vec<Findings> = Vec::new();
        let (mut against, mut wrong) = (0, 0);
        for duty in &audit.duties {
            Self::count(&duty.auditor, id, false);
            match &duty.revealed {
                Some((_, verdict)) => {
                    Self::credit(&duty.auditor);
                    T::Pay::pay(&duty.auditor);
                    match verdict {
                        Verdict::Pass(findings) => passes.push(*findings),
                        Verdict::Fail => (against, wrong) = (against + 1, wrong + 1),
                        Verdict::Unreachable => against += 1,
                    }
                }
                None => Self::strike(&duty.auditor),
            }
        }
        // Part of the cards proves nothing of the others; that they fail, fails the machine (rule 3). Without any
        // card of those that there are, only whether it answers was asked.
        let machine = audit.machine;
        let all = T::Machines::terms(machine).map(|terms| terms.gpus).ok();
        let asked = audit.terms.map(|terms| terms.gpus);
        let whole = all.is_some() && all == asked;
        let looked = whole || all.is_some() && asked.is_some_and(|cards| cards > 0);
        if 3 * passes.len() >= 2 * drawn {
            match whole {
                true => Self::prove(id, audit, &passes),
                false => T::Sink::answered(machine),
            }
            Self::finish(id, audit, Outcome::Passed);
        } else if 3 * against >= 2 * drawn {
            if looked {
                Self::fail(audit);
            }
            let silent = !looked || 3 * wrong < 2 * drawn;
            Self::finish_as(id, audit, Outcome::Failed, silent);
        } else if !Self::again(audit) {
            if looked && against > 0 {
                Self::doubt(machine);
            }
            Self::finish(id, audit, Outcome::Undecided);
        }
    }

    /// A machine's region, if auditors of it, two at least, all had its rows as fast as only there (rule 37).
    fn seen_in(audit: &AuditOf<T>) -> Option<u16> {
        let region = T::Machines::region(audit.machine)?;
        let mut seen = 0;
        for duty in &audit.duties {
            let Some((_, Verdict::Pass(found))) = &duty.revealed else { continue };
            let of = Auditors::<T>::get(&duty.auditor).and_then(|auditor| auditor.region);
            if of == Some(region) {
                if found.open_ms > T::NearMs::get() {
                    return None;
                }
                seen += 1;
            }
        }
        (seen >= OF_REGION).then_some(region)
    }

    fn prove(id: AuditId, audit: &AuditOf<T>, passes: &[Findings]) {
        let at = T::Clock::get();
        let full = audit.duties.len() as u32 >= T::Drawn::get()
            && Members::<T>::decode_len().unwrap_or_default() as u32 >= T::FullFrom::get();
        let proof = Proof {
            audit: id,
            at,
            until: at.saturating_add(T::ProofLife::get()),
            provisional: !full,
            findings: together(passes),
            region: Self::seen_in(audit).filter(|_| full),
        };
        Self::keep_proof(audit.machine, proof);
        AttemptsOf::<T>::remove(audit.machine);
        Self::look_at(proof.until, id, audit.machine, Due::Proof);
        T::Sink::passed(audit.machine, &proof);
    }

    /// A machine that failed has no proof any more, and waits twice as long each time (rule 4).
    pub(crate) fn fail(audit: &AuditOf<T>) {
        let proven = Self::drop_proof(audit.machine);
        AttemptsOf::<T>::mutate(audit.machine, |attempts| {
            let Attempts { failed, not_before } = attempts.get_or_insert_default();
            let wait = Self::pace().back_off.saturating_mul(1 << (*failed).min(16));
            *failed = failed.saturating_add(1);
            *not_before = T::Clock::get().saturating_add(wait);
        });
        T::Sink::failed(audit.machine, audit.purpose, proven);
    }

    pub(crate) fn do_convict(
        finder: T::AccountId,
        id: AuditId,
        auditor: T::AccountId,
        transcript: &[u8],
    ) -> DispatchResult {
        let mut audit = Audits::<T>::get(id).ok_or(Error::<T>::AuditNotFound)?;
        let (machine, seed) = (audit.machine, audit.seed);
        let terms = audit.terms.ok_or(Error::<T>::ShowsNothing)?;
        let duty = audit.duties.iter_mut().find(|duty| duty.auditor == auditor);
        let duty = duty.ok_or(Error::<T>::NotDrawn)?;
        let (root, verdict) = duty.revealed.ok_or(Error::<T>::ShowsNothing)?;
        let shown = T::Check::supports(machine, id, terms, &seed, &root, &verdict, transcript);
        let lied = shown == Some(false);
        ensure!(lied, Error::<T>::ShowsNothing);
        // Shown once; what he said counts no more, should the audit still be open, nor does he say it again.
        (duty.commit, duty.revealed) = (None, None);
        Audits::<T>::insert(id, audit);
        if let Some(demand) = Demands::<T>::take(id, &auditor) {
            Self::release_demand(&demand);
        }
        Self::convicted(id, auditor, &finder);
        Ok(())
    }

    /// He lied, or does not show that he did not.
    pub(crate) fn convicted(id: AuditId, auditor: T::AccountId, finder: &T::AccountId) {
        let slashed = Self::ruin(&auditor, finder);
        Self::deposit_event(Event::Convicted { audit: id, auditor, slashed });
    }
}

/// What those who passed a machine found together: the median of each value, and the throughput of all
/// their challenges, which ran at once.
fn together(all: &[Findings]) -> Findings {
    let each = median(all);
    let throughput = each.throughput.saturating_mul(all.len() as u32);
    Findings { throughput, ..each }
}

/// The median of each value: what one says alone moves it no further than his neighbours.
fn median(all: &[Findings]) -> Findings {
    fn of<V: Copy + Ord + Default>(all: &[Findings], value: impl Fn(&Findings) -> V) -> V {
        let mut values: Vec<V> = all.iter().map(value).collect();
        values.sort_unstable();
        // Of an even number the lower: nobody gains by a tie.
        values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
    Findings {
        gpus: of(all, |found| found.gpus),
        gpu_memory_mib: of(all, |found| found.gpu_memory_mib),
        throughput: of(all, |found| found.throughput),
        memory_mib: of(all, |found| found.memory_mib),
        disk_gib: of(all, |found| found.disk_gib),
        up_mbps: of(all, |found| found.up_mbps),
        down_mbps: of(all, |found| found.down_mbps),
        open_ms: of(all, |found| found.open_ms),
    }
}
