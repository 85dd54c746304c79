//! Flow control of what clients send. The library grants a client more as soon as bytes arrive, and
//! if a channel's queue is full it stops the whole connection, output included; a program that waits
//! for its output to be taken then never reads the input that the connection waits to be rid of. So
//! its queues are left unused: each channel has its own, which never blocks, and is kept small by the
//! one thing that can be set, the window that is granted next.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::SshError;

/// What a channel may send ahead.
pub const WINDOW_BYTES: u32 = 1 << 20;
/// What a channel is granted while its program does not keep up: little, but not nothing, as only
/// the arrival of data lets us grant more later. Two is the least at which the library grants.
pub const TRICKLE_BYTES: u32 = 2;
/// How long we wait between two such grants.
pub const TRICKLE_PAUSE: Duration = Duration::from_millis(20);
/// Unread bytes at which a channel is slowed down.
const SLOW_BYTES: usize = 256 * 1024;
/// Unread bytes of one channel at which all are slowed down: the library's window is one for all, so
/// that a channel which keeps up can win a whole one for another that does not.
const FULL_BYTES: usize = 4 << 20;
/// How long all may be slowed down for one; then its channel is ended, as nobody else can be helped.
const STUCK_TIME: Duration = Duration::from_secs(5);
/// No client that respects its windows gets this far.
const FLOOD_BYTES: usize = FULL_BYTES + 2 * WINDOW_BYTES as usize;
/// Signals that wait; more are dropped.
const SIGNALS_MAX: usize = 64;
const PIECE_BYTES: usize = 32 * 1024;

/// What a client does with an open channel.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Input.
    Data(Bytes),
    /// No more input.
    Eof,
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// A signal for the program, by its name.
    Signal(String),
    /// The client closed the channel.
    Close,
    /// The connection is gone.
    Gone,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    data: BytesMut,
    full_since: Option<Instant>,
    eof: bool,
    eof_told: bool,
    size: Option<(u16, u16)>,
    signals: VecDeque<String>,
    closed: bool,
    gone: bool,
    /// Nobody takes anything any more.
    over: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code under this lock panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection's end of a channel's queue. When it is dropped, the connection is gone.
#[derive(Debug)]
pub struct Intake(Arc<Queue>);

/// The program's end.
#[derive(Debug)]
pub struct Events(Arc<Queue>);

/// A queue for one channel.
pub fn queue() -> (Intake, Events) {
    let queue = Arc::new(Queue::default());
    (Intake(queue.clone()), Events(queue))
}

impl Intake {
    /// Queues input.
    ///
    /// # Errors
    /// [`SshError::Flood`] if the client has sent more than it was granted.
    pub fn data(&self, data: &[u8]) -> Result<(), SshError> {
        let mut state = self.0.state();
        if !state.over && !state.eof {
            state.data.extend_from_slice(data);
        }
        if state.data.len() > FLOOD_BYTES {
            return Err(SshError::Flood);
        }
        if state.data.len() > FULL_BYTES {
            state.full_since.get_or_insert_with(Instant::now);
        }
        self.0.news.notify_one();
        Ok(())
    }

    /// There is no more input.
    pub fn eof(&self) {
        self.0.state().eof = true;
        self.0.news.notify_one();
    }

    /// The terminal has another size; the last one counts.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.0.state().size = Some((cols, rows));
        self.0.news.notify_one();
    }

    /// Queues a signal.
    pub fn signal(&self, signal: String) {
        let mut state = self.0.state();
        if state.signals.len() < SIGNALS_MAX {
            state.signals.push_back(signal);
        }
        self.0.news.notify_one();
    }

    /// The client closed the channel.
    pub fn close(&self) {
        self.0.state().closed = true;
        self.0.news.notify_one();
    }

    /// Whether nobody takes events any more.
    pub fn is_over(&self) -> bool {
        self.0.state().over
    }

    /// Whether this channel does not keep up.
    pub fn is_slow(&self) -> bool {
        self.0.state().data.len() > SLOW_BYTES
    }

    /// Whether it is so far behind that all must wait for it.
    pub fn is_full(&self) -> bool {
        self.0.state().full_since.is_some()
    }

    /// Whether all have waited for it long enough.
    pub fn is_stuck(&self) -> bool {
        self.0.state().full_since.is_some_and(|since| since.elapsed() > STUCK_TIME)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.0.state().gone = true;
        self.0.news.notify_one();
    }
}

