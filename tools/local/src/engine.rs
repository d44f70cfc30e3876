//! The embedded DynamoDB engine, served over loopback, with the template's tables in it.

use std::{net::SocketAddr, path::Path, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::{BuildError, DisplayErrorContext},
    operation::describe_table::DescribeTableError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType, TableDescription, TimeToLiveSpecification,
    },
};
use dynoxide::Database;
use shared::aws::https::Trust;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    Error,
    template::{Key, REGION, Table},
};

/// AWS deletes expired items within days; this engine does it at this interval.
const TTL_SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// A running engine. It stops when [`Engine::shutdown`] is called, or with the process.
pub(crate) struct Engine {
    endpoint: String,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), String>>,
    sweeper: JoinHandle<()>,
}

impl Engine {
    /// Opens the database (in memory without a `file`), serves it and creates missing tables.
    pub(crate) async fn start(
        listener: TcpListener,
        file: Option<&Path>,
        tables: &[Table],
    ) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(|error| Error::Engine(error.to_string()))?;
        let database = open(file)?;
        let (stop, stopped) = watch::channel(false);
        let server = serve(listener, database.clone(), stopped.clone());
        let sweeper = tokio::spawn(sweep(database, stopped));
        let engine = Self { endpoint: endpoint(address), stop, server: tokio::spawn(server), sweeper };
        let client = client(&engine.endpoint);
        for table in missing(&client, tables).await? {
            let created = create(&client, table).await;
            created.map_err(|error| Error::Engine(DisplayErrorContext(error).to_string()))?;
        }
        Ok(engine)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Lets running requests finish and closes the database.
    pub(crate) async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Ok(Err(error)) = self.server.await {
            tracing::warn!(error, "the engine did not stop cleanly");
        }
        // It holds the database as well, whose files change once more when the last holder releases it.
        if let Err(error) = self.sweeper.await {
            tracing::warn!(%error, "the sweeper did not stop cleanly");
        }
    }
}

fn open(file: Option<&Path>) -> Result<Database, Error> {
    let database = match file {
        None => Database::memory(),
        Some(file) => Database::new(&file.to_string_lossy()),
    };
    database.map_err(|error| match file {
        None => Error::Engine(error.to_string()),
        Some(file) => Error::file(file, error),
    })
}

async fn serve(
    listener: TcpListener,
    database: Database,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let shutdown = async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    dynoxide::server::serve_with_shutdown(listener, database, shutdown).await
}

async fn sweep(database: Database, mut stopped: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(TTL_SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = interval.tick() => {}
        }
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items were not removed");
        }
    }
}

fn endpoint(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// An SDK client for the engine at this URL.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Trust::Plaintext.client())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// The missing tables: all of them at the first start, and none later. If only some are missing, or one has
/// another shape, the data was stored under another template, and cannot be read.
async fn missing<'a>(client: &Client, tables: &'a [Table]) -> Result<Vec<&'a Table>, Error> {
    let mut missing = Vec::new();
    for table in tables {
        match client.describe_table().table_name(&table.name).send().await {
            Ok(found) if found.table().is_some_and(|found| same_shape(found, table)) => {}
            Ok(_) => return Err(Error::OtherTemplate(table.name.clone())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
            {
                missing.push(table);
            }
            Err(error) => return Err(Error::Engine(DisplayErrorContext(error).to_string())),
        }
    }
    match missing.first() {
        Some(first) if missing.len() < tables.len() => Err(Error::OtherTemplate(first.name.clone())),
        _ => Ok(missing),
    }
}

async fn create(client: &Client, table: &Table) -> Result<(), aws_sdk_dynamodb::Error> {
    let mut request = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.key)?));
    for attribute in &table.attributes {
        let kind = ScalarAttributeType::from(attribute.kind.as_str());
        let definition = AttributeDefinition::builder().attribute_name(&attribute.name).attribute_type(kind);
        request = request.attribute_definitions(definition.build()?);
    }
    for index in &table.indexes {
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(index.projection.kind.as_str()))
            .set_non_key_attributes(index.projection.attributes.clone());
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(key_schema(&index.key)?))
            .projection(projection.build());
        request = request.global_secondary_indexes(index.build()?);
    }
    request.send().await?;
    // If we crash here, the table exists without its time to live, and only expiry depends on that.
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
    client.update_time_to_live().table_name(&table.name).time_to_live_specification(ttl).send().await?;
    Ok(())
}

fn key_schema(key: &[Key]) -> Result<Vec<KeySchemaElement>, BuildError> {
    key.iter()
        .map(|Key { name, kind }: &Key| {
            let kind = KeyType::from(kind.as_str());
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
        })
        .collect()
}

fn same_shape(found: &TableDescription, table: &Table) -> bool {
    let mut found_indexes: Vec<_> = found
        .global_secondary_indexes()
        .iter()
        .map(|index| (index.index_name().unwrap_or_default().to_owned(), key_of(index.key_schema())))
        .collect();
    let mut indexes: Vec<_> =
        table.indexes.iter().map(|index| (index.name.clone(), index.key.clone())).collect();
    found_indexes.sort();
    indexes.sort();
    key_of(found.key_schema()) == table.key && found_indexes == indexes
}

fn key_of(key: &[KeySchemaElement]) -> Vec<Key> {
    let key = key.iter();
    key.map(|element| Key {
        name: element.attribute_name().to_owned(),
        kind: element.key_type().as_str().to_owned(),
    })
    .collect()
}
