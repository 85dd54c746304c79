//! Puts an image made from a file tree into a registry: imported into the engine, tagged, pushed,
//! and taken out of the engine again.

use std::path::Path;

use bollard::query_parameters::{CreateImageOptions, PushImageOptions, RemoveImageOptions};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncReadExt as _;

use super::Engine;
use crate::Cause;

const CHUNK_BYTES: usize = 1 << 20;

/// Why an image was not published.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} image {image}")]
pub struct PublishError {
    /// What was tried.
    pub what: &'static str,
    /// The image.
    pub image: String,
    #[source]
    source: Cause,
}

impl Engine {
    /// Imports the tar file `tree` as the file system of `repo:tag`, with `changes` in the words of a
    /// Dockerfile (`CMD`, `ENV`, …), and pushes it to the registry that `repo` names.
    ///
    /// # Errors
    /// When the file cannot be read, or engine or registry refuse.
    pub async fn publish(
        &self,
        tree: &Path,
        repo: &str,
        tag: &str,
        changes: &[&str],
    ) -> Result<(), PublishError> {
        let image = format!("{repo}:{tag}");
        let failed = |what, source: Cause| PublishError { what, image: image.clone(), source };
        let file =
            tokio::fs::File::open(tree).await.map_err(|e| failed("read the tree of", e.into()))?;
        let body = futures::stream::try_unfold(file, |mut file| async move {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk).await?;
            chunk.truncate(length);
            Ok::<_, std::io::Error>((length > 0).then(|| (bytes::Bytes::from(chunk), file)))
        });
        let options = CreateImageOptions {
            from_src: Some("-".into()),
            repo: Some(repo.into()),
            tag: Some(tag.into()),
            changes: changes.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let docker = self.docker();
        let made = docker.create_image(Some(options), Some(bollard::body_try_stream(body)), None);
        made.try_collect::<Vec<_>>().await.map_err(|e| failed("import", e.into()))?;
        let options = PushImageOptions { tag: Some(tag.into()), ..Default::default() };
        let credentials = Some(bollard::auth::DockerCredentials::default());
        let mut pushed = docker.push_image(repo, Some(options), credentials).boxed();
        while let Some(message) = pushed.next().await {
            message.map_err(|e| failed("push", e.into()))?;
        }
        drop(pushed);
        // The registry has it; a copy in the engine would only fill its disk.
        let _ = docker.remove_image(&image, None::<RemoveImageOptions>, None).await;
        Ok(())
    }
}
