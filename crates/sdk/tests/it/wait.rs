//! How long an order waits for its workload: while the agent tries again what may heal, and no longer.

use anyhow::Result;
use dbc_agent_api::{ApiError, control::WorkloadStatus};
use dbc_sdk::{ErrorCode, LeaseView, MarketError, Need, Phase, RentOrder, RentStep, WorkloadSpec};

use crate::world::{World, status};

fn failed(code: ErrorCode, retry: bool) -> WorkloadStatus {
    let last_error = Some(ApiError::new(code, format!("no luck: {code}")));
    WorkloadStatus { last_error, retry, ..status(Phase::Failed) }
}

/// Rents while the agent shows this; gives how often a failure was told of, too.
async fn rent(
    world: &World,
    shows: Vec<WorkloadStatus>,
    wait_s: Option<u64>,
) -> Result<(usize, Result<LeaseView, MarketError>)> {
    *world.agent.shows.lock().unwrap() = Some(shows);
    let market = world.market("renter").await?;
    let quote = market.quote(&Need::cpu(3600)).await?;
    let spec = WorkloadSpec::container("localhost:5000/dbc/base:12");
    let order = RentOrder { wait_s, ..RentOrder::new(quote, spec) };
    let mut told = 0;
    let tell = |step| {
        let RentStep::Workload { status } = step else { return };
        told += usize::from(status.phase == Phase::Failed);
    };
    let rented = market.rent(&world.renter, order, tell).await;
    for lease in market.leases(world.renter.account(), false).await? {
        market.end(&world.renter, lease.id).await?;
    }
    Ok((told, rented))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_is_told_and_waited_for() -> Result<()> {
    let world = World::new().await?;
    let away = || failed(ErrorCode::RegistryUnreachable, true);
    let running = || status(Phase::Running);
    let shows = vec![status(Phase::Pulling), away(), status(Phase::Pulling), away(), running()];
    let (told, rented) = rent(&world, shows, None).await?;
    assert_eq!((told, rented.is_ok()), (2, true), "{rented:?}");

    // A renter who has had enough hears why it did not run.
    let (_, rented) = rent(&world, vec![away()], Some(1)).await?;
    let error = rented.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RegistryUnreachable);
    assert!(error.to_string().contains("after 1 s"), "{error}");

    // What waiting does not help is no reason to wait.
    for code in [ErrorCode::ImageNotFound, ErrorCode::ImagePlatform] {
        let (told, rented) =
            rent(&world, vec![away(), failed(code, false), running()], None).await?;
        assert_eq!((told, rented.unwrap_err().code()), (2, code));
    }

    // The lease ends meanwhile: the reason of the failure is the reason that counts.
    let closed = || status(Phase::Closed);
    let (_, rented) = rent(&world, vec![away(), closed()], None).await?;
    assert_eq!(rented.unwrap_err().code(), ErrorCode::RegistryUnreachable);
    Ok(())
}
