//! Opens the connection before the first request needs it.

use std::time::Duration;

use aws_sdk_dynamodb::{error::DisplayErrorContext, types::AttributeValue};

use super::Store;
use crate::aws::config::Config;

/// How long the start of a function waits for the connection. After a timeout the first request connects again.
const PATIENCE: Duration = Duration::from_secs(2);
/// A key that no item has, because it is neither a valid workspace nor a valid token id.
const UNUSED_KEY: &str = "-";

/// A table whose items the function may read.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    /// The settings of workspaces.
    Settings,
    /// Workspace tokens.
    Tokens,
    /// The sealed logs.
    Ledger,
}

impl Store {
    /// A store with an open connection, for a function that starts. DNS lookup and TLS handshake then happen before a client
    /// waits, and with the full CPU that Lambda gives to a start.
    ///
    /// It costs half a read unit. If DynamoDB does not answer, the function starts without a connection.
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
        let key =
            key.iter().map(|name| ((*name).to_owned(), AttributeValue::S(UNUSED_KEY.to_owned()))).collect();
        let read = self.client.get_item().table_name(table).set_key(Some(key)).send();
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(source = %DisplayErrorContext(error), "no connection at start"),
            Err(_) => tracing::warn!(waited = ?PATIENCE, "no connection at start"),
        }
    }
}
