//! A bucket: the objects that were put there, and its answer to the next one.

use std::{
    collections::BTreeMap,
    io::Read as _,
    sync::{Arc, Mutex},
};

use archiver::archive::Digest;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
};
use flate2::read::GzDecoder;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// The treatment of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Taken,
    /// It is not stored, and the answer says so.
    Refused,
    /// It is stored, and the answer says that it is not.
    Unsaid,
}

type Decides = Box<dyn Fn(usize) -> Way + Send>;

struct Kept {
    objects: BTreeMap<String, Vec<u8>>,
    asked: usize,
    decides: Decides,
}

/// A bucket. It ends when this value is dropped.
pub(crate) struct Shelf {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    server: JoinHandle<()>,
}

impl Shelf {
    /// A bucket that accepts everything.
    pub(crate) async fn start() -> Self {
        Self::that(|_| Way::Taken).await
    }

    /// A bucket that treats each object as `decides` says, by its number from 0.
    pub(crate) async fn that(decides: impl Fn(usize) -> Way + Send + 'static) -> Self {
        let kept = Kept { objects: BTreeMap::new(), asked: 0, decides: Box::new(decides) };
        let kept = Arc::new(Mutex::new(kept));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(put).with_state(kept.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, kept, server }
    }

    /// Accepts everything from now on.
    pub(crate) fn mends(&self) {
        self.kept.lock().unwrap().decides = Box::new(|_| Way::Taken);
    }

    /// The number of attempts to put an object.
    pub(crate) fn asked(&self) -> usize {
        self.kept.lock().unwrap().asked
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.kept.lock().unwrap().objects.clone()
    }

    /// The manifests in order, each with its bytes.
    pub(crate) fn manifests(&self) -> Vec<(Value, Vec<u8>)> {
        let objects = self.objects().into_iter().filter(|(key, _)| key.starts_with("manifests/"));
        objects.map(|(_, content)| (serde_json::from_slice(&content).unwrap(), content)).collect()
    }

    /// Asserts that each of so many events is in the archive once, that the manifests follow each other from
    /// the first to the last, and that the objects are exactly those that the manifests name.
    pub(crate) fn holds(&self, events: u64) {
        let mut objects = self.objects();
        let (mut next, mut previous, mut sequences) = (0, Value::Null, Vec::new());
        for (manifest, content) in self.manifests() {
            assert_eq!(manifest["first"], next, "{manifest}");
            assert_eq!(manifest["previous"], previous, "{manifest}");
            next = manifest["last"].as_u64().unwrap() + 1;
            previous = Digest::of(&content).to_string().into();
            for named in manifest["objects"].as_array().unwrap() {
                let object = objects.remove(named["key"].as_str().unwrap()).expect("an object of its key");
                assert_eq!(named["sha256"], Digest::of(&object).to_string());
                if named["format"] == "ndjson" {
                    sequences.extend(lines(&object).iter().map(|event| event["sequence"].as_u64().unwrap()));
                }
            }
        }
        sequences.sort_unstable();
        assert_eq!(sequences, (0..events).collect::<Vec<_>>());
        assert_eq!(next, events);
        objects.retain(|key, _| !key.starts_with("manifests/") && !key.starts_with("tests/"));
        assert_eq!(objects.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "no manifest names these");
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The events of an object of lines.
pub(crate) fn lines(object: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(object).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn put(State(kept): State<Arc<Mutex<Kept>>>, request: Request<Body>) -> (StatusCode, &'static str) {
    let (parts, body) = request.into_parts();
    let content = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    // `/bucket/key`: the form of paths on a server that has no host name for each bucket.
    let key = parts.uri.path().trim_start_matches("/archive/").replace("%3D", "=");
    assert_eq!(parts.method, "PUT");
    assert!(parts.headers.contains_key("x-amz-checksum-sha256"), "{:?}", parts.headers);
    let mut kept = kept.lock().unwrap();
    let way = (kept.decides)(kept.asked);
    kept.asked += 1;
    if way != Way::Refused {
        kept.objects.insert(key, content);
    }
    match way {
        Way::Taken => (StatusCode::OK, ""),
        Way::Refused | Way::Unsaid => {
            (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
        }
    }
}
