//! What a renter looks at and does with a lease: machines, prices, extend, end, change access.

use std::time::Duration;

use dbc_chain_client::{At, ChainClient, Search};
use dbc_primitives::price;

use super::{
    network::{block_of, finish},
    provider::id,
};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::{self, Calendar},
    id::{Genesis, MachineId},
    money::Money,
    order::{Filter, Need, Quote},
    view::{Closing, LeaseView, MachineView, Profile, TxView},
};

/// Fewest digits that stand for a machine.
const PREFIX_DIGITS_MIN: usize = 4;
/// Quotes of which the chain is asked whether its machine takes the order, cheapest first.
const QUOTES_MAX: usize = 64;

impl Market {
    /// The machines that pass the filter, cheapest first, those without an offer last. Those that can be rented
    /// are looked for by the chain itself, which leaves out what is in maintenance; else the machines of one provider
    /// are read without any others.
    pub async fn machines(&self, filter: &Filter) -> Result<Vec<MachineView>, MarketError> {
        let calendar = self.calendar().await?;
        let view = self.chain().await?.at(At::Best).await?;
        let average = view.dollar_price().await?;
        let all = match (filter.rentable, filter.provider) {
            (true, _) => view.listed(&search(filter, 0)).await?,
            (false, Some(provider)) => view.machines_of(provider).await?,
            (false, None) => view.machines().await?,
        };
        let mut machines: Vec<_> = all
            .into_iter()
            .map(|machine| convert::machine(machine, calendar, average))
            .filter(|machine| filter.admits(machine))
            .collect();
        machines.sort_by_key(|machine| (asked(machine).unwrap_or(Money(u128::MAX)), machine.index));
        Ok(machines)
    }

    /// One machine.
    pub async fn machine(&self, machine: MachineId) -> Result<MachineView, MarketError> {
        let calendar = self.calendar().await?;
        let view = self.chain().await?.at(At::Best).await?;
        let found = view.machine(id(machine)).await?;
        let found =
            found.ok_or_else(|| MarketError::MachineNotFound { what: machine.to_string() })?;
        Ok(convert::machine(found, calendar, view.dollar_price().await?))
    }

    /// The machine that a person means: its id, the unambiguous beginning of it (at least four
    /// digits), or its short number.
    pub async fn find_machine(&self, text: &str) -> Result<MachineView, MarketError> {
        if let Ok(machine) = text.parse() {
            return self.machine(machine).await;
        }
        let not_found = || MarketError::MachineNotFound { what: text.chars().take(70).collect() };
        if let Ok(number) = text.strip_prefix('#').unwrap_or(text).parse() {
            let view = self.chain().await?.at(At::Best).await?;
            if let Some((machine, _)) = view.machine_at(number).await? {
                return self.machine(MachineId(machine.0)).await;
            }
        }
        let machines = self.machines(&Filter::default()).await?;
        let prefix = text.to_ascii_lowercase();
        let mut fits = machines.into_iter().filter(|machine| {
            prefix.len() >= PREFIX_DIGITS_MIN && machine.id.to_string().starts_with(&prefix)
        });
        match (fits.next(), fits.next()) {
            (Some(machine), None) => Ok(machine),
            (Some(_), Some(_)) => Err(MarketError::Input {
                field: "machine",
                why: format!("{prefix:?} fits more than one machine, give more digits"),
            }),
            _ => Err(not_found()),
        }
    }

    /// What the need costs, on the machine it names or on the cheapest that fits and takes the order.
    ///
    /// Errors: `machine_unavailable` saying which wish ruled the last machines out.
    pub async fn quote(&self, need: &Need) -> Result<Quote, MarketError> {
        self.quote_by(need, None).await
    }

    /// As [`Market::quote`], sold by a platform; its fee counts for what the need may cost.
    ///
    /// Errors: also `invalid_input` when there is no such platform.
    pub async fn quote_by(&self, need: &Need, platform: Option<u32>) -> Result<Quote, MarketError> {
        let calendar = self.calendar().await?;
        let view = self.chain().await?.at(At::Best).await?;
        if let Some(number) = platform
            && view.platform(number).await?.is_none()
        {
            let why = format!("there is none of number {number}; `dbc platform show` lists them");
            return Err(MarketError::Input { field: "platform", why });
        }
        let machines = match need.machine {
            Some(machine) => vec![self.machine(machine).await?],
            None => {
                let average = view.dollar_price().await?;
                let gpus = if need.whole { 0 } else { need.gpus };
                let all = view.listed(&search(&need.filter, gpus)).await?;
                all.into_iter().map(|found| convert::machine(found, calendar, average)).collect()
            }
        };
        let now = view.slot().await?;
        let mut nearest: Option<Ruled> = None;
        let mut fitting = Vec::new();
        for machine in &machines {
            match quote_on(machine, need, calendar, now) {
                Ok(quote) => fitting.push(quote),
                Err(ruled) if nearest.as_ref().is_none_or(|n| ruled.came > n.came) => {
                    nearest = Some(ruled);
                }
                Err(_) => {}
            }
        }
        let exact = |quote| self.exact(quote, platform);
        let first = first_of(fitting, need.max_per_hour, exact).await?;
        first.ok_or_else(|| MarketError::NothingFits {
            why: nearest.map_or_else(|| "none that is listed has enough".into(), |n| n.why),
        })
    }

