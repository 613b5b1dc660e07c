//! Secrets at rest: XChaCha20-Poly1305, bound to the place where they are kept.
//!
//! A sealed value is one version byte, 24 random bytes of nonce, and the ciphertext with its 16-byte tag. The place (`table.column.id`) is
//! authenticated but not stored, so that a value moved to another row does not open there.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::random;

/// The one layout there is so far.
const VERSION: u8 = 1;
/// Length of an XChaCha20 nonce, in bytes.
const NONCE: usize = 24;

/// Why a value was not sealed or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too long to be sealed.
    #[error("the secret is too long to be sealed")]
    TooLong,
    /// Not a sealed value, or of a layout that this program does not know.
    #[error("not a sealed value this program can read")]
    Unreadable,
    /// Sealed with another key, for another place, or changed since.
    #[error("the sealing key does not fit this value")]
    Wrong,
}

/// Seals and opens secrets with one key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// With this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Seals a secret for one place, `table.column.id`.
    ///
    /// # Errors
    /// [`SealError::TooLong`] beyond the cipher's limit of some 256 GiB.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::bytes::<NONCE>();
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let ciphertext = self.cipher.encrypt(&nonce.into(), payload).map_err(|_| SealError::TooLong)?;
        let mut sealed = Vec::with_capacity(1 + NONCE + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] for what is no sealed value, [`SealError::Wrong`] for another key or place and for changed bytes.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_for(place.as_bytes(), sealed)
    }

    fn open_for(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Unreadable)?;
        if version != VERSION {
            return Err(SealError::Unreadable);
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Unreadable)?;
        self.cipher.decrypt(nonce.into(), Payload { msg: ciphertext, aad: place }).map_err(|_| SealError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn opens_the_published_vector() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap());
        let nonce: Vec<u8> = (0x40..0x58).collect();
        let place = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
        let ciphertext = hex::decode(concat!(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb",
            "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452",
            "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
            "21f9664c97637da9768812f615c68b13b52e",
            "c0875924c1c7987947deafd8780acf49"
        ))
        .unwrap();
        let sealed = [vec![1], nonce, ciphertext].concat();
        let plain = Sealer::new(&key).open_for(&place, &sealed).unwrap();
        let expected = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        assert_eq!(String::from_utf8(plain).unwrap(), expected);
    }

    #[test]
    fn opens_only_in_its_place_with_its_key() {
        let sealer = Sealer::new(&KEY);
        for plain in [&b""[..], "Schlüssel 🔑\n".as_bytes(), &[0; 4096]] {
            let sealed = sealer.seal("pages.token.1", plain).unwrap();
            assert_eq!(sealer.open("pages.token.1", &sealed), Ok(plain.to_vec()));
            assert_eq!(sealer.open("pages.token.2", &sealed), Err(SealError::Wrong));
            assert_eq!(Sealer::new(&[7; 32]).open("pages.token.1", &sealed), Err(SealError::Wrong));
        }
    }

    #[test]
    fn refuses_every_changed_byte() {
        let sealer = Sealer::new(&KEY);
        let sealed = sealer.seal("apps.secret.1", b"geheim").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open("apps.secret.1", &changed).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open("apps.secret.1", &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn never_seals_alike() {
        let sealer = Sealer::new(&KEY);
        assert_ne!(sealer.seal("a.b.1", b"x").unwrap(), sealer.seal("a.b.1", b"x").unwrap());
    }

    #[test]
    fn tells_nothing_in_debug() {
        assert_eq!(format!("{:?}", Sealer::new(&KEY)), "Sealer");
    }
}
