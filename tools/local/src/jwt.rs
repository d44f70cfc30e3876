//! The identity provider: an RSA key, JWTs signed with it, and API Gateway's checks.

use std::{collections::HashMap, fs, path::Path};

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};

use crate::{Error, private_file, template::JwtAuthorizer};

/// The issuer if the template has a parameter without a default for it.
const ISSUER: &str = "https://identity.example.com";
/// The audience in the same case.
const AUDIENCE: &str = "audit-logs";
/// The lifetime of a JWT. A real provider's is shorter, but fetching a new one would interrupt a tour.
const LIFETIME_SECONDS: i64 = 30 * 24 * 3600;

/// The product's identity provider, as far as this system needs one.
///
/// The algorithm is RS256, because API Gateway accepts only the RSA family.
pub(crate) struct IdentityProvider {
    key: RsaKeyPair,
    public_key: DecodingKey,
    key_id: String,
    issuer: String,
    audience: String,
}

impl IdentityProvider {
    /// Uses the key in `file`, which is created on the first start; without a file, a key that ends with the
    /// process.
    pub(crate) fn open(file: Option<&Path>, authorizer: &JwtAuthorizer) -> Result<Self, Error> {
        let key = match file {
            Some(file) if file.exists() => {
                let der = fs::read(file).map_err(|error| Error::file(file, error))?;
                RsaKeyPair::from_pkcs8(&der).map_err(|error| {
                    Error::file(file, format!("{error}. Delete the file, and a new key is made."))
                })?
            }
            Some(file) => {
                let key = generate()?;
                let der: Pkcs8V1Der<'_> = key.as_der().map_err(|error| Error::Key(error.to_string()))?;
                private_file::write(file, der.as_ref())?;
                key
            }
            None => generate()?,
        };
        let public_der = key.public_key().as_ref();
        Ok(Self {
            public_key: DecodingKey::from_rsa_der(public_der),
            key_id: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, public_der)),
            issuer: authorizer.issuer.clone().unwrap_or_else(|| ISSUER.to_owned()),
            audience: authorizer.audience.clone().unwrap_or_else(|| AUDIENCE.to_owned()),
            key,
        })
    }

    /// A JWT for a user of `workspace` with `role`, valid from now on.
    pub(crate) fn issue(&self, workspace: &str, role: &str, now: jiff::Timestamp) -> String {
        let now = now.as_second();
        let (user_id, username) = match role {
            "admin" => ("af03c0246b82", "peter_parker"),
            _ => ("5ba9d4ffc8d1", "mary_jane"),
        };
        self.sign(&json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "username": username,
            "workspace": workspace,
            "role": role,
        }))
    }

    /// A JWT with exactly these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let message = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("the key was checked when it was read, and the buffer has its length");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of the JWT in an `Authorization` header, as API Gateway passes them on: as texts.
    ///
    /// # Errors
    /// The reason why API Gateway would refuse it, as short as its own.
    pub(crate) fn check(
        &self,
        header: &str,
        now: jiff::Timestamp,
    ) -> Result<HashMap<String, String>, &'static str> {
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err("the scheme is not Bearer"),
            None => header,
        };
        let head = jsonwebtoken::decode_header(token).map_err(|_| "not a JWT")?;
        if head.kid.as_deref() != Some(self.key_id.as_str()) {
            return Err("signed with an unknown key");
        }
        // Time is checked below, with the caller's clock.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &self.public_key, &validation)
            .map_err(|_| "signature, issuer or audience is wrong")?
            .claims;
        let seconds =
            |name: &str| claims.get(name).map(|value| value.as_f64().ok_or("a time is not a number"));
        let now = now.as_second() as f64;
        if seconds("exp").transpose()?.is_none_or(|expires| expires <= now) {
            return Err("expired");
        }
        for not_before in ["nbf", "iat"] {
            if seconds(not_before).transpose()?.is_some_and(|time| time > now) {
                return Err("not yet valid");
            }
        }
        Ok(claims.into_iter().map(|(name, value)| (name, text(&value))).collect())
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn generate() -> Result<RsaKeyPair, Error> {
    RsaKeyPair::generate(KeySize::Rsa2048).map_err(|error| Error::Key(error.to_string()))
}

/// API Gateway turns every claim into a text, and a list into `[a b]`.
fn text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn provider() -> IdentityProvider {
        IdentityProvider::open(None, &JwtAuthorizer { issuer: None, audience: None }).unwrap()
    }

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn its_own_jwt_is_accepted_until_it_expires() {
        let provider = provider();
        let header = format!("Bearer {}", provider.issue("acme", "admin", at(NOW)));
        let claims = provider.check(&header, at(NOW)).unwrap();
        assert_eq!((claims["workspace"].as_str(), claims["role"].as_str()), ("acme", "admin"));
        assert_eq!(claims["iat"], NOW.to_string());
        assert!(provider.check(&header, at(NOW + LIFETIME_SECONDS - 1)).is_ok());
        assert_eq!(provider.check(&header, at(NOW + LIFETIME_SECONDS)), Err("expired"));
        assert_eq!(provider.check(&header, at(NOW - 1)), Err("not yet valid"));
    }

    #[test]
    fn a_wrong_claim_or_key_is_refused() {
        let provider = provider();
        let good = json!({"iss": ISSUER, "aud": [AUDIENCE, "more"], "exp": NOW + 1});
        let check = |name: &str, value: Value, expected: bool| {
            let mut claims = good.clone();
            claims[name] = value;
            let taken = provider.check(&provider.sign(&claims), at(NOW)).is_ok();
            assert_eq!(taken, expected, "{name}");
        };
        check("sub", json!("anyone"), true);
        check("iss", json!("https://elsewhere.example.com"), false);
        check("iss", Value::Null, false);
        check("aud", json!("else"), false);
        check("exp", json!(NOW), false);
        check("exp", json!("later"), false);
        check("nbf", json!(NOW + 1), false);
        let stranger = self::provider();
        assert!(provider.check(&stranger.sign(&good), at(NOW)).is_err());
        let (message, signature) =
            stranger.sign(&good).rsplit_once('.').map(|(m, s)| (m.to_owned(), s.to_owned())).unwrap();
        let own = provider.sign(&good);
        let (own_message, _) = own.rsplit_once('.').unwrap();
        assert!(provider.check(&format!("{own_message}.{signature}"), at(NOW)).is_err());
        assert!(provider.check(&format!("{message}."), at(NOW)).is_err());
    }

    #[test]
    fn only_the_rsa_algorithm_is_accepted() {
        let provider = provider();
        let none = json!({"alg": "none", "typ": "JWT", "kid": provider.key_id});
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 1});
        let unsigned = format!("{}.{}.", part(&none), part(&claims));
        assert_eq!(provider.check(&unsigned, at(NOW)), Err("not a JWT"));
    }

    #[test]
    fn the_key_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("jwt-key.der");
        let authorizer = JwtAuthorizer { issuer: None, audience: None };
        let first = IdentityProvider::open(Some(&file), &authorizer).unwrap();
        let jwt = first.issue("acme", "member", at(NOW));
        let second = IdentityProvider::open(Some(&file), &authorizer).unwrap();
        assert!(second.check(&jwt, at(NOW)).is_ok());
    }
}
