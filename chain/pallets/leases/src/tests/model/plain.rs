//! The plain model: balances in maps, leases in a list, every rule said a second time without a
//! ledger, a queue or a bitmap. It says of each operation whether it is accepted, and moves the
//! money. It knows nothing of weights: which due leases a block came to, the caller tells it.

use std::collections::BTreeMap;

use dbc_primitives::Balance;

use crate::mock::{ED, ENDOWMENT, RATE, STAKE};

/// Accounts by the byte that names them.
pub const PROVIDER: u8 = 1;
/// Where drained money goes and gifts come from.
pub const BANK: u8 = 5;
/// Gets the fees.
pub const TREASURY: u8 = 200;
/// Something beside his balance keeps his account alive, so that he may have all of it on hold.
pub const BOUND: u8 = 4;
/// Everybody whose money is compared.
pub const ALL: [u8; 6] = [PROVIDER, 2, 3, BOUND, BANK, TREASURY];

const START_WINDOW: u64 = 300;
const MINIMUM: u64 = 100;
const RETENTION: u64 = 5_000;
const TERMS: core::ops::RangeInclusive<u64> = 10..=100_000;

/// What an account has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Units it may spend.
    pub free: Balance,
    /// Units on hold for leases.
    pub held: Balance,
    /// Units on hold as stake.
    pub stake: Balance,
}

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub who: u8,
    pub gpu: u8,
    pub term: u64,
    pub receiver: Option<u8>,
}

/// What the model knows of a lease.
#[derive(Debug, Clone)]
pub struct Lease {
    pub wanted: Wanted,
    rate: Balance,
    /// Units still on hold, those owed included.
    deposit: Balance,
    owed: Balance,
    owed_fees: Balance,
    /// When it is closed, or, once it is, forgotten.
    pub deadline: u64,
    started: Option<u64>,
    settled: u64,
    pub open: bool,
}

impl Lease {
    /// Whether its meter runs.
    pub fn runs(&self) -> bool {
        self.open && self.started.is_some()
    }
}

/// The whole market.
#[derive(Debug)]
pub struct Plain {
    pub now: u64,
    pub accounts: BTreeMap<u8, Account>,
    pub leases: BTreeMap<u64, Lease>,
    pub strikes: u32,
    /// Units that no account could be credited with.
    pub burnt: Balance,
    rate: Balance,
    pub version: u32,
    listed: bool,
    next: u64,
}

impl Plain {
    /// One listed machine of the provider with so many GPUs, and nothing leased.
    pub fn new(now: u64, gpus: u8) -> Self {
        let mut accounts: BTreeMap<_, _> =
            (1..=5).map(|who| (who, Account { free: ENDOWMENT, ..Account::default() })).collect();
        accounts.insert(TREASURY, Account { free: ED, ..Account::default() });
        let stake = STAKE * Balance::from(gpus);
        accounts.insert(PROVIDER, Account { free: ENDOWMENT - stake, held: 0, stake });
        let leases = BTreeMap::new();
        let (strikes, burnt, version, listed, next) = (0, 0, 1, true, 1);
        Self { now, accounts, leases, strikes, burnt, rate: RATE, version, listed, next }
    }

    pub fn create(&mut self, wanted: Wanted) -> bool {
        let taken = self.leases.values().any(|lease| lease.open && lease.wanted.gpu == wanted.gpu);
        let deposit = self.rate * Balance::from(wanted.term);
        let ok = self.listed
            && TERMS.contains(&wanted.term)
            && !taken
            && deposit <= self.can_hold(wanted.who);
        if ok {
            self.hold(wanted.who, deposit);
            let lease = Lease {
                wanted,
                rate: self.rate,
                deposit,
                owed: 0,
                owed_fees: 0,
                deadline: self.now + START_WINDOW,
                started: None,
                settled: self.now,
                open: true,
            };
            self.leases.insert(self.next, lease);
            self.next += 1;
        }
        ok
    }

    pub fn started(&mut self, id: u64) -> bool {
        let now = self.now;
        let Some(lease) = self.leases.get_mut(&id) else { return false };
        let ok = lease.open && lease.started.is_none() && now < lease.deadline;
        if ok {
            lease.started = Some(now);
            lease.settled = now;
            lease.deadline = now + lease.wanted.term;
        }
        ok
    }

    pub fn settle(&mut self, id: u64) -> bool {
        let open = self.leases.get(&id).is_some_and(|lease| lease.open);
        if open && self.due(id) {
            self.close_due(id);
        } else if open {
            self.charge(id, self.now);
        }
        open
    }

    /// Extended by its renter, at whatever the offer says now.
    pub fn extend(&mut self, id: u64, slots: u64) -> bool {
        let Some(lease) = self.leases.get(&id).cloned() else { return false };
        let added = lease.rate * Balance::from(slots);
        let ok = lease.open
            && !self.due(id)
            && lease.started.is_some()
            && self.listed
            && self.rate == lease.rate
            && lease.wanted.term + slots <= *TERMS.end()
            && added <= self.can_hold(lease.wanted.who);
        if ok {
            self.hold(lease.wanted.who, added);
            let lease = self.leases.get_mut(&id).expect("it is there");
            lease.deposit += added;
            lease.wanted.term += slots;
            lease.deadline += slots;
        }
        ok
    }

