//! The system's root certificates.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use boring::x509::X509;

/// Bundles of the systems in use: Debian and Alpine, Fedora and RHEL, openSUSE, macOS and the BSDs.
#[cfg(not(windows))]
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];
/// A folder of single certificates, read when there is no bundle.
#[cfg(not(windows))]
const FOLDER: &str = "/etc/ssl/certs";

/// Roots and where they were looked for.
pub struct Roots {
    pub certificates: Vec<X509>,
    pub searched: Vec<PathBuf>,
}

/// The roots, read once per process. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the usual places, as with OpenSSL.
pub fn system_roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let file = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let folder = env::var_os("SSL_CERT_DIR").map(PathBuf::from);
        if file.is_some() || folder.is_some() {
            return read(file.into_iter().collect(), folder);
        }
        #[cfg(windows)]
        return Roots { certificates: system_store(), searched: vec![PathBuf::from("the certificate store ROOT")] };
        #[cfg(not(windows))]
        read(BUNDLES.iter().map(PathBuf::from).collect(), Some(PathBuf::from(FOLDER)))
    })
}

fn read(bundles: Vec<PathBuf>, folder: Option<PathBuf>) -> Roots {
    let mut searched = Vec::new();
    for bundle in bundles {
        let certificates = read_file(&bundle);
        searched.push(bundle);
        if !certificates.is_empty() {
            return Roots { certificates, searched };
        }
    }
    let mut certificates = Vec::new();
    if let Some(folder) = folder {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            certificates.append(&mut read_file(&entry.path()));
        }
        searched.push(folder);
    }
    Roots { certificates, searched }
}

/// Windows keeps roots in a store of its own.
#[cfg(windows)]
fn system_store() -> Vec<X509> {
    use windows_sys::Win32::Security::Cryptography::{
        CertCloseStore, CertEnumCertificatesInStore, CertOpenSystemStoreW,
    };
    let name: Vec<u16> = "ROOT\0".encode_utf16().collect();
    let mut certificates = Vec::new();
    // SAFETY: the name ends in a zero; each context is valid until it is passed on for the next, which frees it.
    unsafe {
        let store = CertOpenSystemStoreW(0, name.as_ptr());
        if store.is_null() {
            return certificates;
        }
        let mut context = CertEnumCertificatesInStore(store, std::ptr::null());
        while let Some(found) = context.as_ref() {
            let der = std::slice::from_raw_parts(found.pbCertEncoded, found.cbCertEncoded as usize);
            certificates.extend(X509::from_der(der));
            context = CertEnumCertificatesInStore(store, context);
        }
        CertCloseStore(store, 0);
    }
    certificates
}

/// The certificates of a bundle; one that cannot be read does not spoil the others.
fn read_file(path: &Path) -> Vec<X509> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive(END)
        .filter_map(|part| part.get(part.find("-----BEGIN CERTIFICATE-----")?..))
        .filter_map(|block| X509::from_pem(block.as_bytes()).ok())
        .collect()
}
