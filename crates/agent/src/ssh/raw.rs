//! Channels that carry bytes and nothing else: SFTP, which a child of init serves inside, and
//! connections to the workload's own ports.

use std::{pin::pin, sync::Arc};

use bytes::BytesMut;
use dbc_init::{ClientError, Exit, Open, Refusal};
use russh::{ChannelOpenFailure, server::ChannelOpenHandle};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tracing::debug;

use super::{
    SessionTarget,
    flow::{Event, Events},
    program::{Gone, Outlet, explain, refuse},
};

const PIECE_BYTES: usize = 32 * 1024;

/// Why input ended.
enum Input {
    /// The client closed the channel, or is gone.
    Closed,
    /// The service takes no more.
    Broken,
}

/// Serves the SFTP subsystem on a channel.
pub async fn sftp(target: Arc<dyn SessionTarget>, mut events: Events, outlet: Outlet) {
    match open(&*target, &Open::Sftp).await {
        Ok(stream) => {
            let (read, mut write) = stream.into_split();
            tokio::select! {
                sent = drain(read, &outlet) => {
                    // The server inside ends with its input, or by itself.
                    if sent.is_ok() {
                        let _ = outlet.exit(Exit::Code(0)).await;
                    }
                }
                // What the server inside no longer reads, it answers by ending.
                () = async {
                    if matches!(feed(&mut events, &mut write).await, Input::Broken) {
                        events.until_gone().await;
                    }
                } => {}
            }
        }
        Err(error) => {
            debug!(%error, "no file server");
            let (status, message) = explain(&error);
            refuse(status, &message, &mut events, &outlet).await;
        }
    }
}

/// Connects to a port inside; opens the channel if that accepts.
pub async fn forward(
    target: Arc<dyn SessionTarget>,
    port: u16,
    reply: ChannelOpenHandle,
    mut events: Events,
    outlet: Outlet,
) {
    let stream = match open(&*target, &Open::Tcp { port }).await {
        Ok(stream) => stream,
        Err(error) => {
            debug!(%error, port, "not forwarded");
            let reason = match error {
                ClientError::Refused { code: Refusal::Busy, .. } => {
                    ChannelOpenFailure::ResourceShortage
                }
                _ => ChannelOpenFailure::ConnectFailed,
            };
            return reply.reject(reason).await;
        }
    };
    reply.accept().await;
    let (read, mut write) = stream.into_split();
    let mut output = pin!(async {
        if drain(read, &outlet).await.is_ok() {
            let _ = outlet.eof().await;
        }
    });
    let mut output_ended = false;
    let ended = {
        let mut input = pin!(feed(&mut events, &mut write));
        tokio::select! {
            () = &mut output => {
                output_ended = true;
                input.await
            }
            ended = &mut input => ended,
        }
    };
    if matches!(ended, Input::Closed) {
        return;
    }
    if !output_ended {
        tokio::select! {
            () = output => {}
            () = events.until_gone() => return,
        }
    }
    // Where both directions end in order, the client closes, and the library forgets the channel.
    let _ = outlet.close().await;
}

async fn open(target: &dyn SessionTarget, open: &Open) -> Result<UnixStream, ClientError> {
    target.connect().await?.raw(open).await
}

/// Moves output until its end.
async fn drain(mut read: OwnedReadHalf, outlet: &Outlet) -> Result<(), Gone> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE_BYTES);
        match read.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => outlet.stdout(buffer.split().freeze()).await?,
        }
    }
}

/// Moves input until the channel is closed.
async fn feed(events: &mut Events, write: &mut OwnedWriteHalf) -> Input {
    loop {
        let moved = match events.next().await {
            // Waiting here is what makes the client's window close.
            Event::Data(data) => write.write_all(&data).await,
            Event::Eof => write.shutdown().await,
            Event::Close | Event::Gone => return Input::Closed,
            Event::Resize(..) | Event::Signal(_) => Ok(()),
        };
        if moved.is_err() {
            return Input::Broken;
        }
    }
}
