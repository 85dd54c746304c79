//! Images from a real registry, also when it or the image is not as it should be.

use std::{sync::Mutex, time::Duration};

use dbc_host::{
    Backend, BackendError, ImageRef, Pool, PoolError,
    backend::{PullLimits, PullProgress},
};

use crate::{
    image::{Image, forget},
    machine::{MIB, Machine, Unpack, chain},
    proxy::Proxy,
};

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| next()).collect()
}

#[tokio::test]
async fn an_image_is_pulled_with_progress_and_described() {
    let Some(machine) = Machine::new().await else { return };
    let mut image = Image::busybox();
    image.add("noise", 0o644, noise(3 << 20));
    let name = machine.publish(&image, "1").await;
    let seen: Mutex<Vec<PullProgress>> = Mutex::default();
    let note = |state| seen.lock().unwrap().push(state);
    let pulled = machine.backend.pull(&name, PullLimits::default(), &note).await.unwrap();
    let last = seen.lock().unwrap().last().copied().unwrap();
    assert!(last.total_bytes > 3 << 20 && last.done_bytes == last.total_bytes, "{last:?}");
    assert!(pulled.fetched);
    assert_eq!(pulled.platform, "linux/amd64");
    assert_eq!((pulled.config.user.as_str(), pulled.config.workdir.as_str()), ("1000", "/srv"));
    assert_eq!(pulled.config.command(), ["/bin/sh"]);
    assert!(pulled.config.env.contains(&"FROM_IMAGE=yes".to_owned()));
    assert!(pulled.config.ports.contains(&8080));
    let manifest = pulled.manifest.clone().unwrap();
    assert_ne!(manifest, pulled.id);
    // By digest it is the same image, and it was there.
    let pinned = ImageRef { tag: None, digest: Some(manifest), ..name.clone() };
    let again = machine.pull(&pinned).await.unwrap();
    assert_eq!(
        (again.id.clone(), again.manifest, again.fetched),
        (pulled.id.clone(), pulled.manifest.clone(), false)
    );
    forget(&machine.docker, &pinned.to_string()).await;
    machine.backend.forget_image(&pulled).await.unwrap();
    machine.backend.forget_image(&pulled).await.unwrap();
    assert!(machine.docker.inspect_image(pulled.id.as_str()).await.is_err());
    machine.finish().await;
}

