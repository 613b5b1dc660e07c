//! The bytes of a webhook and their signatures.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

/// A JSON value as the platform writes it: ASCII only (`\u00e4`, lower-case hex), slashes escaped. Signatures are made over these bytes.
pub fn escaped(body: &Value) -> String {
    let plain = body.to_string();
    let mut ascii = String::with_capacity(plain.len() + plain.len() / 8);
    for character in plain.chars() {
        match character {
            '/' => ascii.push_str("\\/"),
            character if character.is_ascii() => ascii.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    ascii
}

fn tag<M: Mac + KeyInit>(key: &str, message: &[u8]) -> Option<String> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(message);
    Some(hex::encode(mac.finalize().into_bytes()))
}

/// HMAC-SHA256 in lower-case hex. HMAC takes keys of any length, so this does not fail; the empty string stands for the impossible case.
pub fn hmac_sha256_hex(key: &str, message: &[u8]) -> String {
    tag::<Hmac<Sha256>>(key, message).unwrap_or_default()
}

/// The values of `X-Hub-Signature` and `X-Hub-Signature-256`.
pub fn signatures(secret: &str, body: &[u8]) -> (String, String) {
    let sha1 = tag::<Hmac<Sha1>>(secret, body).unwrap_or_default();
    (format!("sha1={sha1}"), format!("sha256={}", hmac_sha256_hex(secret, body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn signatures_are_those_of_openssl() {
        // printf '%s' '{"object":"page","t":"\u00e4\u00f6 a\/b"}' | openssl dgst -sha1 -hmac 'app-secret'   (and -sha256)
        let body = br#"{"object":"page","t":"\u00e4\u00f6 a\/b"}"#;
        let (sha1, sha256) = signatures("app-secret", body);
        assert_eq!(sha1, "sha1=595c837921c617f44b90f6704ea3f43e9944d7dd");
        assert_eq!(sha256, "sha256=6f13db670eb2ac1ca49b5d1de006f4adcef4f06ce229d2461dc94a1733c8e404");
    }

    #[test]
    fn the_body_is_ascii_with_escaped_slashes() {
        // The shape of the platform's remark on signatures: äöå is sent as \u00e4\u00f6\u00e5; outside the BMP as a surrogate pair.
        let body = escaped(&json!({"t": "äöå a/b 😀 \"q\" \\"}));
        assert_eq!(body, r#"{"t":"\u00e4\u00f6\u00e5 a\/b \ud83d\ude00 \"q\" \\"}"#);
    }
}
