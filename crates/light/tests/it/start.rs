//! Where a light client begins: what it keeps, what it refuses, whom it asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use dbc_chain_client::{ChainClient, ChainConfig, Head};
use dbc_light::{LightClient, LightConfig, LightError, OLD, Standing};
use dbc_testkit::{DevNode, wait_for};
use tokio::time::timeout;

use crate::{reached, settings};

/// On a machine that is busy building.
const PATIENCE: Duration = Duration::from_secs(180);

/// Until a network has two epochs behind it.
const LONG: Duration = Duration::from_secs(4_800);
/// Slots of an epoch on every network.
const EPOCH_SLOTS: u64 = 400;
/// Bytes of a light spec without the genesis, at most.
const SMALL: u64 = 64 << 10;

/// What the clock shows when so much time has passed.
fn in_future(time: Duration) -> u64 {
    (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Height of the finalized head that is kept.
fn kept_number(settings: &LightConfig) -> Result<u64> {
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&settings.kept)?)?;
    let header = kept["chain"]["finalized_block_header"].as_str().context("no head is kept")?;
    let head = Head::of_encoded(&hex::decode(header)?, 3_000).context("the head is damaged")?;
    Ok(head.number)
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_33_the_last_finalized_head_is_kept_and_a_damaged_one_is_none() -> Result<()> {
    let node = DevNode::start().await?;
    let folder = tempfile::tempdir()?;
    let settings = settings(&node, folder.path()).await?;
    let light = LightClient::start(settings.clone()).await?;
    assert_eq!(light.standing(), Standing::Fresh);
    let begun = light.began();
    let client = ChainClient::connect(ChainConfig::carried(light.clone())).await?;
    reached(&client, begun.number + 3).await?;
    light.save().await?;
    drop((client, light));

    let kept = kept_number(&settings)?;
    assert!(kept >= begun.number + 3, "{kept}");
    // The network is in its first epoch: the spec stands for the genesis, and what was kept for its peers alone.
    let light = LightClient::start(settings.clone()).await?;
    assert_eq!(light.began(), begun);
    let client = ChainClient::connect(ChainConfig::carried(light.clone())).await?;
    reached(&client, kept).await?;
    drop((client, light));
    // Damaged, it is as if nothing had been kept.
    std::fs::write(&settings.kept, "{")?;
    assert_eq!(LightClient::start(settings).await?.began(), begun);
    Ok(())
}

/// Three quarters of an hour: smoldot takes no checkpoint of a network's first two epochs.
#[tokio::test(flavor = "multi_thread")]
async fn rule_33_a_restart_goes_on_from_what_was_kept_and_not_from_the_checkpoint() -> Result<()> {
    if std::env::var_os("DBC_TEST_LONG").is_none() {
        return Ok(());
    }
    let node = DevNode::start().await?;
    let client = ChainClient::connect(ChainConfig::new(node.url())).await?;
    let mut heads = client.finalized();
    timeout(LONG, heads.wait_for(|head| head.number > 2 * EPOCH_SLOTS)).await??;
    let folder = tempfile::tempdir()?;
    goes_on(settings(&node, folder.path()).await?).await
}

/// Starts a light client twice with a spec whose checkpoint can be used.
async fn goes_on(settings: LightConfig) -> Result<()> {
    assert!(std::fs::metadata(&settings.spec)?.len() < SMALL, "the genesis is whole");
    let light = LightClient::start(settings.clone()).await?;
    let begun = light.began();
    let clock = std::time::Instant::now();
    let client = ChainClient::connect(ChainConfig::carried(light.clone())).await?;
    let first = client.finalized().borrow().number;
    println!("light client: from block {} to {first} in {:?}", begun.number, clock.elapsed());
    assert!(first >= begun.number);
    reached(&client, begun.number + 3).await?;
    light.save().await?;
    drop((client, light));

    let light = LightClient::start(settings.clone()).await?;
    assert_eq!(light.began().number, kept_number(&settings)?);
    assert!(light.began().number >= begun.number + 3, "{:?}", light.began());
    let client = ChainClient::connect(ChainConfig::carried(light.clone())).await?;
    reached(&client, light.began().number + 1).await?;
    drop((client, light));
    std::fs::remove_file(&settings.kept)?;
    assert_eq!(LightClient::start(settings).await?.began(), begun);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_33_an_old_start_is_refused_unless_two_witnesses_agree() -> Result<()> {
    // The same genesis twice, made on by two nodes that do not know each other: a fork of the whole past.
    let forged = DevNode::start().await?;
    let node = DevNode::start().await?;
    let folder = tempfile::tempdir()?;
    let settings = settings(&node, folder.path()).await?;
    let later = in_future(OLD);
    let Err(error) = LightClient::start_at(settings.clone(), later).await else {
        panic!("an old start was believed")
    };
    assert!(matches!(error, LightError::TooOld { days: 7, .. }), "{error}");

    let twice = vec![node.url(), node.url()];
    let once = LightConfig { witnesses: twice, ..settings.clone() };
    let error = LightClient::start_at(once, later).await.err().context("one witness is no two")?;
    assert!(matches!(error, LightError::TooOld { .. }), "{error}");

    // One node under two names stands for two here.
    let other_name = node.url().replace("127.0.0.1", "localhost");
    let honest = vec![node.url(), other_name.clone()];
    let config = LightConfig { witnesses: honest, ..settings.clone() };
    let light = LightClient::start_at(config, later).await?;
    assert_eq!(light.standing(), Standing::Old { days: 7 });
    light.save().await?;
    assert!(!settings.kept.exists(), "what is not believed is not kept");
    let confirmed = || async { Ok(light.confirm().await.map(Some)?) };
    wait_for("two witnesses to agree", PATIENCE, confirmed).await?;
    assert!(settings.kept.exists(), "what is believed is kept");
    drop(light);
    std::fs::remove_file(&settings.kept)?;

    let config = LightConfig { witnesses: vec![node.url(), forged.url()], ..settings };
    let light = LightClient::start_at(config, later).await?;
    let disputed = || async {
        match light.confirm().await {
            Ok(()) => anyhow::bail!("a dispute was overlooked"),
            Err(LightError::Disputed { url, .. }) => Ok(Some(url)),
            Err(_) => Ok(None),
        }
    };
    assert_eq!(wait_for("a dispute", PATIENCE, disputed).await?, forged.url());
    Ok(())
}

#[tokio::test]
async fn a_spec_without_a_block_to_begin_at_is_refused_and_said_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let spec = folder.path().join("light-spec.json");
    let config =
        |spec| LightConfig { spec, kept: folder.path().join("light.json"), witnesses: Vec::new() };
    let error = LightClient::start(config(spec.clone())).await.err().context("no file")?;
    assert!(matches!(error, LightError::File { .. }), "{error}");
    for text in ["", "{}", r#"{"lightSyncState":{"finalizedBlockHeader":"0x00"}}"#] {
        std::fs::write(&spec, text)?;
        let error = LightClient::start(config(spec.clone())).await.err().context("no spec")?;
        assert!(matches!(error, LightError::Spec { .. }), "{text}: {error}");
    }
    Ok(())
}
