//! Certificates: those an end shows, how it judges those it is shown, and who showed one.

pub mod authority;
pub mod early_data;
pub mod issue;
pub mod key_log;
pub mod new_key;
pub mod own;
pub mod peer;
pub mod pem;
pub mod request;
pub mod roots;
pub mod server;
pub mod shed;
pub mod tickets;
pub mod verify;
