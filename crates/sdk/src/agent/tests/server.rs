//! A small SSH server for the tests beside it: commands answer in fixed words, files are those of one
//! folder.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::{
    Channel, ChannelId, Sig,
    keys::{PrivateKey, PublicKey, ssh_key::private::Ed25519Keypair},
    server::{self, Auth, ChannelOpenHandle, Msg, Session},
};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version,
};

use crate::agent::ByteStream;

/// What the server is like.
#[derive(Clone)]
pub(super) struct Fake {
    root: PathBuf,
    /// A name that every folder claims to hold.
    pub(super) extra_name: Option<String>,
    /// A name that every folder claims to be a link.
    pub(super) link_name: Option<String>,
}

fn secret(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub(super) fn key(seed: u8) -> PublicKey {
    secret(seed).public_key().clone()
}

impl Fake {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), extra_name: None, link_name: None }
    }

    /// Serves one connection; returns the client's end and the host key.
    pub(super) fn serve(self) -> (ByteStream, PublicKey) {
        let (near, far) = tokio::io::duplex(256 * 1024);
        let config = server::Config { keys: vec![secret(1)], ..Default::default() };
        let handler = Connection {
            fake: self,
            channels: HashMap::new(),
            env: HashMap::new(),
            pty: "no".into(),
            what: String::new(),
        };
        tokio::spawn(async move {
            if let Ok(running) = server::run_stream(Arc::new(config), far, handler).await {
                drop(running.await);
            }
        });
        (ByteStream::new(near), key(1))
    }
}

struct Connection {
    fake: Fake,
    channels: HashMap<ChannelId, Channel<Msg>>,
    env: HashMap<String, String>,
    pty: String,
    what: String,
}

impl Connection {
    fn begin(
        &mut self,
        channel: ChannelId,
        what: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)?;
        self.what = what.to_owned();
        session.data(channel, format!("{what}|pty {}|", self.pty).into_bytes())?;
        session.extended_data(channel, 1, b"on stderr".to_vec())
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.pty = format!("{term} {cols}x{rows}");
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(name) = self.env.get("DBC_ATTACH") else {
            return self.begin(channel, "shell", session);
        };
        session.channel_success(channel)?;
        self.what = "attached".into();
        let (name, offset) =
            (if name.len() == 32 { "a named one" } else { "?" }, &self.env["DBC_OFFSET"]);
        session.data(channel, format!("attached to {name} at {offset}|again|").into_bytes())
    }

    async fn env_request(
        &mut self,
        _channel: ChannelId,
        name: &str,
        value: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.env.insert(name.into(), value.into());
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command);
        match &*command {
            "refuse" => {
                let words = b"dbc: the grant does not allow `shell`\r\n".to_vec();
                session.extended_data(channel, 1, words)?;
                session.channel_failure(channel)
            }
            "break" => {
                self.begin(channel, "exec break", session)?;
                let handle = session.handle();
                // After the output is on its way, the whole connection goes, without a word on the
                // channel.
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    let (reason, none) = (russh::Disconnect::ByApplication, String::new());
                    drop(handle.disconnect(reason, none.clone(), none).await);
                });
                Ok(())
            }
            _ => self.begin(channel, &format!("exec {command}"), session),
        }
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.what.is_empty() { Ok(()) } else { session.data(channel, data.to_vec()) }
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.what.as_str() {
            "" => return Ok(()),
            "exec vanish" => {}
            "exec die" => {
                session.exit_signal_request(channel, Sig::KILL, false, "", "en")?;
            }
            _ => session.exit_status_request(channel, 7)?,
        }
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        if let Some(channel) = self.channels.remove(&id) {
            let files = Files { fake: self.fake.clone(), open: HashMap::new(), next: 0 };
            russh_sftp::server::run(channel.into_stream(), files).await;
        }
        Ok(())
    }
}

enum Open {
    File(fs::File),
    Folder(PathBuf, bool),
}

struct Files {
    fake: Fake,
    open: HashMap<String, Open>,
    next: u64,
}

impl Files {
    fn path(&self, path: &str) -> PathBuf {
        self.fake.root.join(path.trim_start_matches('/'))
    }

    fn keep(&mut self, id: u32, open: Open) -> Handle {
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    fn file(&self, handle: &str) -> Result<&fs::File, StatusCode> {
        match self.open.get(handle) {
            Some(Open::File(file)) => Ok(file),
            _ => Err(StatusCode::Failure),
        }
    }
}

fn ok(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: String::new(),
        language_tag: String::new(),
    }
}

fn code(error: std::io::Error) -> StatusCode {
    match error.kind() {
        std::io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        _ => StatusCode::Failure,
    }
}

fn attributes(path: &Path) -> Result<FileAttributes, StatusCode> {
    fs::metadata(path).map(|meta| (&meta).into()).map_err(code)
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn init(
        &mut self,
        _version: u32,
        _extensions: HashMap<String, String>,
    ) -> Result<Version, Self::Error> {
        Ok(Version::new())
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, Self::Error> {
        Ok(Name { id, files: vec![File::dummy(path)] })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, Self::Error> {
        Ok(Attrs { id, attrs: attributes(&self.path(&path))? })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, Self::Error> {
        let path = self.path(&path);
        Ok(self.keep(id, Open::Folder(path, false)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, Self::Error> {
        let Some(Open::Folder(path, done @ false)) = self.open.get_mut(&handle) else {
            return Err(StatusCode::Eof);
        };
        *done = true;
        let mut files = vec![File::dummy("."), File::dummy("..")];
        for entry in fs::read_dir(path).map_err(code)? {
            let entry = entry.map_err(code)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push(File::new(name, attributes(&entry.path())?));
        }
        files.extend(self.fake.extra_name.as_ref().map(|name| {
            let attrs = FileAttributes { permissions: Some(0o100_644), ..FileAttributes::empty() };
            File::new(name, attrs)
        }));
        files.extend(self.fake.link_name.as_ref().map(|name| {
            let attrs = FileAttributes { permissions: Some(0o120_777), ..FileAttributes::empty() };
            File::new(name, attrs)
        }));
        Ok(Name { id, files })
    }

    async fn mkdir(
        &mut self,
        id: u32,
        path: String,
        _attrs: FileAttributes,
    ) -> Result<Status, Self::Error> {
        fs::create_dir(self.path(&path)).map_err(code)?;
        Ok(ok(id))
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        _attrs: FileAttributes,
    ) -> Result<Handle, Self::Error> {
        let write = flags.contains(OpenFlags::WRITE);
        let file = fs::OpenOptions::new()
            .read(!write)
            .write(write)
            .create(write)
            .truncate(write)
            .open(self.path(&path))
            .map_err(code)?;
        Ok(self.keep(id, Open::File(file)))
    }

    async fn read(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        len: u32,
    ) -> Result<Data, Self::Error> {
        // Answers short now and then, as servers may.
        let mut data = vec![0; len.min(20_000) as usize];
        let read = self.file(&handle)?.read_at(&mut data, offset).map_err(code)?;
        if read == 0 {
            return Err(StatusCode::Eof);
        }
        data.truncate(read);
        Ok(Data { id, data })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<Status, Self::Error> {
        self.file(&handle)?.write_all_at(&data, offset).map_err(code)?;
        Ok(ok(id))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, Self::Error> {
        self.open.remove(&handle);
        Ok(ok(id))
    }
}
