//! The certificate an end shows, and its key.

use boring::ssl::SslContextBuilder;
use boring::x509::X509;

use super::pem;
use crate::error::{Failure, invalid};

/// PEM of a certificate chain, leaf first, and of the leaf's key.
pub struct OwnCertificate {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl OwnCertificate {
    /// Let `context` show it; returns the leaf. `which` tells it from others in errors: `""` or `" 2"`, say.
    pub fn install(&self, context: &mut SslContextBuilder, which: &str) -> Result<X509, Failure> {
        let mut chain = pem::certificates(&self.certificate_pem, &format!("Certificate{which}"))?.into_iter();
        let key = pem::private_key(&self.key_pem, &format!("Key{which}"))?;
        let leaf = chain.next().ok_or_else(|| invalid(format!("Certificate{which} contains no certificate")))?;
        context.set_certificate(&leaf).map_err(|_| invalid(format!("Certificate{which} cannot be used for TLS")))?;
        for issuer in chain {
            context.add_extra_chain_cert(issuer).map_err(invalid)?;
        }
        let foreign = |_| invalid(format!("Key{which} does not belong to the certificate"));
        context.set_private_key(&key).map_err(foreign)?;
        context.check_private_key().map_err(foreign)?;
        Ok(leaf)
    }
}
