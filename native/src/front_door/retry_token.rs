//! Tokens of Retry packets (RFC 9000 §8.1.2, §8.1.4): everything the server has to remember, sealed, in the hands of the client.
//!
//! One byte that marks the layout, 24 random bytes of nonce, then sealed: the moment of expiry (8 bytes, microseconds), and
//! the connection id the client chose at first (its length, and 20 bytes). The seal covers the client's address and port,
//! and the connection id that the Retry packet gave the client: a token is good for this client and this handshake only.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use boring::aead::{AeadCtx, Algorithm};
use boring::rand::rand_bytes;

/// How long a client may take to come back.
pub const LIFETIME_US: u64 = 10_000_000;
/// Bytes of a token.
pub const TOKEN_BYTES: usize = 1 + NONCE_BYTES + BODY_BYTES + TAG_BYTES;

/// Distinguishes these tokens from others, which a client may have of another implementation (RFC 9000 §8.1.3).
const MARK: u8 = 0xe5;
/// Of XChaCha20-Poly1305: long enough to be chosen at random for ever.
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const MAX_ID_BYTES: usize = 20;
const BODY_BYTES: usize = 8 + 1 + MAX_ID_BYTES;

/// Seals and opens tokens.
pub struct RetryTokens {
    key: [u8; 32],
}

/// What a token says of the handshake.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// The client proved its address; it had chosen this id at first.
    Valid(Vec<u8>),
    /// It has the layout of these tokens and is forged, expired or of another client or server.
    Refused,
    /// Not a token of this kind at all.
    Foreign,
}

impl RetryTokens {
    pub fn new(key: [u8; 32]) -> RetryTokens {
        RetryTokens { key }
    }

    /// A token for the client at `from`, which sent its first packet to `original_id` and sends the next one to `retry_id`.
    /// `None` when the id is too long, or there is no randomness.
    pub fn seal(
        &self,
        from: SocketAddr,
        original_id: &[u8],
        retry_id: &[u8],
        now_us: u64,
    ) -> Option<[u8; TOKEN_BYTES]> {
        let mut token = [0; TOKEN_BYTES];
        let (mark, rest) = token.split_first_mut()?;
        let (nonce, rest) = rest.split_at_mut_checked(NONCE_BYTES)?;
        let (body, tag) = rest.split_at_mut_checked(BODY_BYTES)?;
        *mark = MARK;
        rand_bytes(nonce).ok()?;
        let (expiry, id) = body.split_at_mut_checked(8)?;
        expiry.copy_from_slice(&now_us.saturating_add(LIFETIME_US).to_be_bytes());
        let (length, id) = id.split_first_mut()?;
        id.get_mut(..original_id.len())?.copy_from_slice(original_id);
        *length = original_id.len() as u8;
        self.cipher()?.seal_in_place_mut(nonce, body, tag, &bound_to(from, retry_id)).ok()?;
        Some(token)
    }

    /// Open the token of a packet to `retry_id` that came from `from`.
    pub fn open(&self, token: &[u8], from: SocketAddr, retry_id: &[u8], now_us: u64) -> Opened {
        if token.len() != TOKEN_BYTES || token.first() != Some(&MARK) {
            return Opened::Foreign;
        }
        self.unseal(token, from, retry_id, now_us).map_or(Opened::Refused, Opened::Valid)
    }

    fn unseal(&self, token: &[u8], from: SocketAddr, retry_id: &[u8], now_us: u64) -> Option<Vec<u8>> {
        let mut body = [0; BODY_BYTES];
        let (nonce, rest) = token.get(1..)?.split_at_checked(NONCE_BYTES)?;
        let (sealed, tag) = rest.split_at_checked(BODY_BYTES)?;
        body.copy_from_slice(sealed);
        self.cipher()?.open_in_place_mut(nonce, &mut body, tag, &bound_to(from, retry_id)).ok()?;
        let (expiry, id) = body.split_at_checked(8)?;
        if u64::from_be_bytes(expiry.try_into().ok()?) < now_us {
            return None;
        }
        let (length, id) = id.split_first()?;
        Some(id.get(..usize::from(*length))?.to_vec())
    }

    fn cipher(&self) -> Option<AeadCtx> {
        AeadCtx::new_default_tag(&Algorithm::xchacha20_poly1305(), &self.key).ok()
    }
}

/// The additional data of the seal.
fn bound_to(from: SocketAddr, retry_id: &[u8]) -> Vec<u8> {
    let ip = match from.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    [&Ipv6Addr::octets(&ip)[..], &from.port().to_be_bytes(), retry_id].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY_ID: [u8; 16] = [9; 16];
    const NOW_US: u64 = 1_000_000_000;

    fn client() -> SocketAddr {
        ([192, 0, 2, 1], 4433).into()
    }

    #[test]
    fn a_token_gives_back_the_first_id_until_it_expires() {
        let tokens = RetryTokens::new([1; 32]);
        for id in [&[7; 8][..], &[7; 20], &[]] {
            let token = tokens.seal(client(), id, &RETRY_ID, NOW_US).unwrap();
            for now_us in [NOW_US, NOW_US + LIFETIME_US] {
                assert_eq!(tokens.open(&token, client(), &RETRY_ID, now_us), Opened::Valid(id.to_vec()));
            }
            assert_eq!(tokens.open(&token, client(), &RETRY_ID, NOW_US + LIFETIME_US + 1), Opened::Refused);
        }
    }

    #[test]
    fn a_token_is_good_for_its_client_its_handshake_and_its_server_only() {
        let tokens = RetryTokens::new([1; 32]);
        let token = tokens.seal(client(), &[7; 8], &RETRY_ID, NOW_US).unwrap();
        for other in ["192.0.2.1:4434", "192.0.2.2:4433", "[2001:db8::1]:4433"] {
            assert_eq!(tokens.open(&token, other.parse().unwrap(), &RETRY_ID, NOW_US), Opened::Refused);
        }
        assert_eq!(tokens.open(&token, client(), &[8; 16], NOW_US), Opened::Refused);
        assert_eq!(RetryTokens::new([2; 32]).open(&token, client(), &RETRY_ID, NOW_US), Opened::Refused);
    }

    #[test]
    fn a_token_with_one_bit_changed_is_not_valid() {
        let tokens = RetryTokens::new([1; 32]);
        let token = tokens.seal(client(), &[7; 8], &RETRY_ID, NOW_US).unwrap();
        for bit in 0..TOKEN_BYTES * 8 {
            let mut changed = token;
            changed[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 8 { Opened::Foreign } else { Opened::Refused };
            assert_eq!(tokens.open(&changed, client(), &RETRY_ID, NOW_US), expected);
        }
    }

    #[test]
    fn what_is_no_token_of_this_kind_is_told_apart() {
        let tokens = RetryTokens::new([1; 32]);
        for token in [&[][..], &[MARK], &[0; TOKEN_BYTES], &[MARK; TOKEN_BYTES + 1]] {
            assert_eq!(tokens.open(token, client(), &RETRY_ID, NOW_US), Opened::Foreign);
        }
        assert_eq!(tokens.seal(client(), &[7; 21], &RETRY_ID, NOW_US), None);
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let tokens = RetryTokens::new([1; 32]);
        let [one, other] = [(); 2].map(|()| tokens.seal(client(), &[7; 8], &RETRY_ID, NOW_US).unwrap());
        assert_ne!(one, other);
    }
}
