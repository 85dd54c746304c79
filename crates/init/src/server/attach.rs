//! One client's time with a session: frames from the socket become input, output becomes frames.
//! Ends with the connection; the session stays.

use std::{rc::Rc, time::Instant};

use bytes::BytesMut;
use tokio::{
    io::AsyncWriteExt,
    net::{UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    time::{Duration, sleep},
};

use super::{ring::Stream, session::Session, table::Table};
use crate::{
    frame::{self, FrameReader, HEAD_BYTES, Kind},
    protocol::DATA_BYTES_MAX,
};

/// How long we wait for a client to take note of the end.
const FAREWELL: Duration = Duration::from_secs(30);

/// Why an attachment ended.
enum End {
    /// The client needs the session no more.
    Closed,
    /// The client is gone, was replaced or broke the protocol: the session waits for another.
    Lost,
}

/// Serves a client until either side ends it.
pub async fn serve(stream: UnixStream, session: Rc<Session>, number: u64, table: &Table) {
    let (read, write) = stream.into_split();
    let end = tokio::select! {
        end = receive(FrameReader::new(read), &session) => end,
        end = send(write, &session, number) => end,
    };
    if matches!(end, End::Closed) {
        table.remove(session.id);
        return;
    }
    let mut state = session.state.borrow_mut();
    if state.attached == Some(number) {
        state.attached = None;
        state.detached_at = Instant::now();
    }
    drop(state);
    session.room.notify_waiters(); // a terminal's output need not wait for anybody now
}

async fn receive(mut frames: FrameReader<OwnedReadHalf>, session: &Session) -> End {
    while let Ok(Some((kind, payload))) = frames.next().await {
        match (kind, &payload[..]) {
            (Kind::Stdin, data) if session.input(data) => {}
            (Kind::StdinEof, []) => session.input_eof(),
            (Kind::Resize, &[a, b, c, d]) => {
                session.resize(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), false);
            }
            (Kind::Signal, name) => {
                if let Ok(name) = std::str::from_utf8(name) {
                    session.signal(name);
                }
            }
            (Kind::Close, []) => return End::Closed,
            _ => break,
        }
    }
    End::Lost
}

async fn send(mut stream: OwnedWriteHalf, session: &Session, number: u64) -> End {
    let mut buffer = BytesMut::with_capacity(DATA_BYTES_MAX + 64);
    loop {
        buffer.clear();
        let (ours, ended) = collect(&mut buffer, session, number);
        if !ours {
            return End::Lost;
        }
        if buffer.is_empty() {
            session.news.notified().await;
            continue;
        }
        if stream.write_all(&buffer).await.is_err() {
            return End::Lost;
        }
        session.room.notify_waiters();
        if ended {
            // The client says whether it got this; if it does not, another may come and ask.
            sleep(FAREWELL).await;
            return End::Lost;
        }
    }
}

/// Puts what there is to send into `buffer`. Says whether the session is still with this
/// attachment, and whether this was the last.
fn collect(buffer: &mut BytesMut, session: &Session, number: u64) -> (bool, bool) {
    let mut state = session.state.borrow_mut();
    if state.attached != Some(number) {
        return (false, false);
    }
    if let Some(grant) = state.grant() {
        frame::put(buffer, Kind::Window, &grant.to_be_bytes());
    }
    let mut cursor = state.cursor;
    while buffer.len() + 2 * HEAD_BYTES < DATA_BYTES_MAX {
        let Some((stream, data)) = state.ring.read_at(cursor) else { break };
        let data = &data[..data.len().min(DATA_BYTES_MAX - HEAD_BYTES - buffer.len())];
        let kind = match stream {
            Stream::Stdout => Kind::Stdout,
            Stream::Stderr => Kind::Stderr,
        };
        frame::put(buffer, kind, data);
        cursor += data.len() as u64;
    }
    state.cursor = cursor;
    let ended = cursor == state.ring.end() && state.finished().is_some();
    if let (true, Some(exit)) = (ended, state.finished()) {
        frame::put_exit(buffer, exit);
    }
    (true, ended)
}