    /// The account's leases, newest first; closed ones only with `all`.
    pub async fn leases(
        &self,
        account: AccountId,
        all: bool,
    ) -> Result<Vec<LeaseView>, MarketError> {
        let calendar = self.calendar().await?;
        let found = self.chain().await?.at(At::Best).await?.leases_of_renter(account).await?;
        let mut leases: Vec<_> = found
            .into_iter()
            .map(|lease| convert::lease(lease, false, calendar))
            .filter(|lease| all || !lease.is_closed())
            .collect();
        leases.sort_by_key(|lease| std::cmp::Reverse(lease.id));
        Ok(leases)
    }

    /// One lease, as of the best block.
    pub async fn lease(&self, lease: u64) -> Result<LeaseView, MarketError> {
        let chain = self.chain().await?;
        let found = chain.at(At::Best).await?.lease(lease).await?;
        let found = found.ok_or(MarketError::LeaseNotFound { lease })?;
        let last = chain.at(At::Finalized).await?.lease(lease).await?;
        let finalized = last.as_ref() == Some(&found);
        Ok(convert::lease(found, finalized, self.calendar().await?))
    }

    /// Extends the term by at least `seconds` at the present offer, at no more than `max_rate` per slot
    /// (the lease's own maximum when `None`). Holds more.
    ///
    /// Errors: as [`Market::rent`] before the lease is made.
    pub async fn extend(
        &self,
        signer: &Signer,
        lease: u64,
        seconds: u64,
        max_rate: Option<Money>,
    ) -> Result<LeaseView, MarketError> {
        let found = self.open_lease(lease).await?;
        let machine = self.machine(found.machine).await?;
        let offer = machine.offer.as_ref().map(|offer| offer.version);
        let offer = offer.ok_or_else(|| MarketError::MachineTaken {
            why: "the machine has no offer any more".into(),
        })?;
        let slots = self.calendar().await?.slots(seconds);
        let rate = max_rate.unwrap_or(found.max_rate);
        let chain = self.chain().await?;
        let sent = chain.extend(signer, lease, slots, offer, rate.0).await?;
        finish(sent).await.map_err(convert::order_error)?;
        self.lease(lease).await
    }

    /// Seconds that a lease costs at least once it has started, unless its machine is not there.
    pub async fn minimum_charge(&self) -> Result<u64, MarketError> {
        let constants = self.chain().await?.at(At::Best).await?.constants().await?;
        Ok(self.calendar().await?.seconds(constants.minimum_charge))
    }

    /// Settles up to now; anybody may.
    pub async fn settle(&self, signer: &Signer, lease: u64) -> Result<LeaseView, MarketError> {
        self.open_lease(lease).await?;
        finish(self.chain().await?.settle(signer, lease).await?).await?;
        self.lease(lease).await
    }

