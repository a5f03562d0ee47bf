//! A server's TLS context.

use boring::ssl::{SslContextBuilder, SslMethod};

use super::pem;
use crate::error::{Failure, invalid};

/// PEM of a certificate chain, leaf first, and of the leaf's key.
pub struct ServerCertificate {
    pub certificate_pem: String,
    pub key_pem: String,
}

/// A context that shows `certificate`.
pub fn server_context(certificate: &ServerCertificate) -> Result<SslContextBuilder, Failure> {
    let mut context = SslContextBuilder::new(SslMethod::tls()).map_err(invalid)?;
    let chain = pem::certificates(&certificate.certificate_pem, "Certificate")?;
    let key = pem::private_key(&certificate.key_pem)?;
    let mut chain = chain.into_iter();
    let leaf = chain.next().ok_or_else(|| invalid("Certificate contains no certificate"))?;
    context.set_certificate(&leaf).map_err(|_| invalid("Certificate cannot be used for TLS"))?;
    for issuer in chain {
        context.add_extra_chain_cert(issuer).map_err(invalid)?;
    }
    context.set_private_key(&key).map_err(|_| invalid("Key does not belong to the certificate"))?;
    context.check_private_key().map_err(|_| invalid("Key does not belong to the certificate"))?;
    Ok(context)
}
