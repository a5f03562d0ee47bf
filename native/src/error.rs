//! Failures JavaScript hears of at once, with the code its `EchoStreamError` gets.

use std::fmt::Display;
use std::io;

/// A failure before there is a connection.
#[derive(Debug)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
}

/// The caller passed something unusable.
pub fn invalid(reason: impl Display) -> Failure {
    Failure { code: "INVALID_ARGUMENT", message: reason.to_string() }
}

/// The system refused.
pub fn unavailable(reason: impl Display) -> Failure {
    Failure { code: "UNAVAILABLE", message: reason.to_string() }
}

/// Something that cannot happen did; the panic's text is on stderr.
pub fn internal() -> Failure {
    Failure { code: "INTERNAL", message: "The native addon failed".to_owned() }
}

/// An I/O error's text without the number Rust appends to it.
pub fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

impl From<Failure> for napi::Error<&'static str> {
    fn from(failure: Failure) -> Self {
        napi::Error::new(failure.code, failure.message)
    }
}
