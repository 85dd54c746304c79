//! Renting with an agent at the other end, grants, and a chain that goes away.

use anyhow::Result;
use dbc_sdk::{
    ErrorCode, GrantOrder, Market, Need, Phase, RentOrder, RentStep, Verb, WorkloadSpec,
};

use crate::world::World;

fn spec() -> WorkloadSpec {
    WorkloadSpec::container("localhost:5000/dbc/base:12")
}

async fn rented(world: &World, market: &Market) -> Result<(u64, Vec<RentStep>)> {
    let quote = market.quote(&Need::cpu(3600)).await?;
    let mut steps = Vec::new();
    let order = RentOrder::new(quote, spec());
    let lease = market.rent(&world.renter, order, |step| steps.push(step)).await?;
    Ok((lease.id, steps))
}

fn order(friend: &Market, verbs: &[Verb]) -> Result<GrantOrder> {
    Ok(GrantOrder {
        holder: friend.holder()?,
        verbs: verbs.iter().copied().collect(),
        for_s: 3600,
        pinned: false,
        label: "friend".into(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_rent_goes_from_order_to_running_and_the_money_adds_up() -> Result<()> {
    let world = World::new().await?;
    let market = world.market("renter").await?;
    let (lease, steps) = rented(&world, &market).await?;
    let words: Vec<_> = steps
        .iter()
        .map(|step| serde_json::to_value(step).unwrap()["step"].as_str().unwrap().to_owned())
        .collect();
    let wanted = [
        "prepared",
        "submitted",
        "in_block",
        "spec_accepted",
        "final",
        "workload",
        "workload",
        "workload",
        "started",
    ];
    assert_eq!(words, wanted);

    let agent = market.agent(lease).await?;
    assert_eq!(agent.status().await?.phase, Phase::Running);
    let mut logs = agent.logs(10, false).await?;
    let mut text = String::new();
    while let Some((_, piece)) = logs.next().await? {
        text.push_str(&piece);
    }
    assert_eq!(text, "one\ntwo\n");

    // rule 20: a new key on the lease ends every grant; this device goes on with the new one.
    market.set_access(&world.renter, lease).await?;
    assert_eq!(market.agent(lease).await?.status().await?.phase, Phase::Running);
    // An epoch raised by somebody else is noticed and a new grant is made.
    market.revoke_all(&world.renter, lease).await?;
    assert_eq!(agent.status().await.unwrap_err().code(), ErrorCode::GrantInvalid);
    assert_eq!(market.agent(lease).await?.status().await?.phase, Phase::Running);

    let closing = market.end(&world.renter, lease).await?;
    assert_eq!(closing.deposited.0, closing.paid.0 + closing.fees.0 + closing.refund.0);
    assert!(closing.paid.0 > 0 && closing.fees.0 > 0 && closing.refund.0 > 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_20_a_grant_serves_its_holder_alone_and_until_revoked() -> Result<()> {
    let world = World::new().await?;
    let owner = world.market("renter").await?;
    let (friend, thief) = (world.market("friend").await?, world.market("thief").await?);
    let (lease, _) = rented(&world, &owner).await?;
    let error = friend.agent(lease).await.err().expect("no access yet");
    assert_eq!(error.code(), ErrorCode::GrantInvalid);

    let grant = owner.grant_create(lease, &order(&friend, &[Verb::View, Verb::Logs])?).await?;
    friend.grant_import(&grant.token).await?;
    let agent = friend.agent(lease).await?;
    assert_eq!(agent.status().await?.phase, Phase::Running);
    assert_eq!(agent.put(&spec()).await.unwrap_err().code(), ErrorCode::GrantVerb);

    let error = thief.grant_import(&grant.token).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::GrantNotHolder);
    let error = thief.agent_with_grant(&grant.token).await?.status().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::GrantNotHolder);

    // Handed on, narrower; never wider.
    let error = friend.grant_delegate(&grant.token, &order(&thief, &[Verb::Manage])?).await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::GrantInvalid);
    let narrower = friend.grant_delegate(&grant.token, &order(&thief, &[Verb::View])?).await?;
    thief.grant_import(&narrower.token).await?;
    assert_eq!(thief.agent(lease).await?.status().await?.phase, Phase::Running);

    owner.grant_revoke(lease, &grant.id).await?;
    assert!(owner.grant_list(Some(lease))?[0].revoked);
    for holder in [&friend, &thief] {
        let error = holder.agent(lease).await?.status().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::GrantRevoked);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_reached_while_the_chain_is_away() -> Result<()> {
    let mut world = World::new().await?;
    let market = world.market("renter").await?;
    let (lease, _) = rented(&world, &market).await?;
    drop(market);
    world.node.kill();
    let market = Market::open(world.config("renter"))?;
    assert_eq!(market.agent(lease).await?.status().await?.phase, Phase::Running);
    let error = market.lease(lease).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainUnreachable);

    world.agent.listener.close().await;
    let mut config = world.config("renter");
    config.machine_timeout = std::time::Duration::from_secs(2);
    let error = Market::open(config)?.agent(lease).await?.status().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MachineUnreachable, "{error}");
    Ok(())
}
