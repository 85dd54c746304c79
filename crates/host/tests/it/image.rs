//! Small images, made by hand: a busybox and what a test adds to it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use bollard::{
    Docker,
    query_parameters::{ImportImageOptions, PushImageOptions, TagImageOptions},
};
use futures::TryStreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An image to be.
pub struct Image {
    files: BTreeMap<String, (u32, Vec<u8>)>,
    arch: &'static str,
    config: Value,
}

const APPLETS: [&str; 24] = [
    "sh", "cat", "dd", "echo", "grep", "head", "hostname", "httpd", "id", "ip", "ls", "mkdir",
    "mknod", "mount", "nc", "nslookup", "ping", "rm", "sleep", "stat", "sync", "timeout", "touch",
    "wget",
];

impl Image {
    /// Busybox, and a few words of configuration to find again.
    pub fn busybox() -> Self {
        let mut image = Self {
            files: BTreeMap::new(),
            arch: "amd64",
            config: json!({
                "Env": ["PATH=/bin", "FROM_IMAGE=yes"],
                "Cmd": ["/bin/sh"],
                "WorkingDir": "/srv",
                "User": "1000",
                "ExposedPorts": { "8080/tcp": {} },
                "Volumes": { "/data": {} },
            }),
        };
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(fs::read);
        let busybox =
            busybox.into_iter().find_map(Result::ok).expect("busybox-static is installed");
        image.add("bin/busybox", 0o755, busybox);
        let passwd = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
        image.add("etc/passwd", 0o644, passwd);
        image.add("srv/hello", 0o644, "hello from the image\n");
        // Each is another image to Docker, which tells images by their content.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        image.add("etc/unique", 0o644, format!("{unique:?}"));
        image
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, mode: u32, data: impl Into<Vec<u8>>) -> &mut Self {
        self.files.insert(name.to_owned(), (mode, data.into()));
        self
    }

    /// Adds a program of this machine with the libraries that it needs.
    pub fn add_program(&mut self, path: &str) -> &mut Self {
        let listed = Command::new("ldd").arg(path).output().expect("ldd runs").stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
        for file in libraries.chain([path]) {
            let real: PathBuf = fs::canonicalize(file).unwrap();
            let mode = fs::metadata(&real).unwrap().permissions().mode() & 0o777;
            self.add(file.trim_start_matches('/'), mode, fs::read(&real).unwrap());
        }
        self
    }

    /// Says that it is for another processor.
    pub fn for_arch(mut self, arch: &'static str) -> Self {
        self.arch = arch;
        self
    }

    fn layer(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut folders = std::collections::BTreeSet::new();
        for name in self.files.keys() {
            folders.extend(Path::new(name).ancestors().skip(1).map(Path::to_owned));
        }
        folders.extend(["tmp", "data"].map(PathBuf::from));
        for folder in folders.iter().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(if folder == Path::new("tmp") { 0o1777 } else { 0o755 });
            header.set_size(0);
            tar.append_data(&mut header, folder, &[][..]).unwrap();
        }
        for (name, (mode, data)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            header.set_size(data.len() as u64);
            tar.append_data(&mut header, name, data.as_slice()).unwrap();
        }
        for applet in APPLETS {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            tar.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// Loads it into Docker under this name.
    pub async fn load(&self, docker: &Docker, name: &str) {
        let layer = self.layer();
        let config = json!({
            "architecture": self.arch,
            "os": "linux",
            "config": self.config,
            "rootfs": {
                "type": "layers",
                "diff_ids": [format!("sha256:{}", hex::encode(Sha256::digest(&layer)))],
            },
        })
        .to_string();
        let manifest =
            json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }])
                .to_string();
        let mut tar = tar::Builder::new(Vec::new());
        for (file, data) in [
            ("config.json", config.as_bytes()),
            ("layer.tar", layer.as_slice()),
            ("manifest.json", manifest.as_bytes()),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(data.len() as u64);
            tar.append_data(&mut header, file, data).unwrap();
        }
        let body = bollard::body_full(tar.into_inner().unwrap().into());
        let loaded = docker.import_image(ImportImageOptions::default(), body, None);
        loaded.try_collect::<Vec<_>>().await.expect("the image loads");
    }

    /// Puts it into the registry as `<registry>/<name>:<tag>` and out of Docker again.
    pub async fn publish(&self, docker: &Docker, registry: &str, name: &str, tag: &str) -> String {
        let repo = format!("{registry}/{name}");
        let full = format!("{repo}:{tag}");
        let local = format!("dbc-it-local/{name}:{tag}");
        self.load(docker, &local).await;
        let tagged = TagImageOptions { repo: Some(repo.clone()), tag: Some(tag.to_owned()) };
        docker.tag_image(&local, Some(tagged)).await.unwrap();
        let options = PushImageOptions { tag: Some(tag.to_owned()), ..Default::default() };
        let credentials = Some(bollard::auth::DockerCredentials::default());
        let pushed = docker.push_image(&repo, Some(options), credentials);
        pushed.try_collect::<Vec<_>>().await.expect("the image is pushed");
        forget(docker, &full).await;
        forget(docker, &local).await;
        full
    }
}

/// Takes a name out of Docker.
pub async fn forget(docker: &Docker, name: &str) {
    let options = None::<bollard::query_parameters::RemoveImageOptions>;
    let _ = docker.remove_image(name, options, None).await;
}