    /// Waits until the last minutes of a closed lease are settled and nothing of it is on hold.
    ///
    /// Errors: [`MarketError::LeaseNotFound`], and a timeout after four minutes: the horizon of
    /// settlement stands still when no block is made.
    pub async fn settled(&self, lease: u64) -> Result<LeaseView, MarketError> {
        const PATIENCE: Duration = Duration::from_secs(240);
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.lease(lease).await?;
            if found.tail_until.is_none() && found.finalized {
                return Ok(found);
            }
            if tokio::time::Instant::now() > until {
                return Err(dbc_chain_client::ChainError::Timeout {
                    what: "the settlement of the lease's last minutes",
                    after: PATIENCE,
                }
                .into());
            }
            self.next_finalized().await?;
        }
    }

    /// Ends the lease; returns when that is final, with every unit accounted for.
    pub async fn end(&self, signer: &Signer, lease: u64) -> Result<Closing, MarketError> {
        self.open_lease(lease).await?;
        let chain = self.chain().await?;
        let included = chain.end(signer, lease).await?.finalized().await?;
        let closed = included.events.closed()?.ok_or_else(|| {
            MarketError::Internal("the chain ended the lease but told no sums".into())
        })?;
        let after = chain.at(At::Block(included.block)).await?.lease(lease).await?;
        let after = after.ok_or(MarketError::LeaseNotFound { lease })?;
        self.home().remove_spec(&Genesis(chain.genesis()), lease)?;
        let calendar = self.calendar().await?;
        let view = convert::lease(after, true, calendar);
        Ok(Closing {
            lease,
            reason: convert::reason(closed.reason),
            paid: view.paid,
            fees: view.fees,
            burned: view.burned,
            platform_fees: view.platform_fees,
            refund: view.refunded,
            open: view.deposit,
            deposited: Money(deposited(&chain, included.number, lease).await?),
            retain_until: Some(calendar.moment(closed.retain_until)),
            block: block_of(&included),
        })
    }

    /// Puts a fresh access key of this device on the lease; every grant made before dies.
    pub async fn set_access(&self, signer: &Signer, lease: u64) -> Result<TxView, MarketError> {
        self.open_lease(lease).await?;
        let genesis = self.genesis().await?;
        let (key, path) = self.home().next_lease_key(&genesis, lease)?;
        let sent = self.chain().await?.set_access(signer, lease, key.public()).await?;
        let done = finish(sent).await?;
        self.home().put_lease_key(&genesis, lease, &key)?;
        self.home().remove(&path)?;
        Ok(done)
    }

    /// Makes every grant of the lease invalid by its epoch, also where the agent cannot be told.
    pub async fn revoke_all(&self, signer: &Signer, lease: u64) -> Result<TxView, MarketError> {
        self.open_lease(lease).await?;
        finish(self.chain().await?.revoke_grants(signer, lease).await?).await
    }

    pub(super) async fn open_lease(&self, lease: u64) -> Result<LeaseView, MarketError> {
        let found = self.lease(lease).await?;
        if found.is_closed() {
            return Err(MarketError::LeaseClosed { lease });
        }
        Ok(found)
    }

    pub(crate) async fn calendar(&self) -> Result<Calendar, MarketError> {
        Ok(Calendar { slot_ms: self.chain().await?.slot_ms() })
    }
}

/// Everything that was ever deposited for a lease: what was held and what had been paid out before the
/// close. Read from the block before, and not added up from the sums that are shown beside it, so that
/// the two can be compared.
async fn deposited(chain: &ChainClient, number: u64, lease: u64) -> Result<u128, MarketError> {
    let before = chain.block_hash(number.saturating_sub(1)).await?;
    let before = chain.at(At::Block(before)).await?.lease(lease).await?;
    let before = before.ok_or(MarketError::LeaseNotFound { lease })?;
    let parts = [
        before.deposit,
        before.paid,
        before.fees,
        before.burned,
        before.platform_fees,
        before.refunded,
    ];
    Ok(parts.into_iter().fold(0, u128::saturating_add))
}

/// The first quote that the chain bears out and that is not too dear, cheapest first; `None` of none. What a
/// machine may be held back for, nobody else can tell.
async fn first_of<Exact>(
    mut quotes: Vec<Quote>,
    most: Option<Money>,
    mut exact: impl FnMut(Quote) -> Exact,
) -> Result<Option<Quote>, MarketError>
where
    Exact: Future<Output = Result<Quote, MarketError>>,
{
    quotes.sort_by_key(|quote| (quote.deposit, quote.machine_index));
    let mut refused = None;
    for quote in quotes.into_iter().take(QUOTES_MAX) {
        let error = match exact(quote).await {
            Ok(quote) if most.is_none_or(|most| quote.rate.per_hour <= most) => {
                return Ok(Some(quote));
            }
            Ok(quote) => MarketError::NothingFits { why: cheapest(quote.rate.per_hour) },
            Err(error @ MarketError::MachineTaken { .. }) => error,
            Err(error) => return Err(error),
        };
        refused.get_or_insert(error);
    }
    refused.map_or(Ok(None), Err)
}

fn cheapest(per_hour: Money) -> String {
    format!("the cheapest costs {per_hour} an hour")
}

/// What the chain can look for of a filter, and so many free GPUs at least.
fn search(filter: &Filter, gpus: u8) -> Search {
    Search {
        class: filter.class.map(convert::class_back),
        region: filter.region,
        free_gpus: filter.gpus_min.max(gpus),
        max_price: None,
    }
}

/// What the machine asks for an hour of its usual good: a GPU, or a CPU share.
fn asked(machine: &MachineView) -> Option<Money> {
    let price = machine.offer.as_ref()?.price;
    Some(if machine.gpus.is_empty() { price.cpu_hour } else { price.gpu_hour })
}

