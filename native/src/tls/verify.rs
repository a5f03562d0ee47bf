//! How a client judges the certificate of a server, and how a refusal is put into words.

use std::net::IpAddr;

use boring::hash::{MessageDigest, hash};
use boring::ssl::{SslAlert, SslContextBuilder, SslMethod, SslRef, SslVerifyError, SslVerifyMode};
use boring::x509::store::X509StoreBuilder;
use boring::x509::{X509, X509VerifyError};

use super::key_log::KeyLog;
use super::own::OwnCertificate;
use super::{authority, pem, request, roots};
use crate::error::{Failure, invalid, unavailable};

/// Whom a client believes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// The system's roots.
    System,
    /// The system's roots, and the development authority with this certificate (PEM) for a server on this machine.
    Development(Option<String>),
    /// Only these authorities (PEM).
    Authority(String),
    /// Only leaf certificates with one of these SHA-256 digests.
    Pin(Vec<[u8; 32]>),
    /// Anybody.
    None,
}

impl Verification {
    /// Whether the name in the certificate counts.
    pub fn checks_name(&self) -> bool {
        !matches!(self, Verification::Pin(_) | Verification::None)
    }

    /// The default: the development authority is believed only where the server really is on this machine.
    pub fn development(server: IpAddr) -> Verification {
        Verification::Development(if server.is_loopback() { authority::certificate() } else { None })
    }
}

/// A client's TLS context. `certificate` is shown to servers that ask for one.
pub fn client_context(
    verification: &Verification,
    certificate: Option<&OwnCertificate>,
    key_log: Option<&KeyLog>,
) -> Result<SslContextBuilder, Failure> {
    let mut context = SslContextBuilder::new(SslMethod::tls()).map_err(invalid)?;
    request::watch(&mut context);
    if let Some(certificate) = certificate {
        certificate.install(&mut context, " of the client")?;
    }
    if let Some(key_log) = key_log {
        key_log.watch(&mut context);
    }
    match verification {
        Verification::System => {
            let roots = roots::system_roots();
            if roots.certificates.is_empty() {
                return Err(unavailable(no_roots(roots)));
            }
            trust(&mut context, &roots.certificates)?;
        }
        Verification::Development(authority) => {
            let mut trusted = roots::system_roots().certificates.clone();
            if let Some(pem) = authority {
                trusted.extend(pem::certificates(pem, "Development authority")?);
            } else if trusted.is_empty() {
                return Err(unavailable(no_roots(roots::system_roots())));
            }
            trust(&mut context, &trusted)?;
        }
        Verification::Authority(pem) => trust(&mut context, &pem::certificates(pem, "CA")?)?,
        Verification::Pin(digests) => {
            let digests = digests.clone();
            context.set_custom_verify_callback(SslVerifyMode::PEER, move |ssl| check_pin(ssl, &digests));
        }
        Verification::None => context.set_verify(SslVerifyMode::NONE),
    }
    Ok(context)
}

/// Believe these authorities, and nobody else.
pub fn trust(context: &mut SslContextBuilder, authorities: &[X509]) -> Result<(), Failure> {
    let mut store = X509StoreBuilder::new().map_err(invalid)?;
    for authority in authorities {
        store.add_cert(authority.clone()).map_err(invalid)?;
    }
    context.set_cert_store(store.build());
    context.set_verify(SslVerifyMode::PEER);
    Ok(())
}

fn no_roots(roots: &roots::Roots) -> String {
    let searched: Vec<String> = roots.searched.iter().map(|path| path.display().to_string()).collect();
    format!(
        "No root certificates found in {}; install ca-certificates, set SSL_CERT_FILE, or pass the server's authority",
        searched.join(", ")
    )
}

/// Compared in full, without an early end: the digests are no secret, but nothing is gained by leaking them either.
fn check_pin(ssl: &mut SslRef, digests: &[[u8; 32]]) -> Result<(), SslVerifyError> {
    let refused = SslVerifyError::Invalid(SslAlert::BAD_CERTIFICATE);
    let Some(leaf) = ssl.peer_certificate().and_then(|leaf| leaf.to_der().ok()) else { return Err(refused) };
    let Ok(digest) = hash(MessageDigest::sha256(), &leaf) else { return Err(refused) };
    if digests.iter().any(|pinned| boring::memcmp::eq(pinned, &digest)) { Ok(()) } else { Err(refused) }
}

/// Check an IP address as such: quiche treats every server name as a host name.
pub fn expect_ip(ssl: &mut SslRef, ip: IpAddr) -> Result<(), Failure> {
    ssl.verify_param_mut().set_ip(ip).map_err(invalid)
}

/// Why the server's certificate was refused; `None` when it was not.
pub fn refusal(ssl: &SslRef, verification: &Verification, server_name: &str) -> Option<String> {
    if let Verification::Pin(_) = verification {
        return Some("certificate does not match the pinned SHA-256 digest".to_owned());
    }
    Some(words(ssl.verify_result().err()?, server_name))
}

/// Why the client's certificate was refused; `None` when it was not.
pub fn client_refusal(ssl: &SslRef) -> Option<String> {
    Some(words(ssl.verify_result().err()?, "this server"))
}

fn words(error: X509VerifyError, server_name: &str) -> String {
    match error {
        X509VerifyError::CERT_HAS_EXPIRED => "certificate has expired".to_owned(),
        X509VerifyError::CERT_NOT_YET_VALID => "certificate is not yet valid".to_owned(),
        X509VerifyError::HOSTNAME_MISMATCH | X509VerifyError::IP_ADDRESS_MISMATCH => {
            format!("certificate is not valid for {server_name}")
        }
        X509VerifyError::DEPTH_ZERO_SELF_SIGNED_CERT
        | X509VerifyError::SELF_SIGNED_CERT_IN_CHAIN
        | X509VerifyError::UNABLE_TO_GET_ISSUER_CERT
        | X509VerifyError::UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | X509VerifyError::UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | X509VerifyError::CERT_SIGNATURE_FAILURE => "certificate is self-signed or of an unknown authority".to_owned(),
        other => format!("certificate was refused: {}", other.error_string()),
    }
}
