//! The server with OpenSSH's own clients on one side and a real `dbc-init` on the other, run as an
//! ordinary process: no container, no tunnel.

mod channels;
mod support;
mod terminal;
