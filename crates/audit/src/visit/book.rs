//! Accounts and visits in the auditor's notes. One visit at a time, and no account twice: the tables say so.

use dbc_chain_client::AccountId;
use rusqlite::{OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::{
    accounts::{FreshAccount, FreshState},
    record::Visit,
};
use crate::notes::{Notes, NotesError, keep_in};

/// Most accounts that are read at once.
const ACCOUNTS_MAX: u32 = 10_000;

impl Notes {
    /// Keeps the seed of an account for visits.
    pub(super) fn add_account(&self, who: AccountId, seed: &[u8; 32]) -> Result<(), NotesError> {
        let row = params![who.0, seed];
        self.lock().execute("INSERT INTO accounts (account, seed) VALUES (?1, ?2)", row)?;
        Ok(())
    }

    /// All accounts for visits, the oldest first.
    pub(crate) fn accounts(&self) -> Result<Vec<FreshAccount>, NotesError> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "SELECT accounts.account, used, open IS NOT NULL FROM accounts
             LEFT JOIN visits ON visits.account = accounts.account ORDER BY number LIMIT ?1",
        )?;
        let rows = query.query_map(params![ACCOUNTS_MAX], |row| {
            let state = match (row.get(1)?, row.get(2)?) {
                (_, true) => FreshState::Visiting,
                (true, false) => FreshState::Used,
                (false, false) => FreshState::Unused,
            };
            Ok(FreshAccount { account: AccountId(row.get(0)?), state })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The seed of an account.
    pub(super) fn account_seed(
        &self,
        who: AccountId,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, NotesError> {
        let query = "SELECT seed FROM accounts WHERE account = ?1";
        let found = self.lock().query_row(query, params![who.0], |row| row.get(0));
        Ok(found.optional()?.map(Zeroizing::new))
    }

    /// Begins a visit under an account that was never used, if no other is open; gives whether it was.
    pub(super) fn begin_visit(&self, visit: &Visit) -> Result<bool, NotesError> {
        let mut connection = self.lock();
        let begun = connection.transaction()?;
        let none = !begun.prepare("SELECT 1 FROM visits WHERE open = 1")?.exists([])?;
        let update = "UPDATE accounts SET used = 1 WHERE account = ?1 AND used = 0";
        let fresh = none && begun.execute(update, params![visit.account.0])? == 1;
        if fresh {
            begun.execute(
                "INSERT INTO visits (account, open, state) VALUES (?1, 1, ?2)",
                params![visit.account.0, text(visit)],
            )?;
            begun.commit()?;
        }
        Ok(fresh)
    }

    /// The visit that is open.
    pub(super) fn open_visit(&self) -> Result<Option<Visit>, NotesError> {
        let query = "SELECT state FROM visits WHERE open = 1";
        let state = self.lock().query_row(query, [], |row| row.get::<_, String>(0)).optional()?;
        let read = |state: String| serde_json::from_str(&state).map_err(NotesError::Visit);
        state.map(read).transpose()
    }

    /// Writes down how far a visit came.
    pub(super) fn put_visit(&self, visit: &Visit) -> Result<(), NotesError> {
        let update = "UPDATE visits SET state = ?2 WHERE account = ?1 AND open = 1";
        self.lock().execute(update, params![visit.account.0, text(visit)])?;
        Ok(())
    }

    /// Writes down how a visit ended, with its transcript among those of other audits once the chain has its verdict:
    /// whoever doubts is shown it from there.
    pub(super) fn end_visit(&self, visit: &Visit, told: bool) -> Result<(), NotesError> {
        let mut connection = self.lock();
        let ended = connection.transaction()?;
        if let (true, Some(draw), Some(found)) = (told, &visit.draw, &visit.found) {
            keep_in(&ended, draw.audit, &draw.seed, found)?;
        }
        let update = "UPDATE visits SET state = ?2 WHERE account = ?1 AND open = 1";
        let rest = Visit { found: None, ..visit.clone() };
        ended.execute(update, params![visit.account.0, text(&rest)])?;
        Ok(ended.commit()?)
    }

    /// Makes room for the next visit. The account stays used for ever, and its seed is kept.
    pub(super) fn close_visit(&self, account: AccountId) -> Result<(), NotesError> {
        let update = "UPDATE visits SET open = NULL WHERE account = ?1";
        self.lock().execute(update, params![account.0])?;
        Ok(())
    }
}

fn text(visit: &Visit) -> String {
    serde_json::to_string(visit).expect("keys of a visit are text")
}