impl Filter {
    /// Whether the machine passes.
    pub fn admits(&self, machine: &MachineView) -> bool {
        let model = self.gpu_model.as_ref().map(|model| model.to_lowercase());
        let fitting = machine.gpus.iter().filter(|gpu| {
            !gpu.leased
                && gpu.facts.memory_mib >= self.gpu_memory_mib_min
                && model.as_ref().is_none_or(|m| gpu.facts.model.to_lowercase().contains(m))
        });
        let gpus_needed = match (self.gpus_min, &model, self.gpu_memory_mib_min) {
            (0, None, 0) => 0,
            (least, _, _) => usize::from(least.max(1)),
        };
        (!self.rentable || machine.rentable)
            && self.class.is_none_or(|class| machine.class == class)
            && self.provider.is_none_or(|provider| machine.provider == provider)
            && self.region.is_none_or(|region| machine.location.region == region)
            && machine.cpu_cores >= self.cpu_cores_min
            && machine.memory_mib >= self.memory_mib_min
            && machine.disk_gib >= self.disk_gib_min
            && fitting.count() >= gpus_needed
    }
}

/// Why a machine does not fit, and how near it came.
struct Ruled {
    came: u8,
    why: String,
}

fn quote_on(
    machine: &MachineView,
    need: &Need,
    calendar: Calendar,
    now: u64,
) -> Result<Quote, Ruled> {
    let ruled = |came, why: String| Err(Ruled { came, why });
    if !machine.rentable {
        return ruled(
            0,
            format!("machine #{} is {} or fully leased", machine.index, machine.status),
        );
    }
    let Some(offer) = &machine.offer else {
        return ruled(0, format!("machine #{} has no offer", machine.index));
    };
    if !need.filter.admits(machine) {
        return ruled(1, "the listed ones lack what was asked for".into());
    }
    let (profile, gpus, cpu_shares) = match pick(machine, need) {
        Ok(part) => part,
        Err(why) => return ruled(2, why),
    };
    let slots = calendar.slots(need.term_s);
    let term_s = calendar.seconds(slots);
    if term_s < offer.min_term_s || term_s > offer.max_term_s {
        let (least, most) = (offer.min_term_s, offer.max_term_s);
        return ruled(3, format!("the term must be {least} to {most} seconds"));
    }
    if let Some(announced) = machine.maintenance
        && now < announced.until.slot
        && announced.from.slot < now.saturating_add(slots)
    {
        let until = announced.until.slot;
        return ruled(3, format!("the next maintenance of the machine ends at slot {until}"));
    }
    let chain_offer = dbc_primitives::Offer {
        price: convert::price(offer.price),
        min_term: calendar.slots(offer.min_term_s),
        max_term: calendar.slots(offer.max_term_s),
        cpu_shares: offer.cpu_shares,
    };
    let count = match profile {
        Profile::Gpu => u32::try_from(gpus.len()).unwrap_or(u32::MAX),
        Profile::Cpu => cpu_shares.into(),
    };
    if let Some(why) = too_small(machine, &need.filter, count.into()) {
        return ruled(2, why);
    }
    let rate = chain_offer.rate_per_slot(convert::profile(profile), count, |_| None);
    let deposit = rate.and_then(|rate| price::deposit(rate, slots));
    let (Some(rate), Some(deposit)) = (rate, deposit) else {
        return ruled(3, "the price is beyond all numbers".into());
    };
    let rate = calendar.rate(rate);
    if let Some(most) = need.max_per_hour
        && rate.per_hour > most
    {
        return ruled(4, cheapest(rate.per_hour));
    }
    Ok(Quote {
        machine: machine.id,
        machine_index: machine.index,
        gpus,
        profile,
        cpu_shares,
        term_slots: slots,
        term_s,
        rate,
        deposit: Money(deposit),
        offer_version: offer.version,
        in_dollars: offer.usd.is_some(),
        off: 0,
        platform: Money(0),
    })
}

