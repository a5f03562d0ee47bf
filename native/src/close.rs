//! Why a connection ended, in numbers and words.

/// Who ended a connection; `transport.ts` names them in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCause {
    Local = 0,
    Remote = 1,
    Timeout = 2,
    Handshake = 3,
    /// The peer answered with a stateless reset.
    Reset = 4,
}

/// The end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    pub cause: CloseCause,
    pub application: bool,
    pub code: u64,
    pub reason: String,
}

/// Words for an error code of QUIC (RFC 9000 §20.1) or, above 0x100, of TLS (RFC 8446 §6).
pub fn describe(code: u64) -> String {
    let text = match code {
        0x0 => "no error",
        0x1 => "internal error of the QUIC stack",
        0x2 => "connection refused",
        0x3 => "flow control limit exceeded",
        0x4 => "stream limit exceeded",
        0x5 => "frame for a stream in the wrong state",
        0x6 => "final size of a stream changed",
        0x7 => "malformed frame",
        0x8 => "invalid transport parameters",
        0x9 => "connection id limit exceeded",
        0xa => "QUIC protocol violation",
        0xb => "invalid token",
        0xc => "closed by the application",
        0xd => "crypto buffer exceeded",
        0xe => "key update error",
        0xf => "AEAD limit reached",
        0x10 => "no viable path",
        0x128 => "TLS handshake failure",
        0x12a => "bad certificate",
        0x12b => "unsupported certificate",
        0x12c => "certificate revoked",
        0x12d => "certificate expired or not yet valid",
        0x12e => "certificate unknown",
        0x130 => "unknown certificate authority",
        0x12f => "illegal TLS parameter",
        0x133 => "TLS decryption error",
        0x146 => "TLS version not supported",
        0x150 => "internal TLS error",
        0x16d => "missing TLS extension",
        0x170 => "server name not recognised",
        0x174 => "certificate required",
        0x178 => "no common application protocol (ALPN)",
        0x100..0x200 => return format!("TLS alert {}", code - 0x100),
        _ => return format!("error {code:#x}"),
    };
    text.to_owned()
}

/// Whether the code is a TLS alert about a certificate.
pub fn concerns_certificate(code: u64) -> bool {
    matches!(code, 0x12a..=0x12e | 0x130)
}
