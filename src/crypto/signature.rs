//! Signatures over bodies, and proofs of tokens, as the platform makes them.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Why a signature is not believed. Told apart for counters and logs; the sender learns only that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// No header.
    #[error("no signature")]
    Missing,
    /// Not `sha256=` and 64 hex digits.
    #[error("a signature that cannot be read")]
    Malformed,
    /// Only the older SHA-1 signature, which proves too little.
    #[error("a SHA-1 signature only")]
    Sha1Only,
    /// Well-formed, but of other bytes or by another key.
    #[error("a signature that does not fit")]
    Wrong,
}

/// HMAC-SHA256 in lower-case hex: what follows `sha256=` in `X-Hub-Signature-256`.
#[must_use]
pub fn sha256_hex(key: &[u8], body: &[u8]) -> String {
    hex::encode(sha256(key, body).finalize().into_bytes())
}

/// HMAC-SHA256 over these parts, one after the other.
#[must_use]
pub fn sha256_of(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed::<Hmac<Sha256>>(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA1 in lower-case hex: what follows `sha1=` in `X-Hub-Signature`. Only ever made, for receivers that know no other; never believed.
#[must_use]
pub fn sha1_hex(key: &[u8], body: &[u8]) -> String {
    let mut mac = keyed::<Hmac<Sha1>>(key);
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Checks `X-Hub-Signature-256` over the raw bytes of a body, in constant time, against each key (two while a secret is rotated).
/// An empty key proves nothing and fits nothing. Where the header is missing but `X-Hub-Signature` is there, that one may be given
/// so that [`BadSignature::Sha1Only`] can be told.
///
/// # Errors
/// [`BadSignature`] unless one of the keys signed these bytes.
pub fn verify_sha256(keys: &[&[u8]], body: &[u8], header: Option<&str>) -> Result<(), BadSignature> {
    let header = header.map(str::trim).filter(|header| !header.is_empty()).ok_or(BadSignature::Missing)?;
    if header.starts_with("sha1=") {
        return Err(BadSignature::Sha1Only);
    }
    let digits = header.strip_prefix("sha256=").ok_or(BadSignature::Malformed)?;
    let mut given = [0; 32];
    hex::decode_to_slice(digits, &mut given).map_err(|_| BadSignature::Malformed)?;
    // Every key is tried, so that the time does not tell which one fits.
    let fits = keys.iter().filter(|key| !key.is_empty()).fold(false, |fits, key| sha256(key, body).verify_slice(&given).is_ok() | fits);
    if fits { Ok(()) } else { Err(BadSignature::Wrong) }
}

/// The `appsecret_proof` of a token: HMAC-SHA256 with the app's secret as key and the token as data, in lower-case hex.
#[must_use]
pub fn appsecret_proof(secret: &str, token: &str) -> String {
    sha256_hex(secret.as_bytes(), token.as_bytes())
}

/// Whether `given` is the `appsecret_proof` of the token; compared in constant time, hex in either case.
#[must_use]
pub fn verify_proof(secret: &str, token: &str, given: &str) -> bool {
    let mut bytes = [0; 32];
    !secret.is_empty()
        && hex::decode_to_slice(given, &mut bytes).is_ok()
        && sha256(secret.as_bytes(), token.as_bytes()).verify_slice(&bytes).is_ok()
}

fn sha256(key: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed::<Hmac<Sha256>>(key);
    mac.update(body);
    mac
}

/// An HMAC with this key. HMAC takes keys of every length, so the error the trait provides for cannot happen.
fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    match <M as KeyInit>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of every length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "geheim-ß";
    const BODY: &str = r#"{"text":"Grüße 🦀 aus Köln"}"#;
    // printf '{"text":"Grüße 🦀 aus Köln"}' | openssl dgst -sha256 -hmac 'geheim-ß'
    const SHA256: &str = "3f38e2fe1f0af5ec431415f7aa16b1132c0c91920b322b17d73414e5e53d135c";
    // printf '{"text":"Grüße 🦀 aus Köln"}\n' | openssl dgst -sha256 -hmac 'geheim-ß'
    const SHA256_NEWLINE: &str = "c35df53aad925b808786fe76fdc75f85fd231400d0edb6937accea417635092c";
    // printf '' | openssl dgst -sha256 -hmac 'geheim-ß'
    const SHA256_EMPTY: &str = "ec7e7895c3f29dc4d1efaff996f65e701a132b6c4900e3e1e52b1473f42fa9aa";
    // printf '{"text":"Grüße 🦀 aus Köln"}' | openssl dgst -sha1 -hmac 'geheim-ß'
    const SHA1: &str = "be548e6bc7a92df438875f64f031733b84c8f791";

    #[test]
    fn signs_as_openssl_does() {
        assert_eq!(sha256_hex(KEY.as_bytes(), BODY.as_bytes()), SHA256);
        assert_eq!(sha256_hex(KEY.as_bytes(), format!("{BODY}\n").as_bytes()), SHA256_NEWLINE);
        assert_eq!(sha256_hex(KEY.as_bytes(), b""), SHA256_EMPTY);
        assert_eq!(sha1_hex(KEY.as_bytes(), BODY.as_bytes()), SHA1);
        let (begin, rest) = BODY.as_bytes().split_at(5);
        assert_eq!(hex::encode(sha256_of(KEY.as_bytes(), &[begin, b"", rest])), SHA256);
    }

    #[test]
    fn believes_only_the_right_signature() {
        use BadSignature::{Malformed, Missing, Sha1Only, Wrong};
        let with_newline = format!("{BODY}\n");
        let cases: [(&str, Option<String>, Result<(), BadSignature>); 14] = [
            (BODY, Some(format!("sha256={SHA256}")), Ok(())),
            (BODY, Some(format!("sha256={}", SHA256.to_uppercase())), Ok(())),
            (&with_newline, Some(format!("sha256={SHA256_NEWLINE}")), Ok(())),
            ("", Some(format!("sha256={SHA256_EMPTY}")), Ok(())),
            (&with_newline, Some(format!("sha256={SHA256}")), Err(Wrong)),
            (BODY, Some(format!("sha256={SHA256_NEWLINE}")), Err(Wrong)),
            (BODY, None, Err(Missing)),
            (BODY, Some("  ".into()), Err(Missing)),
            (BODY, Some(format!("sha1={SHA1}")), Err(Sha1Only)),
            (BODY, Some(SHA256.into()), Err(Malformed)),
            (BODY, Some(format!("SHA256={SHA256}")), Err(Malformed)),
            (BODY, Some("sha256=".into()), Err(Malformed)),
            (BODY, Some(format!("sha256={}", &SHA256[2..])), Err(Malformed)),
            (BODY, Some(format!("sha256={SHA256}, sha256={SHA256}")), Err(Malformed)),
        ];
        for (body, header, expected) in cases {
            assert_eq!(verify_sha256(&[KEY.as_bytes()], body.as_bytes(), header.as_deref()), expected, "{header:?}");
        }
    }

    #[test]
    fn tries_every_key_and_no_empty_one() {
        let header = format!("sha256={SHA256}");
        let check = |keys: &[&[u8]]| verify_sha256(keys, BODY.as_bytes(), Some(&header));
        assert_eq!(check(&[b"new", KEY.as_bytes()]), Ok(()));
        assert_eq!(check(&[KEY.as_bytes(), b"old"]), Ok(()));
        assert_eq!(check(&[b"new", b"old"]), Err(BadSignature::Wrong));
        assert_eq!(check(&[]), Err(BadSignature::Wrong));
        // printf 'x' | openssl dgst -sha256 -mac HMAC -macopt hexkey: gives the HMAC under an empty key.
        let empty = format!("sha256={}", sha256_hex(b"", b"x"));
        assert_eq!(verify_sha256(&[b""], b"x", Some(&empty)), Err(BadSignature::Wrong));
    }

    #[test]
    fn proves_tokens_as_openssl_does() {
        // printf 'EAAGtoken' | openssl dgst -sha256 -hmac '0123456789abcdef'
        let proof = "58ff4403fa2ba09bd078d18068bbe5277079901c78eb3476e4b437f211025eaa";
        assert_eq!(appsecret_proof("0123456789abcdef", "EAAGtoken"), proof);
        assert!(verify_proof("0123456789abcdef", "EAAGtoken", proof));
        assert!(verify_proof("0123456789abcdef", "EAAGtoken", &proof.to_uppercase()));
        for (secret, token, given) in [
            ("0123456789abcdee", "EAAGtoken", proof),
            ("0123456789abcdef", "EAAGtokem", proof),
            ("0123456789abcdef", "EAAGtoken", ""),
            ("0123456789abcdef", "EAAGtoken", &proof[1..]),
            ("", "EAAGtoken", proof),
        ] {
            assert!(!verify_proof(secret, token, given), "{secret} {token} {given}");
        }
    }
}