#[tokio::test]
async fn an_image_that_was_there_before_stays() {
    let Some(machine) = Machine::new().await else { return };
    let name = machine.publish(&Image::busybox(), "mine").await;
    let options = bollard::query_parameters::CreateImageOptions {
        from_image: Some(name.to_string()),
        ..Default::default()
    };
    let pulled = machine.docker.create_image(Some(options), None, None);
    futures::TryStreamExt::try_collect::<Vec<_>>(pulled).await.unwrap();
    let pulled = machine.pull(&name).await.unwrap();
    assert!(!pulled.fetched);
    machine.backend.forget_image(&pulled).await.unwrap();
    assert!(machine.docker.inspect_image(&name.to_string()).await.is_ok());
    forget(&machine.docker, &name.to_string()).await;
    machine.finish().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_cannot_be_reached() {
    let Some(machine) = Machine::new().await else { return };
    let name = machine.publish(&Image::busybox(), "1").await;
    let wrong_tag = ImageRef { tag: Some("gone".into()), ..name.clone() };
    let refused = machine.pull(&wrong_tag).await.unwrap_err();
    assert!(matches!(refused, BackendError::ImageNotFound { .. }), "{}", chain(&refused));
    assert!(!refused.is_retryable());
    let wrong_name = ImageRef::parse(&format!("{}/no/such:1", machine.env.registry)).unwrap();
    let refused = machine.pull(&wrong_name).await.unwrap_err();
    assert!(matches!(refused, BackendError::ImageNotFound { .. }), "{}", chain(&refused));
    let wrong_digest =
        ImageRef { digest: Some(format!("sha256:{}", "0".repeat(64)).parse().unwrap()), ..name };
    let refused = machine.pull(&wrong_digest).await.unwrap_err();
    assert!(matches!(refused, BackendError::ImageNotFound { .. }), "{}", chain(&refused));
    let away = ImageRef::parse("127.0.0.1:9/it/busybox:1").unwrap();
    let refused = machine.pull(&away).await.unwrap_err();
    assert!(matches!(refused, BackendError::RegistryUnreachable { .. }), "{}", chain(&refused));
    assert!(refused.is_retryable());
    machine.finish().await;
}

#[tokio::test]
async fn another_architecture_is_refused_and_leaves_nothing() {
    let Some(machine) = Machine::new().await else { return };
    let mut arm = Image::busybox().for_arch("arm64");
    arm.add("arch", 0o644, machine.network.as_str());
    let name = machine.publish(&arm, "arm").await;
    let refused = machine.pull(&name).await.unwrap_err();
    let BackendError::ImagePlatform { found, .. } = &refused else { panic!("{}", chain(&refused)) };
    assert_eq!(found, "linux/arm64");
    assert!(!refused.is_retryable());
    assert!(machine.docker.inspect_image(&name.to_string()).await.is_err(), "it is gone again");
    machine.finish().await;
}

#[tokio::test]
async fn a_registry_that_dies_half_way_is_tried_again() {
    let Some(machine) = Machine::new().await else { return };
    let mut image = Image::busybox();
    image.add("noise", 0o644, noise(12 << 20));
    let name = machine.publish(&image, "big").await;
    for silent in [false, true] {
        let proxy = Proxy::start(&machine.env.registry, silent).await;
        let path = name.name.split_once('/').unwrap().1;
        let name = ImageRef::parse(&format!("{}/{path}:big", proxy.address)).unwrap();
        proxy.die_after(4 << 20);
        let limits = PullLimits {
            idle_max: Duration::from_secs(5),
            time_max: Duration::from_secs(12),
            ..Default::default()
        };
        let refused = machine.backend.pull(&name, limits, &|_| {}).await.unwrap_err();
        let retry = matches!(refused, BackendError::RegistryUnreachable { .. });
        assert!(retry && refused.is_retryable(), "{}", chain(&refused));
        proxy.recover();
        let pulled = machine.pull(&name).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        machine.backend.forget_image(&pulled).await.unwrap();
    }
    machine.finish().await;
}

#[tokio::test]
async fn too_large_images_are_refused_before_and_after() {
    let Some(machine) = Machine::new().await else { return };
    let mut image = Image::busybox();
    image.add("noise", 0o644, noise(8 << 20));
    let name = machine.publish(&image, "large").await;
    let limits = PullLimits { size_bytes_max: 4 * MIB, ..Default::default() };
    let refused = machine.backend.pull(&name, limits, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, BackendError::ImageTooLarge { .. }), "{}", chain(&refused));
    let pulled = machine.pull(&name).await.unwrap();
    let dir = machine.folder("small");
    std::fs::create_dir(&dir).unwrap();
    let refused = machine.backend.unpack(&pulled, &dir, 4 * MIB).await.unwrap_err();
    assert!(matches!(refused, BackendError::ImageTooLarge { .. }), "{}", chain(&refused));
    machine.backend.forget_image(&pulled).await.unwrap();
    machine.finish().await;
}

#[tokio::test]
async fn a_started_workload_needs_no_registry_and_no_image() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    assert!(machine.docker.inspect_image(image.id.as_str()).await.is_err(), "Docker forgot it");
    assert_eq!(machine.script(1, &image, "cat /srv/hello").await.code, 0);
    let options = None::<bollard::query_parameters::RemoveImageOptions>;
    let empty = format!("dbc-empty-{}:1", machine.network);
    machine.docker.remove_image(&empty, options, None).await.unwrap();
    assert_eq!(machine.script(1, &image, "cat /srv/hello").await.code, 0);
    // The tree is there, so nobody is asked to fill it.
    machine.pool.ensure_image(&image.id, &Unpack(&machine.backend, &image)).await.unwrap();
    let other: dbc_host::Digest = format!("sha256:{}", "1".repeat(64)).parse().unwrap();
    let refused = machine.pool.ensure_image(&other, &Unpack(&machine.backend, &image)).await;
    assert!(matches!(refused, Err(PoolError::Fill { .. })), "{refused:?}");
    machine.finish().await;
}
