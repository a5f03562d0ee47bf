//! Authorities and certificates for tests of programs, made as they are asked for. Nobody believes them unasked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose, SanType};

use super::new_key::NewKey;
use super::own::OwnCertificate;
use crate::error::{Failure, invalid};

/// Clocks of containers and virtual machines run a little apart.
const BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);
const AUTHORITY_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What a certificate is to say.
pub struct Request {
    pub common_name: String,
    /// Host names, IP addresses, URIs (with `://`) and e-mail addresses (with `@`).
    pub names: Vec<String>,
    /// Milliseconds since 1970.
    pub not_before_ms: f64,
    pub not_after_ms: f64,
}

/// A new authority.
pub fn authority(name: &str) -> Result<OwnCertificate, Failure> {
    let key = NewKey::generate().map_err(invalid)?;
    let certificate_pem = key.self_signed(authority_params(name)).map_err(invalid)?;
    Ok(OwnCertificate { certificate_pem, key_pem: key.pem().map_err(invalid)? })
}

/// A new certificate of the authority with that name and key.
pub fn issue(authority_name: &str, authority_key_pem: &str, request: &Request) -> Result<OwnCertificate, Failure> {
    let issuer = Issuer::new(authority_params(authority_name), NewKey::from_pem(authority_key_pem).map_err(invalid)?);
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(&request.common_name);
    params.subject_alt_names = request.names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = moment(request.not_before_ms).into();
    params.not_after = moment(request.not_after_ms).into();
    let key = NewKey::generate().map_err(invalid)?;
    let certificate_pem = key.signed_by(params, &issuer).map_err(invalid)?;
    Ok(OwnCertificate { certificate_pem, key_pem: key.pem().map_err(invalid)? })
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name = distinguished(name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = (SystemTime::now() - BACKDATED).into();
    params.not_after = (SystemTime::now() + AUTHORITY_VALIDITY).into();
    params
}

fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn alternative(name: &str) -> Result<SanType, Failure> {
    let unusable = |_| invalid(format!("\"{name}\" cannot be a name in a certificate"));
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let text = name.try_into().map_err(unusable)?;
    Ok(if name.contains("://") {
        SanType::URI(text)
    } else if name.contains('@') {
        SanType::Rfc822Name(text)
    } else {
        SanType::DnsName(text)
    })
}

fn moment(milliseconds: f64) -> SystemTime {
    // Conversion saturates: of what is negative or no number, 1970 comes.
    UNIX_EPOCH + Duration::from_millis(milliseconds as u64)
}
