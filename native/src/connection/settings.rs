//! What connections of one listener, or of one dial, do alike.

use std::time::Duration;

use crate::config::TransportSettings;
use crate::error::Failure;
use crate::qlog::QlogFolder;

use super::verdict::Refusals;

/// Settings the connection itself acts on.
pub struct Settings {
    pub handshake_timeout: Duration,
    pub keep_alive: Option<Duration>,
    pub initial_credit: u64,
    pub message_kind: u8,
    /// Whether a client moves when packets leave from another address of this machine.
    pub moves_by_itself: bool,
    /// Of the resets of streams whose lifetime is over.
    pub expired_code: u64,
    /// Of the connections that share these settings: those of a listener.
    pub(super) refusals: Refusals,
    pub(super) qlog: Option<QlogFolder>,
}

impl TryFrom<&TransportSettings> for Settings {
    type Error = Failure;

    fn try_from(settings: &TransportSettings) -> Result<Settings, Failure> {
        let keep_alive = Duration::from_micros((settings.keep_alive_interval_ms * 1000.0) as u64);
        Ok(Settings {
            handshake_timeout: Duration::from_micros((settings.handshake_timeout_ms * 1000.0) as u64),
            keep_alive: (!keep_alive.is_zero()).then_some(keep_alive),
            initial_credit: settings.initial_credit_bytes as u64,
            message_kind: settings.message_stream_kind as u8,
            moves_by_itself: settings.active_migration,
            expired_code: settings.expired_stream_code as u64,
            refusals: Refusals::default(),
            qlog: QlogFolder::open(&settings.qlog_folder)?,
        })
    }
}
