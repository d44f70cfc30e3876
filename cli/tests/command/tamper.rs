//! The command against the real server, whose tables are tampered with: what the independent verifier
//! names, with what it remembers from before.
//!
//! The log has `EVENTS` (600) events; the full run is
//! `EVENTS=5000 cargo test -p cli --test command tamper -- --nocapture`.

use tests::tamper::{Copy, Drill, Prepared, copy_directory};

use crate::auditlog::{Auditlog, Ended};

const UNCHANGED: &str = "The log has not changed since.\n";
const REFUSED: &str = "(500 inconsistent_log, request ";

/// What each way to verify says: its exit code, and a part of what it writes.
struct Told {
    /// `verify follow`, which remembers the log from before.
    follow: (i32, String),
    /// The same, which fetches all again.
    recheck: (i32, String),
    /// `verify export` of a file from after, by what `verify follow` remembers.
    export: (i32, String),
    /// `verify export` of a file from before, by what the server signs now.
    kept_export: (i32, String),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_sequence_that_was_tampered_with_is_named() {
    let log = Prepared::with(events()).await;
    let copy = log.copy().await;
    let before = auditlog(&copy, &log);
    before.succeed(&["verify", "follow", "--once", "--state=log", "--key", &log.key]);
    before.succeed(&["export", "before.ndjson"]);
    drop(copy);
    for drill in Drill::ALL {
        let copy = log.copy().await;
        let first = copy.tamper(drill, &log).await;
        let size = copy.size().await;
        let after = auditlog(&copy, &log);
        copy_directory(&before.path("log"), &after.path("log"));
        std::fs::copy(before.path("before.ndjson"), after.path("before.ndjson")).unwrap();
        after.succeed(&["export", "after.ndjson"]);
        let expected = expected(drill, first, log.size, size);
        let check = |what: &str, arguments: &[&str], (code, part): &(i32, String)| {
            let Ended { code: ended, stdout, stderr } = after.run(arguments);
            println!("{drill:?} ({first}): {what}: {ended:?} {}", line(&stdout, &stderr));
            assert_eq!(ended, Some(*code), "{drill:?} {what}: {stdout}{stderr}");
            assert!(stdout.contains(part) || stderr.contains(part), "{drill:?} {what}: {stdout}{stderr}");
        };
        let follow = ["verify", "follow", "--once", "--state=log"];
        check("follow", &follow, &expected.follow);
        check("recheck", &[&follow[..], &["--recheck"]].concat(), &expected.recheck);
        let export =
            ["verify", "export", "after.ndjson", "--complete=log", "--allow-uncovered", "--state=log"];
        check("export", &export, &expected.export);
        let kept = ["verify", "export", "before.ndjson", "--complete=log", "--key", &log.key];
        check("kept export", &kept, &expected.kept_export);
    }
}

/// The tree above the entries is not what an export or a tile has, but every proof leads through it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_through_a_root_that_was_changed_is_refused() {
    let log = Prepared::with(600).await;
    let copy = log.copy().await;
    let auditlog = auditlog(&copy, &log);
    let last = (log.size - 1).to_string();
    let verify = ["verify", "event", "entry.json", "--key", &log.key];
    auditlog.succeed(&["proof", &last, "--out", "entry.json"]);
    assert!(auditlog.succeed(&verify).contains("is entry 600 of the log of acme, unchanged"));
    copy.tamper(Drill::ChangedTileRoot, &log).await;
    std::fs::remove_file(auditlog.path("entry.json")).unwrap();
    auditlog.succeed(&["proof", &last, "--out", "entry.json"]);
    let complaint = auditlog.fail(1, &verify);
    assert!(complaint.starts_with("error: Not proved: "), "{complaint}");
}

/// The expected output for a log that had `before` entries and has `now` according to its head.
fn expected(drill: Drill, first: u64, before: u64, now: u64) -> Told {
    fn unchanged() -> (i32, String) {
        (0, UNCHANGED.to_owned())
    }
    fn refused() -> (i32, String) {
        (1, REFUSED.to_owned())
    }
    let whole = || (0, format!("every sequence from 0 to {} is there", before - 1));
    let altered = |count: u64| {
        (1, format!("  {count} are not what was logged; the first: sequence {first}, the event "))
    };
    let missing = || (1, format!("  {} are missing; the first: sequence {first}\n", before - first));
    let inserted =
        || (1, format!("  1 stand there again; the first: sequence {first}, with the event forged "));
    let nothing =
        || Told { follow: unchanged(), recheck: unchanged(), export: whole(), kept_export: whole() };
    let alarm = |what: String| (3, format!("{what}\n  The first sequence that differs is {first}"));
    match drill {
        // The roots of tiles are not what an export or a tile has.
        Drill::Control | Drill::ChangedTileRoot => nothing(),
        Drill::Redaction => Told { export: (0, "redacted     parts of 2 events\n".to_owned()), ..nothing() },
        Drill::ChangedAttribute | Drill::ChangedSalt | Drill::ChangedIndexKey => {
            Told { export: altered(1), ..nothing() }
        }
        Drill::SwappedContents | Drill::SwappedSequences => Told { export: altered(2), ..nothing() },
        Drill::DeletedEvent => {
            Told { export: (1, format!("  1 are missing; the first: sequence {first}\n")), ..nothing() }
        }
        Drill::InsertedEvent => Told { export: inserted(), ..nothing() },
        Drill::InsertedEntry => {
            Told { recheck: refused(), export: inserted(), kept_export: refused(), ..nothing() }
        }
        Drill::Truncated => {
            Told { recheck: refused(), export: missing(), kept_export: refused(), ..nothing() }
        }
        Drill::HeadSetBack => {
            Told { follow: refused(), recheck: refused(), kept_export: refused(), export: whole() }
        }
        Drill::Rewritten => {
            Told { follow: refused(), recheck: refused(), kept_export: refused(), export: altered(1) }
        }
        Drill::RewrittenAndSigned => {
            let rewritten = || alarm(format!("was rewritten: it has signed two roots for {before} entries."));
            Told { follow: rewritten(), recheck: rewritten(), export: altered(1), kept_export: altered(1) }
        }
        Drill::CutAndSigned => {
            let cut = || alarm(format!("was cut: it has signed {before} entries, and now has {now}."));
            // Who does not remember the log cannot tell these events from such as were sealed just now.
            let beyond = format!("before.ndjson has {} events after the checkpoint", before - now);
            Told { follow: cut(), recheck: cut(), export: missing(), kept_export: (4, beyond) }
        }
        Drill::CutAndRegrown => Told {
            follow: alarm(format!(
                "was rewritten: the {now} entries that it has signed do not begin with the {before} that it \
                 signed before."
            )),
            recheck: alarm(format!("offers other entries than the {before} that it signed.")),
            export: altered(before - first),
            kept_export: altered(before - first),
        },
    }
}

/// How many events the log has.
fn events() -> usize {
    std::env::var("EVENTS").map_or(600, |text| text.parse().unwrap())
}

fn auditlog(copy: &Copy, log: &Prepared) -> Auditlog {
    Auditlog::new()
        .with("AUDITLOG_ENDPOINT", copy.app.endpoint())
        .with("AUDITLOG_WORKSPACE", "acme")
        .with("AUDITLOG_TOKEN", &log.bearer)
}

/// The first lines of what was written.
fn line(stdout: &str, stderr: &str) -> String {
    let lines: Vec<_> = stdout.lines().chain(stderr.lines()).take(2).collect();
    lines.join(" / ")
}