impl Events {
    /// The next event in the order in which the client meant them: an end comes after all input.
    /// Nothing follows [`Event::Gone`] and [`Event::Close`] but themselves. May be dropped and called
    /// again.
    pub async fn next(&mut self) -> Event {
        self.wait(|state| state.notice().or_else(|| state.input()).or_else(|| state.end())).await
    }

    /// The next event as a program should have it: its channel's end, sizes and signals overtake
    /// input, and input is given only if it `wants_input`. May be dropped and called again.
    pub async fn next_urgent(&mut self, wants_input: bool) -> Event {
        self.wait(|state| {
            let event = state.end().or_else(|| state.notice());
            event.or_else(|| if wants_input { state.input() } else { None })
        })
        .await
    }

    /// Throws away what the client still sends, until it closes the channel or is gone.
    pub async fn until_gone(&mut self) {
        while !matches!(self.next().await, Event::Close | Event::Gone) {}
    }

    async fn wait(&mut self, mut take: impl FnMut(&mut State) -> Option<Event>) -> Event {
        loop {
            if let Some(event) = take(&mut self.0.state()) {
                return event;
            }
            self.0.news.notified().await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        state.data = BytesMut::new();
        state.full_since = None;
    }
}

impl State {
    fn notice(&mut self) -> Option<Event> {
        let size = self.size.take().map(|(cols, rows)| Event::Resize(cols, rows));
        size.or_else(|| self.signals.pop_front().map(Event::Signal))
    }

    fn input(&mut self) -> Option<Event> {
        if !self.data.is_empty() {
            let count = self.data.len().min(PIECE_BYTES);
            let piece = self.data.split_to(count).freeze();
            if self.data.len() <= FULL_BYTES {
                self.full_since = None;
            }
            return Some(Event::Data(piece));
        }
        (self.eof && !std::mem::replace(&mut self.eof_told, true)).then_some(Event::Eof)
    }

    fn end(&self) -> Option<Event> {
        let closed = self.closed.then_some(Event::Close);
        closed.or_else(|| self.gone.then_some(Event::Gone))
    }
}

/// The window that the next channel to use up half of its own is given.
pub fn next_window<'a>(this: Option<&Intake>, mut all: impl Iterator<Item = &'a Intake>) -> u32 {
    if this.is_some_and(Intake::is_slow) || all.any(Intake::is_full) {
        TRICKLE_BYTES
    } else {
        WINDOW_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_comes_after_input_unless_it_is_urgent() {
        let (intake, mut events) = queue();
        intake.data(b"abc").unwrap();
        intake.eof();
        intake.signal("INT".into());
        intake.resize(1, 2);
        intake.resize(3, 4);
        intake.close();
        assert_eq!(events.next_urgent(true).await, Event::Close);
        assert_eq!(events.next().await, Event::Resize(3, 4));
        assert_eq!(events.next().await, Event::Signal("INT".into()));
        assert_eq!(events.next().await, Event::Data("abc".into()));
        assert_eq!(events.next().await, Event::Eof);
        assert_eq!(events.next().await, Event::Close);
        let (intake, mut events) = queue();
        drop(intake);
        assert_eq!(events.next().await, Event::Gone);
    }

    #[test]
    fn a_channel_that_does_not_keep_up_gets_a_trickle() {
        let ((slow, program), (quick, _other)) = (queue(), queue());
        let window = |this| next_window(Some(this), [&slow, &quick].into_iter());
        assert_eq!(window(&slow), WINDOW_BYTES);
        slow.data(&[0; SLOW_BYTES + 1]).unwrap();
        assert_eq!((window(&slow), window(&quick)), (TRICKLE_BYTES, WINDOW_BYTES));
        slow.data(&[0; FULL_BYTES]).unwrap();
        assert_eq!((window(&slow), window(&quick)), (TRICKLE_BYTES, TRICKLE_BYTES));
        assert!(matches!(slow.data(&[0; FLOOD_BYTES]), Err(SshError::Flood)));
        drop(program);
        assert_eq!(window(&slow), WINDOW_BYTES);
        slow.data(&[0; FLOOD_BYTES]).unwrap(); // into nothing
        assert!(slow.is_over() && !slow.is_slow());
    }
}
