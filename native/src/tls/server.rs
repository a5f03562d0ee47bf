//! Who a server is: its certificates by name, and whether it asks its clients for theirs. All of it is replaced at once,
//! for the handshakes that begin afterwards; connections that live have what they need.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use boring::ssl::{
    AlpnError, ClientHello, NameType, SelectCertError, SslContext, SslContextBuilder, SslMethod, SslOptions,
    SslVerifyMode,
};

use super::early_data::EarlyData;
use super::key_log::KeyLog;
use super::own::OwnCertificate;
use super::peer::dns_names;
use super::pem;
use super::tickets::TicketKeys;
use super::verify::trust;
use crate::error::{Failure, invalid};

/// Whom a server asks for a certificate, and whose it takes.
pub struct ClientAuthority {
    pub pem: String,
    /// Whether a client without one is refused.
    pub is_required: bool,
}

/// What stays the same, whoever a server is.
pub struct Manner {
    /// What is spoken.
    pub alpn: String,
    pub key_log: Option<KeyLog>,
}

/// What a server shows, made ready for handshakes.
pub struct Identity {
    default: SslContext,
    /// By server name in lower case, or by pattern with `*` for the first label.
    named: HashMap<String, SslContext>,
    verify: SslVerifyMode,
    ticket_keys: Arc<TicketKeys>,
}

/// The identity of now, which the contexts of a server's sockets look up at each handshake.
pub struct CurrentIdentity(RwLock<Arc<Identity>>);

impl Identity {
    /// `certificates`: shown to clients that ask for a name in them, the first one to all others.
    pub fn new(
        certificates: &[OwnCertificate],
        clients: Option<&ClientAuthority>,
        ticket_keys: &Arc<TicketKeys>,
        manner: &Manner,
    ) -> Result<Identity, Failure> {
        let mut named = HashMap::new();
        let mut default = None;
        for (index, certificate) in certificates.iter().enumerate() {
            let which = if index == 0 { String::new() } else { format!(" {}", index + 1) };
            let (mut context, names) = context_showing(certificate, &which, clients, manner)?;
            ticket_keys.serve(&mut context);
            let context = context.build();
            if index > 0 && names.is_empty() {
                return Err(invalid(format!("Certificate{which} names no host that a client could ask for")));
            }
            for name in names {
                named.entry(name).or_insert_with(|| context.clone());
            }
            default.get_or_insert(context);
        }
        let default = default.ok_or_else(|| invalid("A server needs a certificate"))?;
        Ok(Identity { default, named, verify: verify_mode(clients), ticket_keys: ticket_keys.clone() })
    }

    /// The context that shows the right certificate: of that very name, of a pattern for it, or the first one (RFC 9525 §6.3).
    fn context_for(&self, server_name: Option<&str>) -> &SslContext {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else { return &self.default };
        let by_pattern = || self.named.get(&format!("*{}", name.get(name.find('.')?..)?));
        self.named.get(&name).or_else(by_pattern).unwrap_or(&self.default)
    }
}

impl CurrentIdentity {
    pub fn new(identity: Identity) -> CurrentIdentity {
        CurrentIdentity(RwLock::new(Arc::new(identity)))
    }

    /// Show `identity` from the next handshake on.
    pub fn replace(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
    }

    fn now(&self) -> Arc<Identity> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A context that shows whatever `identity` is when a handshake begins, and takes early data if it is told how.
pub fn server_context(
    identity: Arc<CurrentIdentity>,
    early_data: Option<EarlyData>,
) -> Result<SslContextBuilder, Failure> {
    let mut context = SslContextBuilder::new(SslMethod::tls()).map_err(invalid)?;
    // Asked of this context whether there are keys, and of the one chosen which.
    TicketKeys::of_process()?.serve(&mut context);
    context.set_select_certificate_callback(move |mut hello: ClientHello<'_>| {
        let identity = identity.now();
        let chosen = identity.context_for(hello.servername(NameType::HOST_NAME));
        let ssl = hello.ssl_mut();
        ssl.set_verify(identity.verify);
        if identity.verify != SslVerifyMode::NONE {
            // Whoever is known by a ticket is not asked again, however much has changed since.
            ssl.set_options(SslOptions::NO_TICKET);
        }
        ssl.set_ssl_context(chosen).map_err(|_| SelectCertError::ERROR)?;
        if let Some(early_data) = &early_data {
            early_data.decide(&mut hello, identity.ticket_keys.outlive_the_process());
        }
        Ok(())
    });
    Ok(context)
}

