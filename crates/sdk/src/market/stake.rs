//! Stake: bonds, nominations, validators. Each call returns when it is final.

mod pool;
mod session;

use dbc_chain_client::{
    At, BondRecord, PARTS, PAYOUTS_MAX, Role, StakeConstants, UnpaidRecord, View,
};

use super::network::finish;
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::Calendar,
    money::Money,
    view::{LeavingView, Moment, RoleView, Share, SlashView, StakeView, TxView, ValidatorView},
};

/// Newest eras in which unpaid rewards are looked for; older ones are rarely unpaid.
const ERAS: u32 = 14;

impl Market {
    /// An account's stake: what is bonded, what it does, what leaves and when, what it earned.
    pub async fn stake(&self, account: AccountId) -> Result<StakeView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let eras = self.eras(&view).await?;
        let bond = view.bond(account).await?;
        let leaving = bond.as_ref().map(|bond| bond.leaving.clone()).unwrap_or_default();
        let (free, leaving) = eras.split(&leaving);
        let unpaid: u128 = view.unpaid(account, ERAS).await?.iter().map(|of| of.amount).sum();
        let slash = |found: &dbc_chain_client::SlashRecord| SlashView {
            era: found.era,
            validator: found.validator,
            amount: Money(found.amount),
        };
        Ok(StakeView {
            account,
            era: eras.now,
            next_era: eras.begins(eras.now.saturating_add(1)),
            bonded: Money(bond.as_ref().map_or(0, |bond| bond.total)),
            active: Money(bond.as_ref().map_or(0, |bond| bond.active)),
            free,
            leaving,
            role: role(bond),
            unpaid: Money(unpaid),
            slashes: view.slashes(account).await?.iter().map(slash).collect(),
        })
    }

    /// Bonds, or bonds more.
    ///
    /// Errors: `insufficient_funds`; `invalid_input` below what a nominator bonds at least.
    pub async fn bond(&self, signer: &Signer, amount: Money) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let bonded = view.bond(signer.account()).await?;
        let least = view.stake_constants().await?.nominator_bond;
        let total = bonded.as_ref().map_or(0, |bond| bond.active).saturating_add(amount.0);
        if total < least {
            let why = format!("at least {} are bonded by whoever nominates", Money(least));
            return Err(MarketError::Input { field: "amount", why });
        }
        let have = self.balance(signer.account()).await?.spendable;
        if have < amount {
            return Err(MarketError::InsufficientFunds { need: amount, have });
        }
        finish(chain.bond(signer, amount.0, bonded.is_some()).await?).await
    }

    /// Begins to free so much; it counts no more.
    ///
    /// Errors: `invalid_input` when not so much counts.
    pub async fn unbond(&self, signer: &Signer, amount: Money) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let bond = self.own_bond(&chain.at(At::Best).await?, signer.account()).await?;
        enough(amount, bond.active, "count")?;
        finish(chain.unbond(signer, amount.0).await?).await
    }

    /// Makes what leaves count again.
    ///
    /// Errors: `invalid_input` when not so much leaves.
    pub async fn rebond(&self, signer: &Signer, amount: Money) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let bond = self.own_bond(&chain.at(At::Best).await?, signer.account()).await?;
        enough(amount, bond.leaving.iter().map(|(_, sum)| sum).sum(), "leave")?;
        finish(chain.rebond(signer, amount.0).await?).await
    }

    /// Takes what is free; gives how much that was.
    ///
    /// Errors: `invalid_input` when nothing is.
    pub async fn withdraw_bond(&self, signer: &Signer) -> Result<(Money, TxView), MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let bond = self.own_bond(&view, signer.account()).await?;
        let (free, leaving) = self.eras(&view).await?.split(&bond.leaving);
        if free == Money::ZERO {
            return Err(nothing_free(&leaving));
        }
        let tx = finish(chain.withdraw_bond(signer, &view).await?).await?;
        Ok((free, tx))
    }

    /// Stands behind validators, from the next election on.
    ///
    /// Errors: `invalid_input` for too many, for an account that does not validate, without a bond.
    pub async fn nominate(
        &self,
        signer: &Signer,
        validators: &[AccountId],
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        self.own_bond(&view, signer.account()).await?;
        nominable(&view, validators).await?;
        finish(chain.nominate(signer, validators).await?).await
    }

    /// Validates from the next election that is won on.
    ///
    /// Errors: `invalid_input` without a bond that is enough, without session keys, below the least commission.
    pub async fn validate(
        &self,
        signer: &Signer,
        commission: Share,
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let bond = self.own_bond(&view, signer.account()).await?;
        let least = view.stake_constants().await?;
        if bond.active < least.validator_bond {
            let (least, active) = (Money(least.validator_bond), Money(bond.active));
            let why =
                format!("a validator bonds at least {least}; {active} of the account's count");
            return Err(MarketError::Input { field: "amount", why });
        }
        if commission.0 < least.commission_min {
            let why = format!("the least is {}", Share(least.commission_min));
            return Err(MarketError::Input { field: "commission", why });
        }
        if view.session_keys(signer.account()).await?.is_none() {
            let why = "the account has named none; `dbc validator keys` makes them in a node";
            return Err(MarketError::Input { field: "session keys", why: why.into() });
        }
        finish(chain.validate(signer, commission.0).await?).await
    }

    /// Neither validates nor nominates, from the next election on.
    pub async fn chill(&self, signer: &Signer) -> Result<TxView, MarketError> {
        finish(self.chain().await?.chill(signer).await?).await
    }

    /// Has what an account earned in the newest eras paid, to it and to all whom the same payouts concern, in as
    /// many transactions as it takes; gives the account's part and the last of them. `None` when nothing is unpaid.
    pub async fn claim_stake(
        &self,
        signer: &Signer,
    ) -> Result<Option<(Money, TxView)>, MarketError> {
        let (chain, who) = (self.chain().await?, signer.account());
        let unpaid = || async { Ok(chain.at(At::Best).await?.unpaid(who, ERAS).await?) };
        let pay = |some: Vec<UnpaidRecord>| {
            let chain = &chain;
            async move { finish(chain.pay_out(signer, &some).await?).await }
        };
        pay_in_turns(unpaid, pay).await
    }

    /// Those who validate or would, those with most behind them first.
    pub async fn validators(&self) -> Result<Vec<ValidatorView>, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let seated = view.session_validators().await?;
        let mut all: Vec<_> = view
            .validators()
            .await?
            .into_iter()
            .map(|found| ValidatorView {
                account: found.account,
                seated: seated.contains(&found.account),
                elected: found.elected.is_some(),
                commission: Share(found.commission),
                blocked: found.blocked,
                total: Money(found.elected.map_or(0, |behind| behind.total)),
                own: Money(found.elected.map_or(0, |behind| behind.own)),
                nominators: found.elected.map_or(0, |behind| behind.nominators),
            })
            .collect();
        all.sort_by(|left, right| {
            right.total.cmp(&left.total).then(left.account.cmp(&right.account))
        });
        Ok(all)
    }

    async fn own_bond(&self, view: &View, account: AccountId) -> Result<BondRecord, MarketError> {
        view.bond(account).await?.ok_or_else(|| MarketError::Input {
            field: "account",
            why: format!("{account} has bonded nothing; `dbc stake bond` does"),
        })
    }

    async fn eras(&self, view: &View) -> Result<Eras, MarketError> {
        let StakeConstants { era_slots, .. } = view.stake_constants().await?;
        let calendar = self.calendar().await?;
        let (now, start) = view.era().await?;
        let start_slot = match start {
            Some(ms) => ms / calendar.slot_ms.max(1),
            None => view.slot().await?,
        };
        Ok(Eras { now, start_slot, era_slots, calendar })
    }
}

