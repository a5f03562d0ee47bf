//! What BoringSSL keeps of a connection once its handshake is done.

use boring::ssl::SslRef;
use boring_sys as ffi;
use foreign_types_shared::ForeignTypeRef;

/// Let go of what only the handshake needs when that is done: 1.6 KB of certificates, ciphers and extensions. Nothing of it may be asked
/// for, or set, afterwards.
pub fn shed_after_handshake(ssl: &mut SslRef) {
    // SAFETY: the connection is alive; BoringSSL sheds by itself, when nothing needs it any more.
    unsafe { ffi::SSL_set_shed_handshake_config(ssl.as_ptr(), 1) };
}
