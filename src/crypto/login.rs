//! The tokens of logins: signed, for the inbox alone, and over at some time. They carry nothing about the person: the row they name does.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::wire::Timestamp;

const ISSUER: &str = "baton";
const AUDIENCE: &str = "baton-inbox";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    jti: String,
}

/// Signs and reads tokens with one key.
pub struct LoginTokens {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
}

impl LoginTokens {
    /// With this key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.leeway = 0;
        Self { sign: EncodingKey::from_secret(key), check: DecodingKey::from_secret(key), rules }
    }

    /// A token for a login that is over then, or `None` if it cannot be signed.
    #[must_use]
    pub fn issue(&self, session_id: &str, until: Timestamp) -> Option<String> {
        let claims = Claims { iss: ISSUER.into(), aud: AUDIENCE.into(), exp: until.seconds(), jti: session_id.to_owned() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).ok()
    }

    /// The login in a token, if it is signed by us, for us, and not over.
    #[must_use]
    pub fn session_id(&self, token: &str) -> Option<String> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.check, &self.rules).ok()?;
        Some(data.claims.jti)
    }
}
