//! The connection, before the first request needs it.

use std::time::Duration;

use aws_sdk_dynamodb::{error::DisplayErrorContext, types::AttributeValue};

use super::Store;
use crate::aws::config::Config;

/// How long the start of a function waits for the store, which is less than its first request would. What is given up
/// here is a handshake that the first request makes again.
const PATIENCE: Duration = Duration::from_secs(2);
/// What no key is: neither a workspace nor a token can be called so.
const NOBODY: &str = "-";

/// Which table a function may read an item of.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    /// How workspaces are kept.
    Settings,
    /// Workspace tokens.
    Tokens,
    /// The sealed logs.
    Ledger,
}

impl Store {
    /// A store whose connection is open, for a function that starts: names are looked up, certificates checked and
    /// keys agreed on while nobody waits, and with the whole CPU that Lambda gives to a start.
    ///
    /// It takes half a read unit. A store that does not answer is no reason not to start: the first request
    /// connects then.
    pub async fn open(config: &Config, opening: Opening) -> Self {
        let store = Self::connect(config);
        if config.open_at_init {
            store.read_nothing(opening).await;
        }
        store
    }

    async fn read_nothing(&self, opening: Opening) {
        let (table, key): (_, &[&str]) = match opening {
            Opening::Settings => (&self.tables.settings, &["workspace"]),
            Opening::Tokens => (&self.tables.tokens, &["token"]),
            Opening::Ledger => (&self.tables.ledger, &["workspace", "part"]),
        };
        let key = key.iter().map(|name| ((*name).to_owned(), AttributeValue::S(NOBODY.to_owned()))).collect();
        let read = self.client.get_item().table_name(table).set_key(Some(key)).send();
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(source = %DisplayErrorContext(error), "no connection at start"),
            Err(_) => tracing::warn!(waited = ?PATIENCE, "no connection at start"),
        }
    }
}
