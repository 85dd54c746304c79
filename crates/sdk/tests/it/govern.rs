//! Decisions and stake on a real chain, by the facade alone.

use std::time::Duration;

use anyhow::{Context as _, Result};
use dbc_sdk::{
    ErrorCode, Market, MarketConfig, Money, NumberView, ReferendumState, RoleView, Signer,
};
use dbc_testkit::{DevNode, wait_for};
use tempfile::TempDir;

struct Place {
    node: DevNode,
    _home: TempDir,
    market: Market,
}

async fn place() -> Result<Place> {
    let node = DevNode::start().await?;
    let home = tempfile::tempdir()?;
    let market = Market::connect(MarketConfig::new(node.url(), home.path())).await?;
    Ok(Place { node, _home: home, market })
}

/// C5, rule 26: every number that referenda set is changed by one, from the question to the change; beyond its
/// limits nothing is even asked.
#[tokio::test(flavor = "multi_thread")]
async fn c5_every_number_is_changed_by_referendum() -> Result<()> {
    let Place { market, .. } = &place().await?;
    let (alice, bob) = (Signer::from_uri("//Alice")?, Signer::from_uri("//Bob")?);
    let far = [("leases.protocol_fee".to_owned(), "40%".to_owned())];
    let error = market.draft_numbers(&far).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert!(error.to_string().contains("between 2.5% and 10%"), "{error}");
    assert!(market.draft_call("parameters", vec![0xff; 8]).await.is_err(), "bytes of no call");

    let before = market.numbers().await?;
    assert!(before.len() >= 16, "{} numbers", before.len());
    // Up where there is room, else down.
    let wanted = |number: &NumberView| match number.next_most == number.value {
        true => number.next_least,
        false => number.next_most,
    };
    let sets: Vec<_> =
        before.iter().map(|number| (number.name.clone(), wanted(number).to_string())).collect();
    let draft = market.draft_numbers(&sets).await?;
    assert!(draft.bytes.len() > 128, "too long for the referendum itself: it is noted beside it");
    let id = market.propose(&alice, &draft).await?;
    let open = market.referendum(id).await?.open.context("it is open")?;
    let call = open.call.context("its call is read back from where it is noted")?;
    assert!(call.contains("batch_all") && call.contains("StakePerGpu"), "{call}");
    assert_eq!(open.sets.len(), before.len());
    let held = market.balance(alice.account()).await?.held;
    assert!(held.iter().any(|held| held.reason.contains("Preimage")), "{held:?}");
    assert_eq!(open.missing.deposit, Some(draft.track.deposit));
    let same = market.propose(&bob, &draft).await?;
    let early = market.refund_deposit(&bob, same).await.unwrap_err();
    assert!(early.to_string().contains("is not over"), "asked again by another: {early}");
    market.place_deposit(&bob, id).await?;
    market.vote(&alice, id, true, Money::dbc(900_000_000), 1).await?;
    market.vote(&bob, id, false, Money::dbc(1), 0).await?;
    let votes = market.votes(bob.account()).await?;
    assert_eq!(votes.tracks[0].votes[0].aye, Some(false));

    wait_for("all of it to be done", Duration::from_secs(400), || async {
        let after = market.numbers().await?;
        for (was, is) in before.iter().zip(&after) {
            anyhow::ensure!(is.value == wanted(was), "{} is {}", is.name, is.value);
            anyhow::ensure!(is.default == was.default, "the default of {} stays", is.name);
        }
        Ok(Some(()))
    })
    .await?;
    assert_eq!(market.referendum(id).await?.state, ReferendumState::Approved);
    wait_for(
        "the same question, without a deposit, to be over",
        Duration::from_secs(400),
        || async { Ok(market.referendum(same).await?.open.is_none().then_some(())) },
    )
    .await?;
    market.refund_deposit(&alice, id).await?;
    let held = market.balance(alice.account()).await?.held;
    let asked = |reason: &str| reason.contains("Preimage") || reason.contains("Referenda");
    assert!(!held.iter().any(|held| asked(&held.reason)), "all of it returned: {held:?}");
    let again = market.refund_deposit(&bob, id).await.unwrap_err();
    assert!(again.to_string().contains("no deposit"), "{again}");
    market.unlock_votes(&bob).await?.context("a vote to remove")?;
    assert!(
        market.votes(bob.account()).await?.tracks.is_empty(),
        "a tenth of a vote locks nothing"
    );
    Ok(())
}

