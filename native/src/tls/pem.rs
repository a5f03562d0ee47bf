//! PEM text to certificates and keys, with errors that say what is wrong with it.

use boring::pkey::{PKey, Private};
use boring::x509::X509;

use crate::error::{Failure, invalid};

/// Every certificate in `pem`, in order. `what` names the text in the error.
pub fn certificates(pem: &str, what: &str) -> Result<Vec<X509>, Failure> {
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(invalid(format!("{what} contains no certificate")));
    }
    let found = X509::stack_from_pem(pem.as_bytes())
        .map_err(|_| invalid(format!("{what} contains a certificate that cannot be read")))?;
    if found.is_empty() {
        return Err(invalid(format!("{what} contains no certificate")));
    }
    Ok(found)
}

/// The private key in `pem`. `what` names the text in the error.
pub fn private_key(pem: &str, what: &str) -> Result<PKey<Private>, Failure> {
    if !pem.contains("PRIVATE KEY-----") {
        return Err(invalid(format!("{what} contains no private key")));
    }
    if pem.contains("ENCRYPTED") {
        return Err(invalid(format!("{what} is encrypted; pass it decrypted")));
    }
    PKey::private_key_from_pem(pem.as_bytes())
        .map_err(|_| invalid(format!("{what} contains a private key that cannot be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let text = |result: Result<_, Failure>| result.err().map(|failure| failure.message);
        assert_eq!(text(certificates("", "CA").map(drop)), Some("CA contains no certificate".to_owned()));
        assert_eq!(
            text(
                certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "Certificate").map(drop)
            ),
            Some("Certificate contains a certificate that cannot be read".to_owned())
        );
        assert_eq!(text(private_key("hello", "Key").map(drop)), Some("Key contains no private key".to_owned()));
    }
}
