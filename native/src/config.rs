//! QUIC settings: from what JavaScript passes to what quiche takes.

use std::time::Duration;

use boring::ssl::SslContextBuilder;
use napi_derive::napi;

use crate::connection::paths::MAX_PATHS;
use crate::error::{Failure, invalid};
use crate::send_batch::MAX_PACKET_BYTES;

/// Initial window in packets (RFC 9002 §7.2 recommends ten; that of a modern sender is higher, as in quiche's own tools).
const INITIAL_WINDOW_PACKETS: usize = 32;
/// What a round trip is taken to be before one was measured. A lost first packet is sent again after three times as long. RFC 9002
/// §6.2.2 has 333 ms where nothing better is known; most paths are much shorter, and what is sent too early is one packet.
const INITIAL_ROUND_TRIP_TIME: Duration = Duration::from_millis(100);
/// Largest packet on a real path: an Ethernet frame less the IPv6 and UDP headers. Probed for from 1,200 upwards.
const PATH_PACKET_BYTES: usize = 1452;
/// Largest packet between two programs of one host, whose interface carries 64 KiB.
const LOOPBACK_PACKET_BYTES: usize = MAX_PACKET_BYTES - 1;
/// What the peer is told an acknowledgement may be late by (RFC 9000 §18.2, where 25 ms stand when nothing is said). The next
/// packet takes it along, which the pacer holds up by 1 ms at most, and JavaScript for as long as it works on what came
/// (`connection/ack_delay.rs`): mostly far less. It is part of the time after which a lost last packet is sent again
/// (RFC 9002 §6.2.1): for a program that blocks longer, that costs its peer a packet which was not needed.
const MAX_ACK_DELAY_MS: u64 = 5;
/// Datagrams that may wait for JavaScript, and in quiche for the next packet.
const DATAGRAM_RECEIVE_QUEUE: usize = 1024;
const DATAGRAM_SEND_QUEUE: usize = 64;

/// Transport parameters and timers, as `TransportOptions` of `transport.ts` names them.
#[napi(object)]
#[derive(Clone, Debug, PartialEq)]
pub struct TransportSettings {
    pub alpn: String,
    pub idle_timeout_ms: f64,
    pub keep_alive_interval_ms: f64,
    pub handshake_timeout_ms: f64,
    pub max_bidirectional_streams: f64,
    pub max_unidirectional_streams: f64,
    pub stream_window_bytes: f64,
    pub bidirectional_stream_window_bytes: f64,
    pub max_stream_window_bytes: f64,
    pub connection_window_bytes: f64,
    pub max_connection_window_bytes: f64,
    pub congestion_control: String,
    pub initial_credit_bytes: f64,
    pub message_stream_kind: u32,
    pub expired_stream_code: f64,
    /// Empty: what `SSLKEYLOGFILE` names, if it does.
    pub key_log_file: String,
    /// Empty: none.
    pub qlog_folder: String,
    /// Whether what cannot do harm twice is sent, or taken, before the handshake is done.
    pub early_data: bool,
    /// Whether a client moves by itself, and whether a server lets clients move.
    pub active_migration: bool,
}

/// How long the packets of a path may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Loopback,
    Network,
}

/// quiche's configuration for these settings and this TLS context.
pub fn quic_config(
    settings: &TransportSettings,
    path: Path,
    tls: SslContextBuilder,
) -> Result<quiche::Config, Failure> {
    let mut config = quiche::Config::with_boring_ssl_ctx_builder(quiche::PROTOCOL_VERSION, tls).map_err(invalid)?;
    config.set_application_protos(&[settings.alpn.as_bytes()]).map_err(invalid)?;
    config.set_max_idle_timeout(settings.idle_timeout_ms as u64);
    config.set_max_recv_udp_payload_size(65_527);
    config.set_max_ack_delay(MAX_ACK_DELAY_MS);
    config.set_max_send_udp_payload_size(match path {
        Path::Loopback => LOOPBACK_PACKET_BYTES,
        Path::Network => PATH_PACKET_BYTES,
    });
    config.discover_pmtu(true);
    config.set_initial_max_data(settings.connection_window_bytes as u64);
    config.set_max_connection_window(settings.max_connection_window_bytes as u64);
    config.set_initial_max_stream_data_bidi_local(settings.bidirectional_stream_window_bytes as u64);
    config.set_initial_max_stream_data_bidi_remote(settings.bidirectional_stream_window_bytes as u64);
    config.set_initial_max_stream_data_uni(settings.stream_window_bytes as u64);
    config.set_max_stream_window(settings.max_stream_window_bytes as u64);
    config.set_initial_max_streams_bidi(settings.max_bidirectional_streams as u64);
    config.set_initial_max_streams_uni(settings.max_unidirectional_streams as u64);
    let congestion_control = match settings.congestion_control.as_str() {
        "bbr2" => "bbr2_gcongestion",
        other => other,
    };
    config
        .set_cc_algorithm_name(congestion_control)
        .map_err(|_| invalid(format!("Unknown congestion control \"{}\"", settings.congestion_control)))?;
    config.set_initial_rtt(INITIAL_ROUND_TRIP_TIME);
    config.set_initial_congestion_window_packets(INITIAL_WINDOW_PACKETS);
    if settings.early_data {
        config.enable_early_data();
    }
    config.enable_pacing(true);
    config.enable_dgram(true, DATAGRAM_RECEIVE_QUEUE, DATAGRAM_SEND_QUEUE);
    config.set_active_connection_id_limit(MAX_PATHS);
    Ok(config)
}