/// What sets one number is told in the words in which it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_read_back_as_it_was_asked() -> Result<()> {
    let Place { market, .. } = &place().await?;
    let alice = Signer::from_uri("//Alice")?;
    let draft = market.draft_numbers(&[("ProtocolFee".to_owned(), "7%".to_owned())]).await?;
    assert!(draft.bytes.len() <= 128);
    let id = market.propose(&alice, &draft).await?;
    let open = market.referendum(id).await?.open.context("it is open")?;
    let [one] = &open.sets[..] else { panic!("it sets one: {:?}", open.sets) };
    assert_eq!((one.name.as_str(), one.value.to_string()), ("leases.protocol_fee", "7%".into()));
    Ok(())
}

/// G2, D74: bonded, standing behind somebody, leaving, staying; alone and in a pool.
#[tokio::test(flavor = "multi_thread")]
async fn g2_stake_is_bonded_moved_and_freed_by_its_owner() -> Result<()> {
    let Place { market, .. } = &place().await?;
    let [alice, dave, eve, ferdie] =
        ["//Alice", "//Dave", "//Eve", "//Ferdie"].map(|name| Signer::from_uri(name).unwrap());
    assert_eq!(market.stake(eve.account()).await?.role, RoleView::None);
    assert!(market.nominate(&eve, &[alice.account()]).await.is_err(), "without a bond");
    market.bond(&eve, Money::dbc(5_000)).await?;
    let stranger = market.nominate(&eve, &[ferdie.account()]).await.unwrap_err();
    assert!(stranger.to_string().contains("does not validate"), "{stranger}");
    market.nominate(&eve, &[alice.account()]).await?;
    assert!(market.unbond(&eve, Money::dbc(5_001)).await.is_err());
    market.unbond(&eve, Money::dbc(1_000)).await?;
    market.rebond(&eve, Money::dbc(400)).await?;
    let stake = market.stake(eve.account()).await?;
    assert_eq!((stake.bonded, stake.active), (Money::dbc(5_000), Money::dbc(4_400)));
    assert_eq!(stake.leaving.len(), 1);
    assert_eq!((stake.leaving[0].amount, stake.leaving[0].era), (Money::dbc(600), 14));
    assert_eq!(stake.role, RoleView::Nominates { validators: vec![alice.account()] });
    let early = market.withdraw_bond(&eve).await.unwrap_err();
    assert!(early.to_string().contains("before era 14"), "{early}");

    let pool = market.create_pool(&dave, Money::dbc(1_000), "miners").await?;
    market.pool_nominate(&dave, pool, &[alice.account()]).await?;
    market.join_pool(&ferdie, pool, Money::dbc(200)).await?;
    market.pool_unbond(&ferdie, Money::dbc(50)).await?;
    let member = market.pool_member(ferdie.account()).await?.context("a member")?;
    assert_eq!((member.pool, member.bonded, member.earned), (pool, Money::dbc(150), Money::ZERO));
    assert_eq!(member.leaving[0].amount, Money::dbc(50));
    let listed = market.pools().await?;
    assert_eq!((listed[0].name.as_str(), listed[0].members), ("miners", 2));
    assert_eq!(listed[0].bonded, Money::dbc(1_150));
    Ok(())
}

/// D61: keys are made in a node and are those of the account that they were made for.
#[tokio::test(flavor = "multi_thread")]
async fn d61_session_keys_are_their_owner_s_alone() -> Result<()> {
    let Place { market, node, .. } = &place().await?;
    let [eve, ferdie] = ["//Eve", "//Ferdie"].map(|name| Signer::from_uri(name).unwrap());
    market.bond(&eve, Money::dbc(20_000)).await?;
    let share = "5%".parse().map_err(anyhow::Error::msg)?;
    let early = market.validate(&eve, share).await.unwrap_err();
    assert!(early.to_string().contains("dbc validator keys"), "{early}");
    let (keys, proof) = market.make_keys(&node.url(), eve.account()).await?;
    let stolen = market.set_keys(&ferdie, &keys, &proof).await.unwrap_err();
    assert!(stolen.to_string().contains("InvalidProof"), "{stolen}");
    market.set_keys(&eve, &keys, &proof).await?;
    assert_eq!(market.session(eve.account()).await?.keys, Some(keys.clone()));
    assert!(market.node_has_keys(&node.url(), &keys).await?);
    assert!(!market.node_has_keys(&node.url(), &format!("0x{}", "07".repeat(96))).await?);
    market.validate(&eve, share).await?;
    assert_eq!(market.stake(eve.account()).await?.role, RoleView::Validates { commission: share });
    let all = market.validators().await?;
    assert!(all.iter().any(|found| found.account == eve.account() && !found.elected));
    market.chill(&eve).await?;
    market.purge_keys(&eve).await?;
    assert_eq!(market.session(eve.account()).await?.keys, None);
    Ok(())
}