/// What of the machine satisfies the need; else what is missing.
fn pick(machine: &MachineView, need: &Need) -> Result<(Profile, Vec<u8>, u16), String> {
    if need.whole && !machine.gpus.is_empty() {
        let leased = machine.gpus.iter().filter(|gpu| gpu.leased).count();
        let all = machine.gpus.iter().map(|gpu| gpu.slot).collect();
        return match leased {
            0 => Ok((Profile::Gpu, all, 0)),
            _ => Err(format!("the whole machine is asked for, {leased} of its GPUs are leased")),
        };
    }
    if need.gpus > 0 && !need.whole {
        let gpus = pick_gpus(machine, need);
        let gpus = gpus.ok_or_else(|| format!("{} free GPUs are asked for", need.gpus))?;
        return Ok((Profile::Gpu, gpus, 0));
    }
    let offered = machine.offer.as_ref().map_or(0, |offer| offer.cpu_shares);
    let (wanted, free) = (if need.whole { offered } else { need.cpu_shares }, machine.cpu_free());
    if wanted == 0 || wanted > free {
        return Err(format!("{wanted} CPU shares are asked for, {free} are free"));
    }
    Ok((Profile::Cpu, Vec::new(), wanted))
}

/// What so many GPUs or CPU shares bring too little of, if anything.
fn too_small(machine: &MachineView, filter: &Filter, count: u64) -> Option<String> {
    let parts = [
        (
            "1/1000 cores",
            u64::from(machine.cpu_cores) * 1000,
            u64::from(filter.cpu_cores_min) * 1000,
        ),
        ("MiB of memory", machine.memory_mib.into(), filter.memory_mib_min.into()),
        ("GiB of disk", machine.disk_gib.into(), filter.disk_gib_min.into()),
    ];
    parts.into_iter().find_map(|(what, all, least)| {
        let brought = machine.cut(all, count);
        (brought < least).then(|| format!("the part has {brought} {what}, {least} are asked for"))
    })
}

/// Free GPUs of one model that satisfy the need.
fn pick_gpus(machine: &MachineView, need: &Need) -> Option<Vec<u8>> {
    let wanted = need.filter.gpu_model.as_ref().map(|model| model.to_lowercase());
    let free: Vec<_> = machine
        .gpus
        .iter()
        .filter(|gpu| {
            !gpu.leased
                && gpu.facts.memory_mib >= need.filter.gpu_memory_mib_min
                && wanted.as_ref().is_none_or(|m| gpu.facts.model.to_lowercase().contains(m))
        })
        .collect();
    free.iter().find_map(|first| {
        let same: Vec<u8> = free
            .iter()
            .filter(|gpu| gpu.facts.model == first.facts.model)
            .map(|gpu| gpu.slot)
            .take(usize::from(need.gpus))
            .collect();
        (same.len() == usize::from(need.gpus)).then_some(same)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Rate;

    fn quote(machine: u32, hour: u64) -> Quote {
        Quote {
            machine: MachineId([0; 32]),
            machine_index: machine,
            gpus: vec![],
            profile: Profile::Cpu,
            cpu_shares: 1,
            term_slots: 1_200,
            term_s: 3_600,
            rate: Rate { per_slot: Money(0), per_hour: Money::dbc(hour) },
            deposit: Money::dbc(hour),
            offer_version: 1,
            in_dollars: false,
            off: 0,
            platform: Money(0),
        }
    }

    fn taken() -> MarketError {
        MarketError::MachineTaken { why: "it takes no such order".into() }
    }

    #[tokio::test]
    async fn a_cheap_machine_that_takes_no_order_is_passed_over() {
        let quotes = vec![quote(3, 5), quote(1, 1), quote(2, 1), quote(0, 9)];
        let mut asked = Vec::new();
        let first = first_of(quotes, None, |quote: Quote| {
            asked.push(quote.machine_index);
            let refused = quote.rate.per_hour == Money::dbc(1);
            async move { if refused { Err(taken()) } else { Ok(quote) } }
        });
        assert_eq!(first.await.unwrap().unwrap().machine_index, 3);
        assert_eq!(asked, [1, 2, 3]);
        let none = first_of(vec![quote(1, 1)], None, |_| async { Err(taken()) }).await;
        assert!(matches!(none, Err(MarketError::MachineTaken { .. })));
        let away = first_of(vec![quote(1, 1), quote(2, 2)], None, |_| async {
            Err(MarketError::Internal("the chain is away".into()))
        });
        assert!(matches!(away.await, Err(MarketError::Internal(_))));
        assert!(first_of(vec![], None, |_| async { Err(taken()) }).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_highest_price_holds_for_what_the_platform_takes_too() {
        let most = Some(Money::dbc(10));
        let sold = |mut quote: Quote| async move {
            quote.rate.per_hour = Money::dbc(11);
            Ok(quote)
        };
        let error = first_of(vec![quote(1, 10)], most, sold).await.unwrap_err();
        assert!(error.to_string().contains("the cheapest costs 11 DBC an hour"), "{error}");
        let plain = first_of(vec![quote(1, 10)], most, |quote| async { Ok(quote) }).await;
        assert_eq!(plain.unwrap().unwrap().machine_index, 1);
    }
}
