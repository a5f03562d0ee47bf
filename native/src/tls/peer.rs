//! What a peer's certificate says, in words and numbers.

use std::net::IpAddr;

use boring::asn1::{Asn1Time, Asn1TimeRef};
use boring::hash::MessageDigest;
use boring::nid::Nid;
use boring::x509::{GeneralNameRef, X509, X509NameRef, X509Ref};
use napi_derive::napi;

use crate::error::{Failure, invalid};

/// Names in the order and escaping of RFC 4514, text beyond ASCII as it is: `XN_FLAG_SEP_COMMA_PLUS`, `XN_FLAG_DN_REV`,
/// `XN_FLAG_DUMP_UNKNOWN_FIELDS`; `ASN1_STRFLGS_ESC_2253`, `ESC_CTRL`, `UTF8_CONVERT`, `DUMP_UNKNOWN` and `DUMP_DER`.
const NAME_FLAGS: i32 = 1 << 16 | 1 << 20 | 1 << 24 | 0x1 | 0x2 | 0x10 | 0x100 | 0x200;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// One name of a certificate's subject.
#[napi(object)]
pub struct AlternativeName {
    /// `dns`, `ip`, `uri` or `email`.
    pub kind: String,
    pub value: String,
}

/// A certificate, read.
#[napi(object)]
pub struct CertificateContent {
    pub subject: String,
    pub common_name: Option<String>,
    pub issuer: String,
    pub subject_alt_names: Vec<AlternativeName>,
    /// SHA-256 of its DER.
    pub digest: Vec<u8>,
    /// Milliseconds since 1970.
    pub not_before_ms: f64,
    pub not_after_ms: f64,
}

/// Read a certificate (DER).
pub fn content(der: &[u8]) -> Result<CertificateContent, Failure> {
    let unreadable = |_| invalid("The certificate cannot be read");
    let certificate = X509::from_der(der).map_err(unreadable)?;
    let subject = certificate.subject_name();
    Ok(CertificateContent {
        subject: text(subject),
        common_name: subject
            .entries_by_nid(Nid::COMMONNAME)
            .last()
            .and_then(|entry| entry.data().as_utf8().ok().map(|name| name.to_string())),
        issuer: text(certificate.issuer_name()),
        subject_alt_names: alternative_names(&certificate),
        digest: certificate.digest(MessageDigest::sha256()).map_err(unreadable)?.to_vec(),
        not_before_ms: milliseconds(certificate.not_before()),
        not_after_ms: milliseconds(certificate.not_after()),
    })
}

/// The host names a certificate is for, in lower case; a pattern has `*` for its first label.
pub fn dns_names(certificate: &X509Ref) -> Vec<String> {
    let names = certificate.subject_alt_names();
    names.iter().flatten().filter_map(GeneralNameRef::dnsname).map(str::to_ascii_lowercase).collect()
}

fn text(name: &X509NameRef) -> String {
    name.print_ex(NAME_FLAGS).unwrap_or_default()
}

/// Kinds nobody is known by here (directory names, say) are left out.
fn alternative_names(certificate: &X509Ref) -> Vec<AlternativeName> {
    let named = |kind: &str, value: String| AlternativeName { kind: kind.to_owned(), value };
    let read = |name: &GeneralNameRef| {
        None.or_else(|| name.dnsname().map(|value| named("dns", value.to_owned())))
            .or_else(|| name.ipaddress().and_then(ip_address).map(|address| named("ip", address.to_string())))
            .or_else(|| name.uri().map(|value| named("uri", value.to_owned())))
            .or_else(|| name.email().map(|value| named("email", value.to_owned())))
    };
    certificate.subject_alt_names().iter().flatten().filter_map(read).collect()
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Milliseconds since 1970; 0 of a time that is none.
fn milliseconds(time: &Asn1TimeRef) -> f64 {
    let difference = Asn1Time::from_unix(0).and_then(|epoch| epoch.diff(time));
    difference.map_or(0.0, |it| (f64::from(it.days) * SECONDS_PER_DAY + f64::from(it.secs)) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, SanType};

    use crate::tls::new_key::NewKey;

    #[test]
    fn a_certificate_is_read_as_it_was_written() {
        let mut params = CertificateParams::new(["a.example".to_owned(), "::1".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI("spiffe://example/a,b".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("a@example".try_into().unwrap()));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Fish, Chips");
        params.distinguished_name.push(DnType::CommonName, "Ünit 7");
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(2050, 1, 2);
        let certificate = X509::from_pem(NewKey::generate().unwrap().self_signed(params).unwrap().as_bytes()).unwrap();
        let read = content(&certificate.to_der().unwrap()).unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(read.subject, "CN=Ünit 7,O=Fish\\, Chips");
        assert_eq!(read.issuer, read.subject);
        assert_eq!(read.common_name.as_deref(), Some("Ünit 7"));
        let names: Vec<_> = read.subject_alt_names.iter().map(|it| (it.kind.as_str(), it.value.as_str())).collect();
        let expected = [("dns", "a.example"), ("ip", "::1"), ("uri", "spiffe://example/a,b"), ("email", "a@example")];
        assert_eq!(names, expected);
        assert_eq!(read.digest.len(), 32);
        assert_eq!((read.not_before_ms, read.not_after_ms), (1_577_923_200_000.0, 2_524_694_400_000.0));
    }

    #[test]
    fn garbage_is_no_certificate() {
        assert!(content(&[]).is_err());
        assert!(content(&[0x30, 0x03, 1, 2, 3]).is_err());
    }
}
