//! Looking, ordering and ending, without an agent.

use anyhow::Result;
use dbc_sdk::{
    ErrorCode, Filter, Genesis, LeaseState, MachineId, Market, MarketConfig, Money, Need,
    RentOrder, RentStep, RentUntil, Signer, WorkloadSpec,
};
use dbc_testkit::MACHINE;

use crate::world::{HOURLY, World};

fn bare(order: RentOrder, until: RentUntil) -> RentOrder {
    RentOrder { spec: None, until, ..order }
}

fn spec() -> WorkloadSpec {
    WorkloadSpec::container("localhost:5000/dbc/base:12")
}

#[tokio::test(flavor = "multi_thread")]
async fn d25_an_order_that_broke_off_goes_on_and_is_paid_once() -> Result<()> {
    let world = World::new().await?;
    let market = world.market("renter").await?;
    let renter = &world.renter;
    let machines = market.machines(&Filter { rentable: true, ..Filter::default() }).await?;
    assert_eq!(machines.len(), 1);
    for (who, has) in [(machines[0].provider, machines.clone()), (renter.account(), vec![])] {
        let his = Filter { provider: Some(who), ..Filter::default() };
        assert_eq!(market.machines(&his).await?, has);
        assert_eq!(
            (market.offences(who).await?, market.earnings(who).await?.provisional),
            (vec![], Money(0))
        );
    }
    assert_eq!(market.find_machine("0").await?.id, MachineId(MACHINE));
    assert_eq!(market.find_machine(&hex::encode(&MACHINE[..3])).await?.id, MachineId(MACHINE));

    let quote = market.quote(&Need::cpu(3600)).await?;
    assert_eq!((quote.rate.per_hour, quote.deposit), (HOURLY, HOURLY));
    let before = market.balance(renter.account()).await?;
    let mut steps = Vec::new();
    let order = bare(RentOrder::new(quote.clone(), spec()), RentUntil::InBlock);
    let first = market.rent(renter, order.clone(), |step| steps.push(step)).await?;
    assert!(matches!(steps[0], RentStep::Prepared { .. }));
    assert_eq!(steps[2], RentStep::InBlock { lease: first.id });
    let RentStep::Prepared { tag } = steps[0] else { panic!("first comes the tag") };
    assert_eq!(market.unfinished_orders().await?.len(), 1);

    // The same order again, by another process of the same home.
    let again = world.market("renter").await?;
    let order = RentOrder { tag: Some(tag), ..bare(order, RentUntil::Final) };
    let second = again.rent(renter, order, |_| {}).await?;
    assert_eq!(second.id, first.id);
    assert_eq!(market.leases(renter.account(), true).await?.len(), 1);
    assert!(market.unfinished_orders().await?.is_empty());
    let held = market.balance(renter.account()).await?;
    assert_eq!(held.held.len(), 1);
    assert_eq!(held.held[0].amount, quote.deposit);
    assert!(before.free.0 - held.free.0 < quote.deposit.0 + quote.deposit.0 / 10);

    // Never started: everything returns.
    let closing = market.end(renter, first.id).await?;
    assert_eq!(closing.deposited, quote.deposit);
    assert_eq!((closing.paid, closing.fees, closing.refund), (Money(0), Money(0), quote.deposit));
    let lease = market.lease(first.id).await?;
    assert!(matches!(lease.state, LeaseState::Closed { reason: "ended_by_renter", .. }));
    assert!(lease.finalized);
    let error = market.end(renter, first.id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::LeaseClosed);
    let error = market.lease(first.id + 1).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::LeaseNotFound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_code_that_says_what_to_do() -> Result<()> {
    let world = World::new().await?;
    let market = world.market("renter").await?;
    let provider = world.market("provider").await?;
    let quote = market.quote(&Need::cpu(600)).await?;

    // rule 13: the price went up between quote and order.
    world.offer(&provider, Money(HOURLY.0 * 2)).await?;
    let order = bare(RentOrder::new(quote, spec()), RentUntil::InBlock);
    let error = market.rent(&world.renter, order.clone(), |_| {}).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::OfferChanged, "{error}");
    assert!(market.unfinished_orders().await?.is_empty());

    let poor = Signer::ed25519_from_seed([9; 32]);
    let error = market.rent(&poor, order, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InsufficientFunds, "{error}");
    let error = market.transfer(&poor, poor.account(), Money(1)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InsufficientFunds, "{error}");

    let long = Need::cpu(100_000);
    let error = market.quote(&long).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MachineUnavailable);
    assert!(error.to_string().contains("60 to 7200 seconds"), "{error}");
    let dear = Need { max_per_hour: Some(Money(1)), ..Need::cpu(600) };
    assert!(market.quote(&dear).await.unwrap_err().to_string().contains("24 DBC an hour"));

    // Unlisted while nobody leases it: no order succeeds, the quote says so.
    provider.unlist(&world.provider, MachineId(MACHINE)).await?;
    let error = market.quote(&Need::cpu(600)).await.unwrap_err();
    assert!(error.to_string().contains("none that is listed"), "{error}");
    let this = Need { machine: Some(MachineId(MACHINE)), ..Need::cpu(600) };
    let error = market.quote(&this).await.unwrap_err();
    assert!(error.to_string().contains("is verified"), "{error}");
    let error = market.quote_by(&this, Some(7)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert!(error.to_string().contains("platform: there is none of number 7"), "{error}");
    let error = market.find_machine("deadbeef").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MachineUnavailable);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_away_or_another_is_told_apart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = Market::connect(MarketConfig::new("ws://127.0.0.1:9", folder.path())).await;
    assert_eq!(error.err().expect("nobody there").code(), ErrorCode::ChainUnreachable);
    let world = World::new().await?;
    let mut config = world.config("renter");
    config.genesis = Some(Genesis([1; 32]));
    let error = Market::connect(config).await.err().expect("another network");
    assert_eq!(error.code(), ErrorCode::WrongNetwork);
    let network = world.market("renter").await?.network().await?;
    assert_eq!(network.slot_ms, 3000);
    assert!(network.best.number >= network.finalized.number);
    Ok(())
}