/// A context for one certificate, and the names in that.
fn context_showing(
    certificate: &OwnCertificate,
    which: &str,
    clients: Option<&ClientAuthority>,
    manner: &Manner,
) -> Result<(SslContextBuilder, Vec<String>), Failure> {
    let mut context = SslContextBuilder::new(SslMethod::tls()).map_err(invalid)?;
    let leaf = certificate.install(&mut context, which)?;
    if let Some(clients) = clients {
        let authorities = pem::certificates(&clients.pem, "Client CA")?;
        trust(&mut context, &authorities)?;
        for authority in &authorities {
            context.add_client_ca(authority).map_err(invalid)?;
        }
    }
    // A connection uses the callbacks of the context it was given, not those quiche has set on its own.
    let spoken = manner.alpn.clone();
    context.set_alpn_select_callback(move |_, offered| {
        offered_protocol(offered, spoken.as_bytes()).ok_or(AlpnError::ALERT_FATAL)
    });
    if let Some(key_log) = &manner.key_log {
        key_log.watch(&mut context);
    }
    Ok((context, dns_names(&leaf)))
}

/// The protocol among those a client offers (RFC 7301 §3.1: a list of names, each behind its length).
fn offered_protocol<'a>(offered: &'a [u8], spoken: &[u8]) -> Option<&'a [u8]> {
    let mut rest = offered;
    while let Some((length, tail)) = rest.split_first() {
        let (name, next) = tail.split_at_checked(usize::from(*length))?;
        if name == spoken {
            return Some(name);
        }
        rest = next;
    }
    None
}

fn verify_mode(clients: Option<&ClientAuthority>) -> SslVerifyMode {
    match clients {
        None => SslVerifyMode::NONE,
        Some(ClientAuthority { is_required: false, .. }) => SslVerifyMode::PEER,
        Some(ClientAuthority { is_required: true, .. }) => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::new_key::NewKey;

    fn certificate(names: &[&str]) -> OwnCertificate {
        let key = NewKey::generate().unwrap();
        let params = rcgen::CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        OwnCertificate { certificate_pem: key.self_signed(params.unwrap()).unwrap(), key_pem: key.pem().unwrap() }
    }

    fn keys() -> Arc<TicketKeys> {
        TicketKeys::of_process().unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    fn manner() -> Manner {
        Manner { alpn: "test".to_owned(), key_log: None }
    }

    /// The names in the certificate that is shown for `name`.
    fn shown(identity: &Identity, name: Option<&str>) -> Vec<String> {
        dns_names(identity.context_for(name).certificate().unwrap())
    }

    #[test]
    fn a_certificate_is_chosen_by_its_names_and_the_first_for_all_others() {
        let certificates = [
            certificate(&["main.example", "127.0.0.1"]),
            certificate(&["*.example.org", "example.org"]),
            certificate(&["Api.Example.org"]),
        ];
        let identity =
            Identity::new(&certificates, None, &keys(), &manner()).unwrap_or_else(|failure| panic!("{failure:?}"));
        for (name, first) in [
            (None, "main.example"),
            (Some("main.example"), "main.example"),
            (Some("elsewhere.example"), "main.example"),
            (Some("example.org"), "*.example.org"),
            (Some("WWW.example.ORG"), "*.example.org"),
            (Some("api.example.org"), "api.example.org"),
            (Some("a.b.example.org"), "main.example"),
            (Some("localhost"), "main.example"),
        ] {
            assert_eq!(shown(&identity, name)[0], first, "{name:?}");
        }
    }

    #[test]
    fn mistakes_say_which_certificate() {
        let message = |certificates: &[OwnCertificate]| {
            Identity::new(certificates, None, &keys(), &manner())
                .err()
                .map(|failure| failure.message)
                .unwrap_or_default()
        };
        let first = || certificate(&["localhost"]);
        assert_eq!(message(&[]), "A server needs a certificate");
        let unnamed = certificate(&["127.0.0.1"]);
        assert_eq!(message(&[first(), unnamed]), "Certificate 2 names no host that a client could ask for");
        let mismatched = OwnCertificate { key_pem: first().key_pem, ..first() };
        assert_eq!(message(&[first(), mismatched]), "Key 2 does not belong to the certificate");
    }
}
