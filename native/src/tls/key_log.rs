//! The secrets of connections, in the format of NSS key logs, for tools that show what is inside the packets.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

use boring::ssl::SslContextBuilder;

use crate::error::{Failure, invalid, io_text};

/// The usual name, as of browsers and curl.
const VARIABLE: &str = "SSLKEYLOGFILE";

/// A file that secrets are appended to.
#[derive(Clone)]
pub struct KeyLog {
    file: Arc<File>,
    pub path: String,
}

impl KeyLog {
    /// The one at `path`; at an empty one, the one the environment names, if it names one that can be written.
    pub fn open(path: &str) -> Result<Option<KeyLog>, Failure> {
        if path.is_empty() {
            let named = env::var(VARIABLE).ok().filter(|named| !named.is_empty());
            return Ok(named.and_then(|named| KeyLog::append_to(named).ok()));
        }
        KeyLog::append_to(path.to_owned())
            .map(Some)
            .map_err(|error| invalid(format!("Key log {path:?} cannot be written: {}", io_text(&error))))
    }

    /// Keep the secrets of all connections of `context`.
    pub fn watch(&self, context: &mut SslContextBuilder) {
        let file = self.file.clone();
        context.set_keylog_callback(move |_, line| {
            // A line is one write, so that processes that share the file do not mix theirs.
            let _ = (&*file).write_all(format!("{line}\n").as_bytes());
        });
    }

    fn append_to(path: String) -> std::io::Result<KeyLog> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(KeyLog { file: Arc::new(options.open(&path)?), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let failure = KeyLog::open("/nowhere/keys.log").err().map(|failure| failure.message);
        assert_eq!(
            failure.as_deref(),
            Some("Key log \"/nowhere/keys.log\" cannot be written: No such file or directory")
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let path = env::temp_dir().join(format!("echostream-keys-{}", std::process::id()));
        assert!(KeyLog::open(path.to_str().unwrap()).is_ok());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&path).ok();
    }
}
