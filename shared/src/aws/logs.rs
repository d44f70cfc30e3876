//! Log lines on standard output, at the level and in the format that Lambda's variables set.
//!
//! The Lambda runtime has such a subscriber, but it supports directives for single modules and therefore links a regular
//! expression engine: a quarter of a megabyte by its symbols, and work at each start.

use tracing::Subscriber;
use tracing_subscriber::{filter::LevelFilter, fmt, fmt::MakeWriter, util::SubscriberInitExt as _};

use crate::aws::config::Logs;

/// Starts to log. Call it once, first in `main`.
pub fn start(logs: &Logs) {
    let Logs { level, json } = logs;
    // An unknown level falls back to INFO, so that a misspelling neither hides all lines nor shows debugging details.
    let level = level.as_deref().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    if *json {
        json_lines(level, std::io::stdout).init();
    } else {
        // CloudWatch adds the time of a line itself.
        fmt().with_max_level(level).with_target(false).without_time().init();
    }
}

/// One JSON object for each line. Lambda reads the level of a line only if `timestamp` is an RFC 3339 time. It treats any
/// other line as INFO, and with the level WARN it would drop the lines that alarms count.
fn json_lines<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt().json().with_max_level(level).with_target(false).with_span_list(false);
    lines.with_writer(writer).finish()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;
    use crate::model::timestamp::Timestamp;

    #[test]
    fn a_json_line_has_its_time_and_its_span_once() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let subscriber = json_lines(LevelFilter::WARN, Mutex::new(Shared(written.clone())));
        tracing::subscriber::with_default(subscriber, || {
            let _entered = tracing::error_span!("invocation", request_id = "r-1").entered();
            tracing::info!("not at this level");
            tracing::warn!(reason = "conflict", "quarantined");
        });
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert!(Timestamp::parse(line["timestamp"].as_str().unwrap()).is_ok(), "{text}");
        assert_eq!((&line["level"], &line["fields"]["message"]), (&"WARN".into(), &"quarantined".into()));
        assert_eq!(text.matches("r-1").count(), 1, "{text}");
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
