//! Which system calls move packets.

use std::env;
use std::io;

/// A way to move packets that this system has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Dozens by one call, see `batched.rs`; `segments` until the kernel refuses to split runs into packets. With
    /// `source_address` answers leave from the address the question came to.
    #[cfg(target_os = "linux")]
    Batched { segments: bool, source_address: bool },
    /// One by one, with the addresses of this machine they travel to and from, see `messages.rs`.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    Messages { source_address: bool },
    /// One by one, see `plain.rs`.
    Plain,
}

impl Way {
    /// What `ECHOSTREAM_SOCKETS` names, or the best this system has.
    pub fn chosen() -> io::Result<Way> {
        let Some(name) = env::var_os("ECHOSTREAM_SOCKETS") else { return Ok(Way::best()) };
        let name = name.to_string_lossy();
        Way::named(&name).ok_or_else(|| {
            io::Error::other(format!("ECHOSTREAM_SOCKETS is \"{name}\"; this system has {}", names().join(", ")))
        })
    }

    /// `None` when this system has no such way.
    pub fn named(name: &str) -> Option<Way> {
        match name {
            #[cfg(target_os = "linux")]
            "batched" => Some(Way::Batched { segments: true, source_address: false }),
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            "messages" => Some(Way::Messages { source_address: false }),
            "plain" => Some(Way::Plain),
            _ => None,
        }
    }

    fn best() -> Way {
        names().first().and_then(|name| Way::named(name)).unwrap_or(Way::Plain)
    }

    /// This way for a socket that answers from the address it was spoken to, or need not.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub fn answering(self, source_address: bool) -> Way {
        match self {
            #[cfg(target_os = "linux")]
            Way::Batched { segments, .. } => Way::Batched { segments, source_address },
            Way::Messages { .. } => Way::Messages { source_address },
            Way::Plain => Way::Plain,
        }
    }

    /// Only the plain way is there, and knows no addresses.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn answering(self, _source_address: bool) -> Way {
        self
    }
}

/// The best first.
fn names() -> Vec<&'static str> {
    ["batched", "messages", "plain"].into_iter().filter(|name| Way::named(name).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_way_of_a_system_is_its_best() {
        let best = if cfg!(target_os = "linux") {
            "batched"
        } else if cfg!(target_os = "macos") {
            "messages"
        } else {
            "plain"
        };
        assert_eq!(Some(Way::best()), Way::named(best));
        assert_eq!(Way::named("carrier pigeon"), None);
    }
}
