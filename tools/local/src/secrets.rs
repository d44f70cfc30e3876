//! The part of Secrets Manager that streams call: secrets with versions, in memory or in a file that only its
//! owner may read.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error,
    bus::Refused,
    data_directory::DataDirectory,
    private_file,
    template::{ACCOUNT, REGION},
};

/// The prefix of its operations in `X-Amz-Target`.
pub(crate) const TARGET: &str = "secretsmanager.";

/// All secrets, by name.
pub(crate) struct SecretsManager {
    file: Option<PathBuf>,
    secrets: Mutex<BTreeMap<String, Secret>>,
}

/// A secret: its versions by their ids, and the newest one.
#[derive(Clone, Serialize, Deserialize)]
struct Secret {
    current: String,
    versions: BTreeMap<String, String>,
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    #[serde(alias = "Name")]
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    version_id: Option<String>,
}

impl SecretsManager {
    /// Reads the stored secrets from the file, if there is one.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, Error> {
        let kept = file.as_deref().map(DataDirectory::read).transpose()?.flatten();
        let secrets = match (&file, kept) {
            (Some(file), Some(kept)) => {
                serde_json::from_slice(&kept).map_err(|error| Error::file(file, error))?
            }
            _ => BTreeMap::new(),
        };
        Ok(Self { file, secrets: Mutex::new(secrets) })
    }

    /// Answers one call, named by its `X-Amz-Target` header without [`TARGET`].
    pub(crate) fn call(&self, operation: &str, body: &[u8]) -> Result<Value, Refused> {
        let asked: Asked = serde_json::from_slice(body)
            .map_err(|error| Refused { code: "SerializationException", message: error.to_string() })?;
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let name = asked.secret_id.clone();
        let answer = match operation {
            "CreateSecret" => create(&mut secrets, asked),
            "PutSecretValue" => put(&mut secrets, asked),
            "GetSecretValue" => return get(&secrets, &asked),
            "DeleteSecret" => secrets.remove(&name).map(|_| json!({})).ok_or_else(|| not_found(&name)),
            _ => {
                let message = format!("{operation} is not emulated here.");
                return Err(Refused { code: "UnknownOperationException", message });
            }
        };
        let mut answer = answer?;
        if let Some(file) = &self.file {
            private_file::write(file, json!(*secrets).to_string().as_bytes())
                .map_err(|error| Refused { code: "InternalServiceError", message: error.to_string() })?;
        }
        answer["Name"] = json!(name);
        answer["ARN"] = json!(arn(&name));
        Ok(answer)
    }
}

fn create(secrets: &mut BTreeMap<String, Secret>, asked: Asked) -> Result<Value, Refused> {
    if secrets.contains_key(&asked.secret_id) {
        return Err(exists("The operation failed because the secret already exists."));
    }
    let (version, text) = version(asked.client_request_token, asked.secret_string)?;
    let versions = BTreeMap::from([(version.clone(), text)]);
    secrets.insert(asked.secret_id, Secret { current: version.clone(), versions });
    Ok(json!({"VersionId": version}))
}

fn put(secrets: &mut BTreeMap<String, Secret>, asked: Asked) -> Result<Value, Refused> {
    let secret = secrets.get_mut(&asked.secret_id).ok_or_else(|| not_found(&asked.secret_id))?;
    let (version, text) = version(asked.client_request_token, asked.secret_string)?;
    if secret.versions.get(&version).is_some_and(|there| *there != text) {
        return Err(exists("You can't use a ClientRequestToken again for another value."));
    }
    secret.versions.insert(version.clone(), text);
    secret.current.clone_from(&version);
    Ok(json!({"VersionId": version}))
}

fn get(secrets: &BTreeMap<String, Secret>, asked: &Asked) -> Result<Value, Refused> {
    let secret = secrets.get(&asked.secret_id).ok_or_else(|| not_found(&asked.secret_id))?;
    let version = asked.version_id.as_ref().unwrap_or(&secret.current);
    let text = secret.versions.get(version).ok_or_else(|| not_found(version))?;
    Ok(json!({
        "ARN": arn(&asked.secret_id), "Name": asked.secret_id, "VersionId": version, "SecretString": text,
    }))
}

