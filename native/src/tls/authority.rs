//! The development authority: one per user, created when first needed, believed only for servers on this machine.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyUsagePurpose, NameConstraints,
};

use super::new_key::NewKey;
use super::own::OwnCertificate;
use crate::error::{Failure, io_text, unavailable};

/// What a development server answers to.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Validity of the authority, and of the certificates issued at each start of a server.
const AUTHORITY_DAYS: u64 = 3650;
const LEAF_DAYS: u64 = 90;
/// Clocks of containers and virtual machines run a little apart.
const BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// The authority's certificate (PEM), if there is an authority yet.
pub fn certificate() -> Option<String> {
    read(&state_folder().ok()?).map(|(certificate, _)| certificate)
}

/// A new certificate for `localhost`, `127.0.0.1` and `::1`, issued by this user's authority.
pub fn issue() -> Result<OwnCertificate, Failure> {
    let (_, key) = load_or_create(&state_folder()?)?;
    let issuer = Issuer::new(authority_params(), NewKey::from_pem(&key).map_err(unusable)?);
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).map_err(unusable)?;
    params.distinguished_name = name("localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut params, LEAF_DAYS);
    let key = NewKey::generate().map_err(unusable)?;
    let certificate_pem = key.signed_by(params, &issuer).map_err(unusable)?;
    Ok(OwnCertificate { certificate_pem, key_pem: key.pem().map_err(unusable)? })
}

fn unusable(error: rcgen::Error) -> Failure {
    unavailable(format!("The development authority cannot be used ({error}); pass a certificate and key"))
}

/// `ECHOSTREAM_STATE_DIR`, or the platform's place for state of programs.
fn state_folder() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if let Some(folder) = env::var_os("ECHOSTREAM_STATE_DIR") {
        Some(PathBuf::from(folder))
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Application Support/echostream"))
    } else if cfg!(windows) {
        absolute("LOCALAPPDATA").map(|data| data.join("echostream"))
    } else {
        absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .map(|state| state.join("echostream"))
    };
    folder.ok_or_else(|| {
        unavailable(
            "No folder for the development certificate; set ECHOSTREAM_STATE_DIR, or pass a certificate and key",
        )
    })
}

/// Certificate and key share one file, so that two processes can never mix halves of two authorities.
fn file(folder: &Path) -> PathBuf {
    folder.join("development-authority.pem")
}

fn read(folder: &Path) -> Option<(String, String)> {
    let text = fs::read_to_string(file(folder)).ok()?;
    let key = text.find("-----BEGIN PRIVATE KEY-----")?;
    Some((text.get(..key)?.to_owned(), text.get(key..)?.to_owned()))
}

fn load_or_create(folder: &Path) -> Result<(String, String), Failure> {
    if let Some(found) = read(folder) {
        return Ok(found);
    }
    let key = NewKey::generate().map_err(unusable)?;
    let certificate = key.self_signed(authority_params()).map_err(unusable)?;
    let text = format!("{certificate}{}", key.pem().map_err(unusable)?);
    publish(folder, &text).map_err(|error| {
        unavailable(format!(
            "Cannot keep the development certificate in {} ({}); set ECHOSTREAM_STATE_DIR, or pass a certificate and key",
            folder.display(),
            io_text(&error)
        ))
    })?;
    // Another process may have been first; its authority is the one.
    read(folder).ok_or_else(|| unavailable(format!("{} is damaged; delete it and start again", file(folder).display())))
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name = name("echostream development authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Names only: BoringSSL refuses a chain with IP constraints. For addresses, the dialling side looks where it connects.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("localhost".to_owned())],
        excluded_subtrees: vec![],
    });
    set_validity(&mut params, AUTHORITY_DAYS);
    params
}

/// Write the file completely under another name, then link it: it appears whole, and never over one that is there.
fn publish(folder: &Path, text: &str) -> io::Result<()> {
    create_folder(folder)?;
    let draft = folder.join(format!("draft-{}-{:?}", std::process::id(), std::thread::current().id()));
    let result = write_private(&draft, text).and_then(|()| match fs::hard_link(&draft, file(folder)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no links; a rename is as atomic, and the last of two racing processes wins.
        Err(_) => fs::rename(&draft, file(folder)),
        Ok(()) => Ok(()),
    });
    let _ = fs::remove_file(&draft);
    result
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn set_validity(params: &mut CertificateParams, days: u64) {
    let now = SystemTime::now();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + Duration::from_secs(days * 24 * 60 * 60)).into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        env::temp_dir().join(format!("echostream-authority-{name}-{}", std::process::id()))
    }

    #[test]
    fn racing_processes_agree_on_one_authority() {
        let folder = folder("race");
        let found: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.clone();
                std::thread::spawn(move || load_or_create(&folder).map(|(certificate, _)| certificate).ok())
            })
            .map(|thread| thread.join().ok().flatten())
            .collect();
        assert!(found.iter().all(|certificate| certificate.is_some() && *certificate == found[0]));
        assert_eq!(fs::read_dir(&folder).into_iter().flatten().count(), 1, "no draft is left behind");
        fs::remove_dir_all(&folder).ok();
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("mode");
        load_or_create(&folder).ok();
        let mode = fs::metadata(file(&folder)).map(|data| data.permissions().mode() & 0o777).ok();
        assert_eq!(mode, Some(0o600));
        fs::remove_dir_all(&folder).ok();
    }
}
