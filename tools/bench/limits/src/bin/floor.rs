//! A function that puts one event into a table with only the standard library and a TLS stack: no runtime, no
//! SDK, no retries, no validation. The lower limit of a put over TLS.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Error, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use ring::{
    digest::{SHA256, digest},
    hmac,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut lambda = BufReader::new(connect(&api)?);
    let table = Table::from_env()?;
    let mut connection = None;
    loop {
        write!(lambda.get_mut(), "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n")?;
        let (head, event) = read(&mut lambda)?;
        let id = header(&head, "lambda-runtime-aws-request-id").unwrap_or_default();
        if connection.is_none() {
            connection = Some(BufReader::new(table.connect()?));
        }
        let stream = connection.as_mut().ok_or_else(|| Error::other("no connection"))?;
        let answer = table.put(stream, &event)?;
        let request = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        lambda.get_mut().write_all(request.as_bytes())?;
        read(&mut lambda)?;
    }
}

/// The table, at an endpoint with a certificate of the bundle's authority.
struct Table {
    host: String,
    config: Arc<ClientConfig>,
    key: String,
    secret: String,
    token: String,
    region: String,
}

impl Table {
    fn from_env() -> Result<Self, Box<dyn std::error::Error>> {
        let endpoint = env::var("AWS_ENDPOINT_URL_DYNAMODB")?;
        let host = endpoint.strip_prefix("https://").ok_or("the endpoint is not https")?.to_owned();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&fs::read(env::var("AWS_CA_BUNDLE")?)?)?)?;
        // The same provider as in our functions.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self {
            host,
            config: Arc::new(tls.with_root_certificates(roots).with_no_client_auth()),
            key: env::var("AWS_ACCESS_KEY_ID")?,
            secret: env::var("AWS_SECRET_ACCESS_KEY")?,
            token: env::var("AWS_SESSION_TOKEN")?,
            region: env::var("AWS_REGION")?,
        })
    }

    fn connect(&self) -> Result<StreamOwned<ClientConnection, TcpStream>, Box<dyn std::error::Error>> {
        let name = self.host.split(':').next().unwrap_or_default().to_owned();
        let connection = ClientConnection::new(self.config.clone(), ServerName::try_from(name)?)?;
        Ok(StreamOwned::new(connection, connect(&self.host)?))
    }

    fn put<S: Read + Write>(&self, stream: &mut BufReader<S>, event: &[u8]) -> io::Result<String> {
        let event: Value = serde_json::from_slice(event)?;
        let event: Value = serde_json::from_str(event["body"].as_str().unwrap_or_default())?;
        let body = json!({
            "TableName": "AuditEvents",
            "Item": {
                "workspace": {"S": "acme"},
                "timestamp": {"S": format!("{}#{}", text(&event["timestamp"]), text(&event["id"]))},
                "action": {"S": event["action"]},
                "actor_id": {"S": event["actor"]["user_id"]},
                "actor": {"S": event["actor"].to_string()},
                "entity_type": {"S": event["entity"]["entity_type"]},
                "entity_id": {"S": event["entity"]["entity_id"]},
                "entity": {"S": event["entity"].to_string()},
                "context": {"S": event["context"].to_string()},
            },
            "ConditionExpression": "attribute_not_exists(#timestamp)",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
        })
        .to_string();
        stream.get_mut().write_all(self.signed(&body).as_bytes())?;
        let (head, _) = read(stream)?;
        match head.starts_with("HTTP/1.1 200") {
            true => Ok(json!({"statusCode": 201, "body": "{}"}).to_string()),
            false => Err(Error::other(head)),
        }
    }

    /// The request with its signature (AWS Signature Version 4).
    fn signed(&self, body: &str) -> String {
        const TARGET: &str = "DynamoDB_20120810.PutItem";
        const SIGNED: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (day, time) = (day(now / 86_400), now % 86_400);
        let at = format!("{day}T{:02}{:02}{:02}Z", time / 3_600, time / 60 % 60, time % 60);
        let Self { host, token, region, .. } = self;
        let headers = format!(
            "content-type:application/x-amz-json-1.0\nhost:{host}\nx-amz-date:{at}\nx-amz-security-token:{token}\nx-amz-target:{TARGET}\n"
        );
        let request = format!("POST\n/\n\n{headers}\n{SIGNED}\n{}", hash(body.as_bytes()));
        let scope = format!("{day}/{region}/dynamodb/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hash(request.as_bytes()));
        let key = [day.as_str(), region, "dynamodb", "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &to_sign));
        format!(
            "POST / HTTP/1.1\r\ncontent-length: {}\r\n{}authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, \
             SignedHeaders={SIGNED}, Signature={signature}\r\n\r\n{body}",
            body.len(),
            headers.replace('\n', "\r\n"),
            self.key,
        )
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head and the body of an answer.
fn read<S: Read>(stream: &mut BufReader<S>) -> io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The date, such as `20250218`, of a number of days since 1970: years of 365.2425 days that begin in March.
fn day(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}{month:02}{day:02}", era * 400 + year + next)
}
