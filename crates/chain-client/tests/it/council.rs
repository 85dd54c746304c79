//! A motion of the council, from the move to what it does.

use anyhow::{Context as _, Result};
use dbc_chain_client::{At, Body, Signer};
use dbc_testkit::DevNode;

use crate::connect;

/// C5: two of three give an auditor his seat; one alone does not.
#[tokio::test(flavor = "multi_thread")]
async fn c5_two_thirds_of_the_council_seat_an_auditor() -> Result<()> {
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let [alice, bob, dave] =
        ["//Alice", "//Bob", "//Dave"].map(|who| Signer::from_uri(who).unwrap());
    let view = client.at(At::Best).await?;
    assert!(view.seats(Body::Council).await?.contains(&alice.account()));
    // `Audits.seat`, by its place in the runtime.
    let call = [&[42, 0][..], &dave.account().0, &[1]].concat();
    let text = view.checked(&call)?.text;
    assert!(text.contains("Audits") && text.contains("seat"), "{text}");
    client.council_propose(&alice, &view, Body::Council, 2, &call).await?.finalized().await?;
    let motion = || async {
        let motions = client.at(At::Best).await?.motions(Body::Council).await?;
        motions.into_iter().next().context("a motion")
    };
    let first = motion().await?;
    assert_eq!((first.threshold, &first.proposal.call), (2, &call));
    client.council_vote(&alice, Body::Council, &first, true).await?.finalized().await?;
    let early = client.council_close(&alice, Body::Council, &first).await?.finalized().await;
    assert!(early.is_err_and(|error| error.is_refused_with("Council", "TooEarly")));
    client.council_vote(&bob, Body::Council, &first, true).await?.finalized().await?;
    assert_eq!(motion().await?.ayes.len(), 2);
    client.council_close(&bob, Body::Council, &first).await?.finalized().await?;
    let after = client.at(At::Best).await?;
    assert!(after.is_seated(dave.account()).await?);
    assert!(after.motions(Body::Council).await?.is_empty());
    Ok(())
}