fn version(token: Option<String>, text: Option<String>) -> Result<(String, String), Refused> {
    token.zip(text).ok_or_else(|| Refused {
        code: "InvalidRequestException",
        message: "ClientRequestToken and SecretString must be given.".to_owned(),
    })
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-local1")
}

fn not_found(what: &str) -> Refused {
    let message = format!("Secrets Manager can't find the specified secret: {what}");
    Refused { code: "ResourceNotFoundException", message }
}

fn exists(message: &str) -> Refused {
    Refused { code: "ResourceExistsException", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use shared::{
        aws::{
            config::{Config, Streaming},
            secrets::Secrets,
        },
        model::id::WorkspaceId,
        stream::{SecretVersion, StreamId, StreamSecret},
    };

    use super::*;
    use crate::{Options, System};

    #[tokio::test]
    async fn the_sdk_keeps_reads_and_deletes_versions_here() {
        let system = System::start(Options::default()).await.unwrap();
        let streaming = Streaming {
            secrets_prefix: "test".to_owned(),
            secrets_endpoint: Some(system.endpoint().to_owned()),
            ..Streaming::default()
        };
        let secrets = Secrets::connect(&Config::local(system.dynamodb_endpoint()), &streaming);
        let (workspace, stream) =
            (WorkspaceId::parse("acme").unwrap(), StreamId::parse("str_abcdefABCDEF").unwrap());
        let [one, two, three] = [1, 2, 3].map(|number| SecretVersion::new(uuid::Uuid::from_u128(number)));
        let [first, second] = ["first", "second"].map(|text| StreamSecret::parse(text).unwrap());
        assert_eq!(read(&secrets, &workspace, &stream, &one).await, None);
        secrets.create(&workspace, &stream, &one, &first).await.unwrap();
        secrets.add(&workspace, &stream, &two, &second).await.unwrap();
        assert_eq!(
            (
                read(&secrets, &workspace, &stream, &one).await.as_deref(),
                read(&secrets, &workspace, &stream, &two).await.as_deref()
            ),
            (Some("first"), Some("second"))
        );
        assert_eq!(read(&secrets, &workspace, &stream, &three).await, None);
        // A secret of this name exists, and a version never changes.
        assert!(secrets.create(&workspace, &stream, &three, &first).await.is_err());
        assert!(secrets.add(&workspace, &stream, &one, &second).await.is_err());
        secrets.delete(&workspace, &stream).await.unwrap();
        secrets.delete(&workspace, &stream).await.unwrap();
        assert_eq!(read(&secrets, &workspace, &stream, &two).await, None);
        system.shutdown().await;
    }

    async fn read(
        secrets: &Secrets,
        workspace: &WorkspaceId,
        stream: &StreamId,
        version: &SecretVersion,
    ) -> Option<String> {
        let secret = secrets.read(workspace, stream, version).await.unwrap();
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn secrets_outlast_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secrets.json");
        let new = json!({"Name": "a/b", "ClientRequestToken": "1", "SecretString": "first"});
        open(&file).call("CreateSecret", &bytes(new)).unwrap();
        let get = bytes(json!({"SecretId": "a/b"}));
        assert_eq!(open(&file).call("GetSecretValue", &get).unwrap()["SecretString"], "first");
        open(&file).call("DeleteSecret", &get).unwrap();
        assert_eq!(open(&file).call("GetSecretValue", &get).unwrap_err().code, "ResourceNotFoundException");
    }

    fn bytes(body: Value) -> Vec<u8> {
        body.to_string().into_bytes()
    }

    fn open(file: &std::path::Path) -> SecretsManager {
        SecretsManager::open(Some(file.to_owned())).unwrap()
    }
}