    pub fn end(&mut self, id: u64) -> bool {
        let Some(lease) = self.leases.get(&id).cloned() else { return false };
        if lease.open && self.due(id) {
            self.close_due(id);
        } else if lease.open {
            self.charge(id, self.now);
            if let Some(started) = lease.started {
                self.charge(id, started + MINIMUM);
            }
            self.close(id);
        }
        lease.open
    }

    pub fn terminate(&mut self, id: u64) -> bool {
        let Some(lease) = self.leases.get(&id).cloned() else { return false };
        if lease.open && self.due(id) {
            self.close_due(id);
        } else if lease.open {
            self.strikes += u32::from(lease.started.is_none());
            self.charge(id, self.now);
            self.close(id);
        }
        lease.open
    }

    /// By hand or by the queue: closes what is open, forgets what was closed.
    pub fn close_expired(&mut self, id: u64) -> bool {
        let due = self.due(id);
        if due && self.leases[&id].open {
            self.close_due(id);
        } else if due {
            self.leases.remove(&id);
        }
        due
    }

    pub fn due(&self, id: u64) -> bool {
        self.leases.get(&id).is_some_and(|lease| self.now >= lease.deadline)
    }

    pub fn set_offer(&mut self, rate: Balance) -> bool {
        self.rate = rate;
        self.version += 1;
        true
    }

    pub fn list(&mut self, listed: bool) -> bool {
        let changes = self.listed != listed;
        self.listed = listed;
        changes
    }

    pub fn transfer(&mut self, from: u8, to: u8, amount: Balance) {
        self.account(from).free -= amount;
        self.account(to).free += amount;
    }

    fn account(&mut self, who: u8) -> &mut Account {
        self.accounts.entry(who).or_default()
    }

    /// Units that can be put on hold: all but what keeps the account alive, locks or not.
    fn can_hold(&mut self, who: u8) -> Balance {
        let free = self.account(who).free;
        if who == BOUND && free >= ED { free } else { free.saturating_sub(ED) }
    }

    fn hold(&mut self, who: u8, amount: Balance) {
        let account = self.account(who);
        account.free -= amount;
        account.held += amount;
    }

    /// Moves from a lease's hold what can be credited: all of it or nothing.
    fn pay(&mut self, id: u64, to: u8, amount: Balance) -> bool {
        if amount == 0 || self.account(to).free + amount < ED {
            return false;
        }
        self.unhold(id, amount);
        self.account(to).free += amount;
        true
    }

    fn unhold(&mut self, id: u64, amount: Balance) {
        let lease = self.leases.get_mut(&id).expect("it is there");
        lease.deposit -= amount;
        let renter = lease.wanted.who;
        self.account(renter).held -= amount;
    }

    /// Less than the existential deposit is gone once nothing is on hold beside it.
    pub fn sweep(&mut self) {
        for account in self.accounts.values_mut() {
            if account.held == 0 && account.stake == 0 && account.free < ED {
                self.burnt += account.free;
                account.free = 0;
            }
        }
    }

    fn charge(&mut self, id: u64, until: u64) {
        let lease = self.leases.get_mut(&id).expect("it is there");
        if lease.started.is_none() {
            return;
        }
        let to = until.min(lease.deadline).max(lease.settled);
        let rent = lease.rate * Balance::from(to - lease.settled);
        let fee = rent * 5 / 100;
        lease.settled = to;
        lease.owed += rent - fee;
        lease.owed_fees += fee;
        let (owed, owed_fees) = (lease.owed, lease.owed_fees);
        if self.pay(id, PROVIDER, owed) {
            self.leases.get_mut(&id).expect("it is there").owed = 0;
        }
        if self.pay(id, TREASURY, owed_fees) {
            self.leases.get_mut(&id).expect("it is there").owed_fees = 0;
        }
    }

    fn close_due(&mut self, id: u64) {
        self.strikes += u32::from(self.leases[&id].started.is_none());
        self.charge(id, self.now);
        self.close(id);
    }

    fn close(&mut self, id: u64) {
        let lease = self.leases[&id].clone();
        self.pay(id, TREASURY, lease.owed + lease.owed_fees);
        let rest = self.leases[&id].deposit;
        let renter = lease.wanted.who;
        let returned = lease.wanted.receiver.is_some_and(|receiver| self.pay(id, receiver, rest))
            || self.pay(id, renter, rest)
            || self.pay(id, TREASURY, rest);
        if !returned {
            self.unhold(id, rest);
            self.burnt += rest;
        }
        let deadline = self.now + RETENTION;
        let lease = self.leases.get_mut(&id).expect("it is there");
        (lease.open, lease.deadline) = (false, deadline);
        (lease.owed, lease.owed_fees) = (0, 0);
    }
}
