//! Tokens that Baton issues. Only their hash is kept: 32 random bytes need no slow hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::random;

/// Prefix of the Page tokens issued to apps, so that a token found in a log or a repository can be told for what it is.
pub const PAGE_TOKEN: &str = "baton_page_";

/// A new token: the prefix and 32 random bytes as unpadded base64url. Beside it the hash to keep.
#[must_use]
pub fn issue(prefix: &str) -> (String, [u8; 32]) {
    let token = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::bytes::<32>()));
    let hash = hash(&token);
    (token, hash)
}

/// SHA-256 of the whole token with its prefix.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_openssl_does() {
        // printf 'baton_pt_abc' | openssl dgst -sha256
        assert_eq!(hex::encode(hash("baton_pt_abc")), "8453f78760824945bcedeb06d2dec518bdad1a4028c5b3f6646ca46957612ba6");
    }

    #[test]
    fn issues_tokens_that_fit_urls_and_headers() {
        let (token, kept) = issue(PAGE_TOKEN);
        assert_eq!(kept, hash(&token));
        let random = token.strip_prefix("baton_page_").unwrap_or_default();
        assert_eq!(random.len(), 43, "32 bytes in base64: {token}");
        assert!(random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token}");
        assert_ne!(issue(PAGE_TOKEN).0, token);
    }
}
