//! Keys of the certificates made here. BoringSSL makes them and signs with them: the keys of rcgen would bring a second
//! cryptographic library into the binary, a tenth of it.

use boring::bn::BigNumContext;
use boring::ec::{EcGroup, EcKey, PointConversionForm};
use boring::error::ErrorStack;
use boring::hash::MessageDigest;
use boring::nid::Nid;
use boring::pkey::{PKey, Private};
use boring::sha::sha256;
use boring::sign::Signer;
use boring::x509::X509;
use rcgen::{
    Certificate, CertificateParams, Error, Issuer, KeyIdMethod, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
    SignatureAlgorithm, SigningKey,
};

/// Bytes of a serial number and of a key identifier (RFC 5280 §4.1.2.2, RFC 7093 §2).
const IDENTIFIER_BYTES: usize = 20;

/// A key of P-256.
pub struct NewKey {
    key: PKey<Private>,
    /// The public half, uncompressed.
    point: Vec<u8>,
}

impl NewKey {
    pub fn generate() -> Result<NewKey, Error> {
        let key = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).and_then(|group| EcKey::generate(&group));
        NewKey::new(key.map_err(failed)?).map_err(failed)
    }

    /// A key that [`NewKey::pem`] wrote.
    pub fn from_pem(pem: &str) -> Result<NewKey, Error> {
        let unreadable = |_| Error::CouldNotParseKeyPair;
        let key = PKey::private_key_from_pem(pem.as_bytes()).and_then(|key| key.ec_key()).map_err(unreadable)?;
        if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
            return Err(Error::CouldNotParseKeyPair);
        }
        NewKey::new(key).map_err(unreadable)
    }

    fn new(key: EcKey<Private>) -> Result<NewKey, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let point = key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        Ok(NewKey { key: PKey::from_ec_key(key)?, point })
    }

    /// PKCS #8, as PEM.
    pub fn pem(&self) -> Result<String, Error> {
        text(self.key.private_key_to_pem_pkcs8())
    }

    /// A certificate for this key that it signs itself, as PEM.
    pub fn self_signed(&self, params: CertificateParams) -> Result<String, Error> {
        certificate_pem(&self.numbered(params).self_signed(self)?)
    }

    /// A certificate for this key that `issuer` signs, as PEM.
    pub fn signed_by(&self, params: CertificateParams, issuer: &Issuer<'_, NewKey>) -> Result<String, Error> {
        certificate_pem(&self.numbered(params).signed_by(self, issuer)?)
    }

    /// The numbers rcgen takes out of a key of its own.
    fn numbered(&self, mut params: CertificateParams) -> CertificateParams {
        let mut serial = leading(&self.point);
        // A first bit that is set would make it negative.
        serial[0] &= 0x7f;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_identifier_method = KeyIdMethod::PreSpecified(leading(&self.subject_public_key_info()).to_vec());
        params
    }
}

impl PublicKeyData for NewKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for NewKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signer = Signer::new(MessageDigest::sha256(), &self.key);
        signer.and_then(|mut signer| signer.sign_oneshot_to_vec(message)).map_err(failed)
    }
}

/// The first bytes of a digest of `bytes`.
fn leading(bytes: &[u8]) -> [u8; IDENTIFIER_BYTES] {
    let mut first = [0; IDENTIFIER_BYTES];
    for (to, from) in first.iter_mut().zip(sha256(bytes)) {
        *to = from;
    }
    first
}

fn certificate_pem(certificate: &Certificate) -> Result<String, Error> {
    text(X509::from_der(certificate.der()).and_then(|certificate| certificate.to_pem()))
}

fn text(pem: Result<Vec<u8>, ErrorStack>) -> Result<String, Error> {
    String::from_utf8(pem.map_err(failed)?).map_err(|_| Error::RemoteKeyError)
}

/// What rcgen calls a failure of a key that is not its own.
fn failed(_: ErrorStack) -> Error {
    Error::RemoteKeyError
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> CertificateParams {
        CertificateParams::new(["localhost".to_owned()]).unwrap()
    }

    #[test]
    fn a_certificate_is_verified_by_the_key_that_signed_it() {
        let authority = NewKey::generate().unwrap();
        let leaf = NewKey::generate().unwrap();
        let read = |pem: String| X509::from_pem(pem.as_bytes()).unwrap();
        let issued = read(
            leaf.signed_by(params(), &Issuer::new(params(), NewKey::from_pem(&authority.pem().unwrap()).unwrap()))
                .unwrap(),
        );
        assert!(issued.verify(&authority.key).unwrap());
        assert!(!issued.verify(&leaf.key).unwrap());
        assert!(issued.public_key().unwrap().public_eq(&leaf.key));
        assert!(read(authority.self_signed(params()).unwrap()).verify(&authority.key).unwrap());
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        let group = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
        let other = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap().private_key_to_pem_pkcs8().unwrap();
        let error = |pem: &str| NewKey::from_pem(pem).err();
        assert_eq!(error(&String::from_utf8(other).unwrap()), Some(Error::CouldNotParseKeyPair));
        assert_eq!(error("no key"), Some(Error::CouldNotParseKeyPair));
    }
}
