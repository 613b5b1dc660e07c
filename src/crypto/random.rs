//! Randomness, in one place.

use rand::Rng;

/// So many random bytes from the system's generator.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    rand::rng().fill_bytes(&mut out);
    out
}

/// So many random bytes as lower-case hex.
#[must_use]
pub fn hex<const N: usize>() -> String {
    hex::encode(bytes::<N>())
}

/// A number from 0 up to and without 1, for jitter.
#[must_use]
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes::<4>())) / (f64::from(u32::MAX) + 1.0)
}

/// An id for a new app, in the form of the platform's: 16 digits, the first of them not 0, and below 2^53, because clients in JavaScript
/// send app ids as numbers.
#[must_use]
pub fn app_id() -> String {
    const SMALLEST: u64 = 1_000_000_000_000_000;
    (SMALLEST + u64::from_le_bytes(bytes::<8>()) % (8 * SMALLEST)).to_string()
}

/// A password that can be read out and typed: four groups of five characters, 100 bits.
#[must_use]
pub fn password() -> String {
    // 32 characters, none of which is easily taken for another.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters: Vec<char> = bytes::<20>().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_ids_look_like_the_platforms() {
        for _ in 0..1000 {
            let id = app_id();
            assert_eq!(id.len(), 16, "{id}");
            assert!(id.parse::<u64>().is_ok_and(|number| number < 1 << 53), "{id}");
            assert!(!id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn passwords_can_be_typed() {
        let password = password();
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5], "{password}");
        assert_ne!(super::password(), password);
    }
}
