//! A file for each connection with what QUIC did, for tools that draw it (draft-ietf-quic-qlog-main-schema). Only in builds
//! with the feature `qlog` (docs/decisions/0011).

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Failure, invalid, io_text};
use crate::quic::Quic;

/// Where they are kept.
#[derive(Clone, Debug)]
pub struct QlogFolder(#[cfg_attr(not(feature = "qlog"), allow(dead_code))] PathBuf);

impl QlogFolder {
    /// The folder at `path`, made if need be; `None` for an empty path.
    pub fn open(path: &str) -> Result<Option<QlogFolder>, Failure> {
        if path.is_empty() {
            return Ok(None);
        }
        if !cfg!(feature = "qlog") {
            return Err(invalid(
                "This build of the native addon writes no qlog files: leave qlogFolder out, or build the addon with \
                 ECHOSTREAM_FEATURES=qlog",
            ));
        }
        let folder = Path::new(path);
        fs::create_dir_all(folder)
            .map_err(|error| invalid(format!("qlog folder {path:?} cannot be written: {}", io_text(&error))))?;
        Ok(Some(QlogFolder(folder.to_owned())))
    }

    /// Write down what becomes of `quic`, in a file named after its connection id. A full disk is no reason to refuse a peer.
    #[cfg(feature = "qlog")]
    pub fn record(&self, quic: &mut Quic) {
        let side = if quic.is_server() { "server" } else { "client" };
        let title = format!("{}-{side}", quic.trace_id());
        if let Ok(file) = fs::File::create(self.0.join(format!("{title}.sqlog"))) {
            let writer = Box::new(std::io::BufWriter::new(file));
            quic.set_qlog_with_level(writer, title, String::new(), quiche::QlogLevel::Extra);
        }
    }

    /// There is no folder to begin with.
    #[cfg(not(feature = "qlog"))]
    pub fn record(&self, _: &mut Quic) {}
}
