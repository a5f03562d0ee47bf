//! Whether a server has asked its client for a certificate.
//!
//! A TLS 1.3 client is done before the server has looked at its certificate, or found that there is none (RFC 8446 §4.4.2.4).
//! Knowing that it was asked, it can wait for the verdict.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use boring::ssl::{SslContextBuilder, SslRef};
use boring_sys as ffi;
use foreign_types_shared::ForeignTypeRef;

/// Note it when a server asks, for [`was_requested`].
pub fn watch(context: &mut SslContextBuilder) {
    // SAFETY: the context is alive, and the callback is a function without state.
    unsafe { ffi::SSL_CTX_set_cert_cb(context.as_ptr(), Some(note), ptr::null_mut()) };
}

/// Whether the server has asked.
pub fn was_requested(ssl: &SslRef) -> bool {
    // SAFETY: the index is one of this process, and what stands there is never followed.
    unsafe { !ffi::SSL_get_ex_data(ssl.as_ptr(), index()).is_null() }
}

/// BoringSSL calls this at a client only when the server has asked (`do_send_client_certificate`).
extern "C" fn note(ssl: *mut ffi::SSL, _: *mut c_void) -> c_int {
    // SAFETY: BoringSSL passes the connection that asks. Any address but null will do.
    unsafe { ffi::SSL_set_ex_data(ssl, index(), ptr::dangling_mut::<c_void>()) }
}

/// The place in a connection where this is noted.
fn index() -> c_int {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    // SAFETY: nothing is to be freed or copied with what stands there.
    *INDEX.get_or_init(|| unsafe { ffi::SSL_get_ex_new_index(0, ptr::null_mut(), ptr::null_mut(), None, None) })
}
