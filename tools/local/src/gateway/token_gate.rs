//! The token authorizer, and API Gateway's cache of its answers.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{event::Call, response::Refusal};
use crate::{functions::Functions, template::TokenAuthorizer};

/// Calls the authorizer's function, at most once in the time to live for each header.
///
/// As on AWS, refusals are cached as well, failures never, and an answer holds for all routes.
pub(super) struct TokenGate {
    authorizer: TokenAuthorizer,
    time_to_live: Duration,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    until: Instant,
    /// The context that the function returns for the caller; `None` if it refuses.
    context: Option<Value>,
}

impl TokenGate {
    pub(super) fn new(authorizer: TokenAuthorizer, time_to_live: Duration) -> Self {
        Self { authorizer, time_to_live, kept: Mutex::default() }
    }

    /// The authorizer's answer for the sender of this header.
    pub(super) async fn admit(
        &self,
        functions: &Functions,
        call: &Call<'_>,
        header: &str,
    ) -> Result<Value, Refusal> {
        let context = match self.recall(header, Instant::now()) {
            Some(kept) => kept.context,
            None => {
                let context = self.ask(functions, call, header).await?;
                self.keep(header, context.clone(), Instant::now());
                context
            }
        };
        context.ok_or(Refusal::Forbidden)
    }

    async fn ask(
        &self,
        functions: &Functions,
        call: &Call<'_>,
        header: &str,
    ) -> Result<Option<Value>, Refusal> {
        let request = call.authorizer_request(header);
        // A request that is too large for the authorizer is a failure of the gateway, not of the client.
        let mut answer =
            functions.authorize(&self.authorizer, &request).await.map_err(|_| Refusal::Internal)?;
        match answer["isAuthorized"].as_bool() {
            Some(true) => Ok(Some(answer["context"].take())),
            Some(false) => Ok(None),
            None => Err(Refusal::Internal),
        }
    }

    fn recall(&self, header: &str, now: Instant) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(header).filter(|kept| now < kept.until).cloned()
    }

    fn keep(&self, header: &str, context: Option<Value>, now: Instant) {
        if self.time_to_live.is_zero() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| now < kept.until);
        kept.insert(header.to_owned(), Kept { until: now + self.time_to_live, context });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gate(seconds: u64) -> TokenGate {
        let (function, resource) = ("authorizer".to_owned(), "Authorizer".to_owned());
        let authorizer = TokenAuthorizer { function, resource, ttl_seconds: seconds };
        TokenGate::new(authorizer, Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_is_cached_for_its_time_and_no_longer() {
        let (gate, now) = (gate(60), Instant::now());
        gate.keep("good", Some(json!({"workspace": "acme"})), now);
        gate.keep("bad", None, now);
        assert_eq!(context(&gate, now, "good", 59), Some(Some(json!({"workspace": "acme"}))));
        assert_eq!(context(&gate, now, "bad", 59), Some(None));
        assert_eq!(context(&gate, now, "good", 60), None);
        assert_eq!(context(&gate, now, "other", 0), None);
    }

    fn context(gate: &TokenGate, now: Instant, header: &str, seconds: u64) -> Option<Option<Value>> {
        gate.recall(header, now + Duration::from_secs(seconds)).map(|kept| kept.context)
    }

    #[test]
    fn without_a_time_to_live_no_answer_is_cached() {
        let (gate, now) = (gate(0), Instant::now());
        gate.keep("good", Some(Value::Null), now);
        assert!(gate.recall("good", now).is_none());
    }
}
