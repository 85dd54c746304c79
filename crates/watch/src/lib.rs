//! The duty of a watcher (`dbc watch run`): it hears the beats of the machines whose cohort it was drawn
//! for, writes each down before it speaks of it, tells the chain once in each interval whom it heard,
//! and shows the beat that the chain asks for. Restarts anywhere: what it told of and what it can show
//! are on disk.

#![deny(missing_docs)]

mod account;
mod beat;
mod duty;
mod notes;

pub use account::{
    MachineHeard, OutageView, WatcherView, connect, heard, join, leave, status, withdraw,
};
pub use beat::{BadBeat, check};
pub use duty::{Told, Watcher, WatcherConfig};
pub use notes::{Notes, NotesError};
