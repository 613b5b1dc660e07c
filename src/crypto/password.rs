//! Passwords of people: argon2id, in PHC form. Both functions take some ten milliseconds and 19 MiB: call them where blocking is allowed.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::random;

/// Fewest characters a password may have.
pub const MIN_CHARS: usize = 10;
/// Most bytes a password may have: more is no stronger, and hashing it is work.
pub const MAX_BYTES: usize = 1024;

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("a password needs at least {MIN_CHARS} characters")]
    TooShort,
    /// More than [`MAX_BYTES`] bytes.
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    /// The hash could not be made.
    #[error("the password could not be hashed")]
    Hash,
}

/// The hash to keep, with its parameters and a random salt: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
///
/// # Errors
/// [`PasswordError`] when it is too short or too long.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let salt = random::bytes::<16>();
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether this is the password of that hash. A hash that cannot be read fits nothing.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    password.len() <= MAX_BYTES
        && PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// From the test suite of the reference implementation (P-H-C/phc-winner-argon2, src/test.c).
    const PUBLISHED: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn verifies_the_published_vector() {
        assert!(verify("password", PUBLISHED));
        assert!(!verify("Password", PUBLISHED));
        assert!(!verify("", PUBLISHED));
    }

    #[test]
    fn hashes_with_the_recommended_parameters() {
        let kept = hash("ein gutes Wörtchen 🔑").unwrap();
        // OWASP Password Storage Cheat Sheet: argon2id with m=19 MiB, t=2, p=1.
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("ein gutes Wörtchen 🔑", &kept));
        assert!(!verify("ein gutes Wortchen 🔑", &kept));
        assert_ne!(hash("ein gutes Wörtchen 🔑").unwrap(), kept);
    }

    #[test]
    fn refuses_what_is_no_password_or_no_hash() {
        assert_eq!(hash("ßßßßßßßßß"), Err(PasswordError::TooShort));
        assert_eq!(hash(&"x".repeat(1025)), Err(PasswordError::TooLong));
        for broken in ["", "password", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(!verify("password", broken), "{broken}");
        }
    }
}
