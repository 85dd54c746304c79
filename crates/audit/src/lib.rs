//! The duty of an auditor (`dbc audit run`): it challenges the machines that it was drawn for, with a
//! secret of its own that is on disk before anybody hears it, judges what they answer, binds itself to
//! the verdict before the others speak, reveals it, and shows its transcript to whoever doubts. Restarts
//! anywhere. Every verdict says why.

#![deny(missing_docs)]

mod account;
mod challenge;
mod duty;
pub mod evidence;
mod notes;

pub use account::{
    AuditorView, CaseView, DutyView, connect, doubt, join, leave, show, status, withdraw,
};
pub use challenge::{Explained, challenge};
pub use duty::{Auditor, AuditorConfig, Said};
pub use notes::{Note, Notes, NotesError};
