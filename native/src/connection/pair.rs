//! Two QUIC connections in memory, for tests: packets are values, loss is a decision of the test.

use std::net::SocketAddr;
use std::sync::Arc;

use boring::ssl::{SslContextBuilder, SslMethod, SslVerifyMode};

use crate::quic::{Buffers, Quic};
use crate::record::{FIN, HEADER_BYTES, Header, padded};
use crate::ring::{Events, Rings};
use crate::tls::new_key::NewKey;
use crate::tls::own::OwnCertificate;

use super::streams::Streams;

/// A packet on its way.
pub type Packet = Vec<u8>;

pub struct Pair {
    pub client: Quic,
    pub server: Quic,
}

/// What a test lets differ from generous defaults.
pub struct Limits {
    pub stream_window: u64,
    pub streams: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { stream_window: 1 << 20, streams: 100 }
    }
}

impl Pair {
    /// Established connections.
    pub fn new(limits: Limits) -> Pair {
        let id = |byte: u8| [byte; 16];
        let mut client_config = config(&limits, false);
        let mut server_config = config(&limits, true);
        let client = quiche::connect_with_buffer_factory::<Buffers>(
            None,
            &quiche::ConnectionId::from_ref(&id(1)),
            client_address(),
            server_address(),
            &mut client_config,
        )
        .unwrap();
        let server = quiche::accept_with_buf_factory::<Buffers>(
            &quiche::ConnectionId::from_ref(&id(2)),
            None,
            server_address(),
            client_address(),
            &mut server_config,
        )
        .unwrap();
        let mut pair = Pair { client, server };
        pair.settle();
        assert!(pair.client.is_established() && pair.server.is_established());
        pair
    }

    /// Exchange packets until both are silent.
    pub fn settle(&mut self) {
        loop {
            let up = packets(&mut self.client);
            let down_before = up.is_empty();
            self.deliver_up(up);
            let down = packets(&mut self.server);
            if down.is_empty() && down_before {
                return;
            }
            self.deliver_down(down);
        }
    }

    pub fn deliver_up(&mut self, packets: Vec<Packet>) {
        for mut packet in packets {
            let info = quiche::RecvInfo { from: client_address(), to: server_address() };
            self.server.recv(&mut packet, info).unwrap();
        }
    }

    pub fn deliver_down(&mut self, packets: Vec<Packet>) {
        for mut packet in packets {
            let info = quiche::RecvInfo { from: server_address(), to: client_address() };
            self.client.recv(&mut packet, info).unwrap();
        }
    }

    /// Wait for the client's loss timer to fire.
    pub fn client_times_out(&mut self) {
        if let Some(wait) = self.client.timeout() {
            std::thread::sleep(wait);
        }
        self.client.on_timeout();
    }

    /// Read what the server has of a stream; true when that includes its end.
    pub fn server_reads(&mut self, id: u64, into: &mut Vec<u8>) -> bool {
        let mut chunk = [0; 4096];
        while let Ok((length, finished)) = self.server.stream_recv(id, &mut chunk) {
            into.extend_from_slice(&chunk[..length]);
            if finished {
                return true;
            }
        }
        false
    }
}

/// Everything a connection wants to send.
pub fn packets(quic: &mut Quic) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut buffer = [0; 1500];
    while let Ok((length, _)) = quic.send(&mut buffer) {
        packets.push(buffer[..length].to_vec());
    }
    packets
}

impl Streams {
    /// Write whatever QUIC takes.
    pub fn write_all(&mut self, quic: &mut Quic, events: &mut Events) {
        self.notice_writable(quic);
        self.write(quic, events, usize::MAX);
    }
}

/// An event ring without JavaScript behind it.
pub fn events() -> (Arc<Rings>, Events) {
    let rings = Arc::new(Rings::new().unwrap());
    let events = Events::new(rings.clone(), Box::new(|| {}));
    (rings, events)
}

/// The records in the ring: header and payload.
pub fn drain(rings: &Rings, events: &mut Events) -> Vec<(Header, Vec<u8>)> {
    events.publish();
    let mut buffer = vec![0; 1 << 20];
    let length = rings.drain_into(&mut buffer);
    let mut records = Vec::new();
    let mut at = 0;
    while at < length {
        let header = Header::decode(&buffer[at..]).unwrap();
        let start = at + HEADER_BYTES;
        records.push((header, buffer[start..start + header.length as usize].to_vec()));
        at = start + padded(header.length as usize);
    }
    records
}

/// Bytes and end of a stream, out of DATA records.
pub fn data_of(records: &[(Header, Vec<u8>)], id: u64) -> (Vec<u8>, bool) {
    let of_stream =
        records.iter().filter(|(header, _)| header.kind == crate::record::event::DATA && header.stream == id);
    let mut bytes = Vec::new();
    let mut finished = false;
    for (header, payload) in of_stream {
        bytes.extend_from_slice(payload);
        finished |= header.flags & FIN != 0;
    }
    (bytes, finished)
}

pub fn client_address() -> SocketAddr {
    ([127, 0, 0, 1], 1000).into()
}

pub fn server_address() -> SocketAddr {
    ([127, 0, 0, 1], 2000).into()
}

fn config(limits: &Limits, is_server: bool) -> quiche::Config {
    let mut tls = SslContextBuilder::new(SslMethod::tls()).unwrap();
    if is_server {
        let key = NewKey::generate().unwrap();
        let certificate_pem =
            key.self_signed(rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap()).unwrap();
        let certificate = OwnCertificate { certificate_pem, key_pem: key.pem().unwrap() };
        certificate.install(&mut tls, "").unwrap_or_else(|failure| panic!("{failure:?}"));
    }
    tls.set_verify(SslVerifyMode::NONE);
    let mut config = quiche::Config::with_boring_ssl_ctx_builder(quiche::PROTOCOL_VERSION, tls).unwrap();
    config.set_application_protos(&[b"test"]).unwrap();
    config.set_initial_max_data(10 << 20);
    config.set_initial_max_stream_data_bidi_local(limits.stream_window);
    config.set_initial_max_stream_data_bidi_remote(limits.stream_window);
    config.set_initial_max_stream_data_uni(limits.stream_window);
    config.set_max_stream_window(limits.stream_window);
    config.set_initial_max_streams_bidi(limits.streams);
    config.set_initial_max_streams_uni(limits.streams);
    config.set_max_send_udp_payload_size(1350);
    config.set_cc_algorithm_name("reno").unwrap();
    config
}
