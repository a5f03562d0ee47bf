//! Certificates: those a server shows, and how a client judges those it is shown.

pub mod authority;
pub mod pem;
pub mod roots;
pub mod server;
pub mod verify;