/// Has all that is unpaid paid, as many at a time as one transaction takes; gives the sum of what was sent, and
/// the last transaction. Others may have had some of it paid meanwhile: what is not unpaid any more is left out.
async fn pay_in_turns<Unpaid, Paid>(
    unpaid: impl Fn() -> Unpaid,
    pay: impl Fn(Vec<UnpaidRecord>) -> Paid,
) -> Result<Option<(Money, TxView)>, MarketError>
where
    Unpaid: Future<Output = Result<Vec<UnpaidRecord>, MarketError>>,
    Paid: Future<Output = Result<TxView, MarketError>>,
{
    let mut left = unpaid().await?;
    let (mut sum, mut last) = (0u128, None);
    while !left.is_empty() {
        let rest = left.split_off(left.len().min(PAYOUTS_MAX));
        sum = left.iter().fold(sum, |sum, of| sum.saturating_add(of.amount));
        last = Some(pay(left).await?);
        left = rest;
        if !left.is_empty() {
            let now = unpaid().await?;
            left.retain(|of| now.contains(of));
        }
    }
    Ok(last.map(|tx| (Money(sum), tx)))
}

/// Eras as points in time.
struct Eras {
    now: u32,
    start_slot: u64,
    era_slots: u64,
    calendar: Calendar,
}

impl Eras {
    /// When an era begins, if no stall comes between.
    fn begins(&self, era: u32) -> Moment {
        let eras = u64::from(era.saturating_sub(self.now));
        self.calendar.moment(self.start_slot.saturating_add(eras.saturating_mul(self.era_slots)))
    }

