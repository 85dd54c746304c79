//! An image's tree out of Docker: a container that never starts, exported as one flat tar stream and
//! written by [`crate::tree`]. The container is removed again, also after a crash in between.

use std::{collections::HashMap, path::Path};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateContainerOptions, RemoveContainerOptions},
};
use futures::StreamExt;

use super::errors::{engine, is_status};
use crate::{
    Cause,
    backend::BackendError,
    ids::{LABEL_NETWORK, LABEL_ROLE, NetworkId},
    image::PulledImage,
    tree::{TreeError, extract},
};

pub(super) async fn unpack(
    docker: &Docker,
    network: &NetworkId,
    image: &PulledImage,
    into: &Path,
    bytes_max: u64,
) -> Result<(), BackendError> {
    let name = format!("dbc-{network}-unpack-{}", &image.id.hex()[..12]);
    remove(docker, &name).await?;
    let body = ContainerCreateBody {
        image: Some(image.id.to_string()),
        // Never run, but Docker wants a command also for an image that has none.
        entrypoint: Some(vec!["/never".into()]),
        labels: Some(HashMap::from([
            (LABEL_NETWORK.to_owned(), network.to_string()),
            (LABEL_ROLE.to_owned(), "unpack".to_owned()),
        ])),
        host_config: Some(HostConfig { network_mode: Some("none".into()), ..Default::default() }),
        ..Default::default()
    };
    let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
    docker
        .create_container(Some(options), body)
        .await
        .map_err(|error| engine("create a container to unpack", error))?;
    let stream = docker.export_container(&name).map(|chunk| chunk.map_err(Cause::from)).boxed();
    let written = extract(stream, into, bytes_max).await;
    remove(docker, &name).await?;
    match written {
        Ok(written) => {
            tracing::debug!(image = %image.id, entries = written.entries, bytes = written.bytes,
                left_out = written.left_out, "image unpacked");
            Ok(())
        }
        Err(TreeError::TooLarge { bytes_max }) => {
            Err(BackendError::ImageTooLarge { image: image.id.to_string(), limit_bytes: bytes_max })
        }
        Err(source) => {
            Err(BackendError::Unpack { image: image.id.to_string(), source: source.into() })
        }
    }
}

async fn remove(docker: &Docker, name: &str) -> Result<(), BackendError> {
    let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
    match docker.remove_container(name, Some(options)).await {
        Ok(()) => Ok(()),
        Err(error) if is_status(&error, 404) => Ok(()),
        Err(error) => Err(engine("remove a container", error)),
    }
}
