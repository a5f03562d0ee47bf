//! The keys of session tickets, by which a server knows again whom it has shaken hands with (RFC 5077 §4, RFC 8446 §4.6.1).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use boring::hash::MessageDigest;
use boring::hmac::HmacCtxRef;
use boring::rand::rand_bytes;
use boring::ssl::{SslContextBuilder, SslRef, TicketKeyCallbackResult};
use boring::symm::{Cipher, CipherCtxRef};

use crate::error::{Failure, internal, invalid};

/// Name, key of the MAC and key of the cipher, 16 bytes each; as in other servers.
const KEY_BYTES: usize = 48;
/// Keys that were not given are renewed after this long, and accepted as long again: BoringSSL's tickets live two days.
const RENEWAL: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Keys that encrypt and open tickets.
pub struct TicketKeys(Mutex<Keys>);

struct Keys {
    /// The first encrypts, all of them open.
    all: Vec<TicketKey>,
    /// When the first was made, if it was made here.
    made: Option<Instant>,
}

#[derive(Clone)]
struct TicketKey {
    name: [u8; 16],
    mac: [u8; 16],
    cipher: [u8; 16],
}

impl TicketKeys {
    /// Those given, newest first.
    pub fn given(keys: &[impl AsRef<[u8]>]) -> Result<Arc<TicketKeys>, Failure> {
        let read = |key: &[u8]| {
            TicketKey::of(key)
                .ok_or_else(|| invalid(format!("A ticket key has {} bytes, expected {KEY_BYTES}", key.len())))
        };
        let all: Vec<TicketKey> = keys.iter().map(|key| read(key.as_ref())).collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Err(invalid("No ticket key was given"));
        }
        Ok(Arc::new(TicketKeys(Mutex::new(Keys { all, made: None }))))
    }

    /// Those of this process, the same for all of its servers.
    pub fn of_process() -> Result<Arc<TicketKeys>, Failure> {
        static KEYS: OnceLock<Arc<TicketKeys>> = OnceLock::new();
        if let Some(keys) = KEYS.get() {
            return Ok(keys.clone());
        }
        let first = TicketKey::random().ok_or_else(internal)?;
        let keys = Keys { all: vec![first], made: Some(Instant::now()) };
        Ok(KEYS.get_or_init(|| Arc::new(TicketKeys(Mutex::new(keys)))).clone())
    }

    /// Whether they were given, so that an earlier process may have had them too.
    pub fn outlive_the_process(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).made.is_none()
    }

    /// Let `context` use them.
    pub fn serve(self: &Arc<TicketKeys>, context: &mut SslContextBuilder) {
        let keys = self.clone();
        // SAFETY: on `Success` name, vector, cipher and MAC are set, as BoringSSL asks.
        unsafe {
            context.set_ticket_key_callback(move |_: &SslRef, name, vector, cipher, mac, encrypts| {
                let key = if encrypts { keys.newest(Instant::now()) } else { keys.named(name) };
                // A ticket of nobody's is no failure: the handshake is a full one then.
                let Some(key) = key else { return TicketKeyCallbackResult::Noop };
                let done = if encrypts {
                    *name = key.name;
                    rand_bytes(vector).is_ok() && key.encrypt(vector, cipher, mac)
                } else {
                    key.open(vector, cipher, mac)
                };
                if done { TicketKeyCallbackResult::Success } else { TicketKeyCallbackResult::Error }
            });
        }
    }

    fn newest(&self, now: Instant) -> Option<TicketKey> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.made.is_some_and(|made| now.saturating_duration_since(made) >= RENEWAL) {
            keys.all.insert(0, TicketKey::random()?);
            keys.all.truncate(2);
            keys.made = Some(now);
        }
        keys.all.first().cloned()
    }

    fn named(&self, name: &[u8; 16]) -> Option<TicketKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.all.iter().find(|key| key.name == *name).cloned()
    }
}

impl TicketKey {
    fn of(bytes: &[u8]) -> Option<TicketKey> {
        let (parts, []) = bytes.as_chunks::<16>() else { return None };
        let [name, mac, cipher] = *parts else { return None };
        Some(TicketKey { name, mac, cipher })
    }

    fn random() -> Option<TicketKey> {
        let mut bytes = [0; KEY_BYTES];
        rand_bytes(&mut bytes).ok()?;
        TicketKey::of(&bytes)
    }

    fn encrypt(&self, vector: &[u8; 16], cipher: &mut CipherCtxRef, mac: &mut HmacCtxRef) -> bool {
        cipher.init_encrypt(&Cipher::aes_128_cbc(), &self.cipher, vector).is_ok()
            && mac.init(&self.mac, &MessageDigest::sha256()).is_ok()
    }

    fn open(&self, vector: &[u8; 16], cipher: &mut CipherCtxRef, mac: &mut HmacCtxRef) -> bool {
        cipher.init_decrypt(&Cipher::aes_128_cbc(), &self.cipher, vector).is_ok()
            && mac.init(&self.mac, &MessageDigest::sha256()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_keys_stay_and_the_first_encrypts() {
        let keys = TicketKeys::given(&[[1; 48], [2; 48]]).unwrap_or_else(|failure| panic!("{failure:?}"));
        let later = Instant::now() + RENEWAL * 3;
        assert_eq!(keys.newest(later).map(|key| key.name), Some([1; 16]));
        assert_eq!(keys.named(&[2; 16]).map(|key| key.cipher), Some([2; 16]));
        assert!(keys.named(&[3; 16]).is_none());
    }

    #[test]
    fn own_keys_are_renewed_and_the_last_one_still_opens() {
        let start = Instant::now();
        let keys = Keys { all: vec![TicketKey::random().unwrap()], made: Some(start) };
        let keys = TicketKeys(Mutex::new(keys));
        let [first, same, second, third] =
            [Duration::ZERO, RENEWAL / 2, RENEWAL, RENEWAL * 2].map(|after| keys.newest(start + after).unwrap().name);
        assert_eq!(first, same);
        assert!(first != second && second != third);
        assert!(keys.named(&first).is_none() && keys.named(&second).is_some());
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        let message = |keys: &[Vec<u8>]| TicketKeys::given(keys).err().map(|failure| failure.message);
        assert_eq!(message(&[vec![0; 32]]).as_deref(), Some("A ticket key has 32 bytes, expected 48"));
        assert_eq!(message(&[vec![0; 49]]).as_deref(), Some("A ticket key has 49 bytes, expected 48"));
        assert_eq!(message(&[]).as_deref(), Some("No ticket key was given"));
    }
}
