//! Whatever proves who somebody is: signatures of webhooks, proofs of tokens, cookies of logins, sealed secrets.
//!
//! The first line of the bytes names the proof and brings it; the rest is what it is to prove. `{right}` in a proof stands for the right one, so
//! that a fuzzer need not break HMAC to get past it.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton::crypto::login::LoginTokens;
use baton::crypto::seal::Sealer;
use baton::crypto::signature::{sha256_hex, verify_proof, verify_sha256};
use serde_json::Value;

use super::json::read;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const OLD_KEY: &[u8] = b"the secret before it was rotated";

static LOGINS: LazyLock<LoginTokens> = LazyLock::new(|| LoginTokens::new(KEY));
static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(b"0123456789abcdef0123456789abcdef"));

/// Any bytes: what is proved how, and the rest.
pub fn check(input: &[u8]) {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let rest = lines.next().unwrap_or_default();
    let (what, proof) = first.split_once(' ').unwrap_or((&first, ""));
    match what {
        "signature" => signature(proof, rest),
        "proof" => proof_of_token(proof, &String::from_utf8_lossy(rest)),
        "login" => login(proof, rest),
        _ => {
            assert!(SEALER.open("apps.secret.1", input).is_err(), "nobody sealed this");
            assert_eq!(LOGINS.session_id(&String::from_utf8_lossy(input)), None, "nobody signed this");
        }
    }
}

/// `X-Hub-Signature-256`.
fn signature(header: &str, body: &[u8]) {
    let right = [KEY, OLD_KEY].map(|key| sha256_hex(key, body));
    let header = header.replace("{right}", &right[0]).replace("{old}", &right[1]);
    let accepted = verify_sha256(&[KEY, OLD_KEY], body, Some(&header)).is_ok();
    let is_right = header.trim().strip_prefix("sha256=").is_some_and(|digits| right.iter().any(|right| right.eq_ignore_ascii_case(digits)));
    assert_eq!(accepted, is_right, "{header:?}");
    assert!(verify_sha256(&[], body, Some(&header)).is_err() && verify_sha256(&[b""], body, Some(&header)).is_err());
}

/// `appsecret_proof`.
fn proof_of_token(given: &str, token: &str) {
    let secret = "0123456789abcdef";
    let right = sha256_hex(secret.as_bytes(), token.as_bytes());
    let given = given.replace("{right}", &right);
    assert_eq!(verify_proof(secret, token, &given), right.eq_ignore_ascii_case(&given), "{given:?}");
    assert!(!verify_proof("", token, &given));
}

/// A login's cookie: its header in the first line, its claims in the rest, and the right signature under both.
fn login(header: &str, claims: &[u8]) {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hex::decode(sha256_hex(KEY, signed.as_bytes())).expect("hex");
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature));
    let Some(session) = LOGINS.session_id(&token) else { return };
    let (Some(header), Some(claims)) = (read(header.as_bytes()), read(claims)) else { return };
    assert_eq!(header["alg"], "HS256", "{header}");
    assert_eq!(claims["jti"], session.as_str(), "{claims}");
    let names = |claim: &Value, name: &str| *claim == name;
    assert!(names(&claims["iss"], "baton") && names(&claims["aud"], "baton-inbox"), "{claims}");
    assert!(claims["exp"].as_f64().is_some_and(|until| until >= 1_700_000_000.0), "{claims}");
    // One changed byte, and it is nobody's.
    for at in 0..signature.len() {
        let mut wrong = signature.clone();
        wrong[at] ^= 1;
        assert_eq!(LOGINS.session_id(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&wrong))), None);
    }
}