    /// What is free now, and what is not.
    fn split(&self, leaving: &[(u32, u128)]) -> (Money, Vec<LeavingView>) {
        let (free, later): (Vec<_>, Vec<_>) = leaving.iter().partition(|(era, _)| *era <= self.now);
        let view = |(era, amount): (u32, u128)| LeavingView {
            amount: Money(amount),
            era,
            at: self.begins(era),
        };
        (
            Money(free.into_iter().map(|(_, amount)| amount).sum()),
            later.into_iter().map(view).collect(),
        )
    }
}

fn role(bond: Option<BondRecord>) -> RoleView {
    match bond.map(|bond| bond.role) {
        None => RoleView::None,
        Some(Role::Idle) => RoleView::Idle,
        Some(Role::Nominates(validators)) => RoleView::Nominates { validators },
        Some(Role::Validates { commission, .. }) => {
            RoleView::Validates { commission: Share(commission.min(PARTS)) }
        }
    }
}

async fn nominable(view: &View, validators: &[AccountId]) -> Result<(), MarketError> {
    let refused = |why: String| Err(MarketError::Input { field: "validators", why });
    let most = view.stake_constants().await?.nominations_max;
    if validators.is_empty() || validators.len() as u64 > u64::from(most) {
        return refused(format!("name between 1 and {most}"));
    }
    let all = view.validators().await?;
    for wanted in validators {
        match all.iter().find(|found| found.account == *wanted) {
            None => {
                return refused(format!(
                    "{wanted} does not validate; `dbc stake validators` lists who does"
                ));
            }
            Some(found) if found.blocked => {
                return refused(format!("{wanted} takes no nominations"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn enough(wanted: Money, there: u128, what: &str) -> Result<(), MarketError> {
    if wanted.0 <= there {
        return Ok(());
    }
    let why = format!("{wanted} do not {what}; {} do", Money(there));
    Err(MarketError::Input { field: "amount", why })
}

fn nothing_free(leaving: &[LeavingView]) -> MarketError {
    let why = match leaving.first() {
        Some(next) => format!("nothing is free before era {}: then {} are", next.era, next.amount),
        None => "nothing leaves; `unbond` begins it".into(),
    };
    MarketError::Input { field: "amount", why }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{id::Hash, view::Block};

    #[test]
    fn what_leaves_is_free_when_its_era_begins_and_not_before() {
        let calendar = Calendar { slot_ms: 3_000 };
        let eras = Eras { now: 10, start_slot: 1_000, era_slots: 28_800, calendar };
        let (free, later) = eras.split(&[(9, 5), (10, 7), (11, 11), (24, 13)]);
        assert_eq!(free, Money(12));
        assert_eq!(later.iter().map(|of| of.amount.0).collect::<Vec<_>>(), [11, 13]);
        assert_eq!(later[0].at.slot, 29_800);
        assert_eq!(later[1].at.slot, 1_000 + 14 * 28_800);
    }

    #[test]
    fn an_amount_beyond_what_is_there_says_what_there_is() {
        let error = enough(Money::dbc(5), Money::dbc(3).0, "leave").unwrap_err().to_string();
        assert!(error.contains("5 DBC") && error.contains("3 DBC"), "{error}");
        enough(Money::dbc(3), Money::dbc(3).0, "leave").unwrap();
    }

    #[tokio::test]
    async fn more_payouts_than_a_transaction_takes_are_paid_in_several_and_summed() {
        let one = |era| UnpaidRecord { era, validator: AccountId([1; 32]), page: 0, amount: 10 };
        let open: RefCell<Vec<_>> = RefCell::new((0..40).map(one).collect());
        let sizes = RefCell::new(Vec::new());
        let pay = |some: Vec<UnpaidRecord>| {
            sizes.borrow_mut().push(some.len());
            open.borrow_mut().retain(|of| !some.contains(of));
            // Somebody else has another one paid.
            open.borrow_mut().pop();
            let block = Block { number: 1, hash: Hash([0; 32]) };
            async move { Ok(TxView { hash: Hash([0; 32]), block, fee: Money(1), finalized: true }) }
        };
        let unpaid = || async { Ok(open.borrow().clone()) };
        let (paid, _) = pay_in_turns(unpaid, pay).await.unwrap().unwrap();
        assert_eq!(*sizes.borrow(), [16, 16, 6]);
        assert_eq!(paid, Money(380), "only what was sent");
        let none = pay_in_turns(|| async { Ok(vec![]) }, |_| async { unreachable!() }).await;
        assert!(none.unwrap().is_none());
    }
}
