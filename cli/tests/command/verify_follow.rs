//! A log that is remembered: it grows, or it is another one, and then that is proved.

use std::path::PathBuf;

use crate::{
    api::Api,
    auditlog::{Auditlog, eventually},
    ledger::Log,
};

const LOOK: [&str; 4] = ["verify", "follow", "--once", "--state=log"];

/// A log of so many entries that is remembered, by its key.
fn followed(entries: usize) -> (Api, Auditlog) {
    let api = Api::serve(Log::with(entries));
    let auditlog = Auditlog::for_api(&api);
    let key = api.log(|log| log.key());
    let line = auditlog.succeed(&[&LOOK[..], &["--key", &key]].concat());
    assert!(line.contains(&format!("  {entries} entries, root ")), "{line}");
    assert!(line.ends_with(": remembered from now on\n"), "{line}");
    (api, auditlog)
}

/// Looks again, which finds another log; gives what is told, with the evidence.
fn alarm(auditlog: &Auditlog, more: &[&str]) -> (String, PathBuf) {
    let before = remembered(auditlog);
    let complaint = auditlog.fail(3, &[&LOOK[..], more].concat());
    let evidence = complaint.lines().find_map(|line| line.strip_prefix("  Evidence: ")).unwrap();
    let evidence = auditlog.path(evidence);
    for name in ["key", "remembered/checkpoint", "offered/checkpoint", "report"] {
        assert!(evidence.join(name).exists(), "{name}");
    }
    assert_eq!(std::fs::read_to_string(evidence.join("remembered/checkpoint")).unwrap(), before[0].1);
    // The remembered state is unchanged, and the next look finds the same problem.
    assert_eq!(remembered(auditlog), before);
    (complaint, evidence)
}

fn remembered(auditlog: &Auditlog) -> Vec<(String, String)> {
    ["log/checkpoint", "log/key"].map(|name| (name.to_owned(), auditlog.read(name))).to_vec()
}

#[test]
fn a_log_that_grows_is_the_same_log() {
    let (api, auditlog) = followed(0);
    let mut before = 0;
    for size in [1, 2, 200, 255, 256, 257, 512, 600] {
        api.log(|log| log.grow(size - before));
        let line = auditlog.succeed(&LOOK);
        let expected = format!("  {size} entries, root ");
        assert!(
            line.contains(&expected) && line.contains(&format!(": {} more than before", size - before)),
            "{line}"
        );
        assert_eq!(auditlog.succeed(&LOOK), "The log has not changed since.\n");
        assert_eq!(auditlog.read("log/checkpoint"), api.log(|log| log.checkpoint()));
        before = size;
    }
    for (name, bytes) in [("000", 8192), ("001", 8192), ("002.p/88", 88 * 32)] {
        assert_eq!(std::fs::metadata(auditlog.path("log/tile/0").join(name)).unwrap().len(), bytes, "{name}");
    }
    let mut tiles: Vec<_> = std::fs::read_dir(auditlog.path("log/tile/0"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    tiles.sort();
    assert_eq!(tiles, ["000", "001", "002.p"]);
    // A full tile is fetched once.
    let fetched = api.asked().iter().filter(|asked| asked.path.ends_with("/tile/0/000")).count();
    assert_eq!(fetched, 1);
    assert_eq!(auditlog.succeed(&[&LOOK[..], &["--recheck"]].concat()), "The log has not changed since.\n");
}

#[test]
fn the_key_that_the_server_tells_is_remembered_with_a_warning() {
    let api = Api::serve(Log::with(5));
    let auditlog = Auditlog::for_api(&api);
    let ended = auditlog.run(&LOOK);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("warning: trusting the key"), "{ended:?}");
    // From now on it is not asked for.
    api.put("acme", Log::of("acme", 2, 5));
    let complaint = auditlog.fail(1, &LOOK);
    assert!(
        complaint.contains("the checkpoint is not signed by the key audit-logs.test/acme+"),
        "{complaint}"
    );
    assert!(complaint.contains("in a new directory with --key"), "{complaint}");
    let other = api.log(|log| log.key());
    assert!(auditlog.fail(2, &[&LOOK[..], &["--key", &other]].concat()).contains("remembers another key"));
    let keys = api.asked().iter().filter(|asked| asked.path.ends_with("/ledger/key")).count();
    assert_eq!(keys, 1);
}

#[test]
fn the_log_of_another_workspace_is_refused() {
    let (api, auditlog) = followed(5);
    api.put("globex", Log::of("globex", 1, 5));
    let complaint = auditlog.fail(2, &[&LOOK[..], &["--workspace=globex"]].concat());
    assert!(complaint.contains("not that of the workspace globex"), "{complaint}");
    api.put("acme", Log::of("globex", 1, 5));
    let complaint = auditlog.fail(1, &LOOK);
    assert!(complaint.contains("the checkpoint is of the log \"audit-logs.test/globex\""), "{complaint}");
}

#[test]
fn a_rewritten_log_of_the_same_size_is_found() {
    let (api, auditlog) = followed(300);
    api.log(|log| log.rewrite(270));
    let (complaint, evidence) = alarm(&auditlog, &[]);
    let expected = "error: The log audit-logs.test/acme was rewritten: it has signed two roots for 300 \
                    entries.\n  \
                    The first sequence that differs is 270.\n";
    assert!(complaint.starts_with(expected), "{complaint}");
    assert!(complaint.contains("next: Keep the evidence"), "{complaint}");
    let tile = |side: &str| std::fs::read(evidence.join(side).join("tile/0/001.p/44")).unwrap();
    assert_eq!(tile("offered"), api.log(|log| log.tile("0/001.p/44")).unwrap());
    assert_ne!(tile("offered"), tile("remembered"));
    assert_eq!(alarm(&auditlog, &[]).0.lines().next(), complaint.lines().next());
}

#[test]
fn a_rewritten_log_that_grew_is_found() {
    for sequence in [3, 299] {
        let (api, auditlog) = followed(300);
        api.log(|log| {
            log.rewrite(sequence);
            log.grow(400);
        });
        let (complaint, _) = alarm(&auditlog, &[]);
        let what = "was rewritten: the 700 entries that it has signed do not begin with the 300 that";
        assert!(complaint.contains(what), "{complaint}");
        assert!(
            complaint.contains(&format!("The first sequence that differs is {sequence}.")),
            "{complaint}"
        );
    }
}

#[test]
fn a_log_that_was_cut_is_found() {
    let (api, auditlog) = followed(300);
    api.log(|log| log.cut(200));
    let (complaint, _) = alarm(&auditlog, &[]);
    assert!(complaint.contains("was cut: it has signed 300 entries, and now has 200."), "{complaint}");
    assert!(
        complaint.contains("The first sequence that differs is 200: it and all after it are gone."),
        "{complaint}"
    );
    api.log(|log| log.rewrite(7));
    assert!(alarm(&auditlog, &[]).0.contains("The first sequence that differs is 7."));
    api.log(|log| log.cut(0));
    assert!(alarm(&auditlog, &[]).0.contains("The first sequence that differs is 0: it and all after"));
}

#[test]
fn a_root_that_no_entries_add_up_to_is_found() {
    let (api, auditlog) = followed(300);
    let asked = api.asked().len();
    // The tiles are those of before, and the checkpoint is of other entries.
    let mut other = Log::with(300);
    other.rewrite(100);
    let note = other.checkpoint();
    api.log(|log| log.claim = Some(note));
    let (complaint, _) = alarm(&auditlog, &[]);
    assert!(complaint.contains("All 300 entries that are offered are the remembered ones"), "{complaint}");
    assert!(api.asked().len() > asked);
    // At the first look it is no alarm, but nothing is remembered.
    let complaint = auditlog.run(&["verify", "follow", "--once", "--state=other"]);
    assert_eq!(complaint.code, Some(1), "{complaint:?}");
    assert!(complaint.stderr.contains("do not add up to the root that was signed"), "{complaint:?}");
    assert!(!auditlog.exists("other/checkpoint"));
}

#[test]
fn a_false_proof_of_consistency_is_found() {
    let (api, auditlog) = followed(300);
    api.log(|log| {
        log.grow(10);
        log.claims_consistency_of = Some(299);
    });
    let (complaint, evidence) = alarm(&auditlog, &[]);
    assert!(complaint.contains("does not prove that it only grew from 300 to 310: "), "{complaint}");
    assert!(evidence.join("offered/consistency.json").exists());
}

#[test]
fn an_old_entry_that_changed_behind_its_root_is_found_by_a_recheck() {
    let (api, auditlog) = followed(600);
    api.log(|log| {
        log.claim = Some(log.checkpoint());
        log.rewrite(5);
    });
    assert_eq!(auditlog.succeed(&LOOK), "The log has not changed since.\n");
    let (complaint, evidence) = alarm(&auditlog, &["--recheck"]);
    assert!(complaint.contains("offers other entries than the 600 that it signed."), "{complaint}");
    assert!(complaint.contains("The first sequence that differs is 5."), "{complaint}");
    assert!(evidence.join("offered/tile/0/000").exists());
}

#[test]
fn an_old_entry_that_changed_in_the_last_tile_is_found_when_that_grows() {
    let (api, auditlog) = followed(300);
    api.log(|log| {
        log.grow(10);
        log.claim = Some(log.checkpoint());
        log.rewrite(299);
    });
    let (complaint, _) = alarm(&auditlog, &[]);
    assert!(complaint.contains("offers other entries than the 300 that it signed."), "{complaint}");
    assert!(complaint.contains("The first sequence that differs is 299."), "{complaint}");
}

#[test]
fn a_signature_that_is_none_is_no_alarm_and_changes_nothing() {
    let (api, auditlog) = followed(5);
    let before = remembered(&auditlog);
    api.log(|log| log.claim = Some(log.checkpoint().replacen("\n5\n", "\n6\n", 1)));
    assert!(auditlog.fail(1, &LOOK).contains("the signature of the checkpoint is not one of the key"));
    assert_eq!(remembered(&auditlog), before);
    assert!(!auditlog.exists("log/evidence"));
}

#[test]
fn a_crash_between_any_two_files_leaves_a_state_that_goes_on() {
    for (old, new) in [(0, 5), (5, 200), (200, 256), (200, 300), (256, 300), (300, 600)] {
        let (api, auditlog) = followed(old);
        let note = auditlog.read("log/checkpoint");
        api.log(|log| log.grow(new - old));
        auditlog.succeed(&LOOK);
        // All is written but the checkpoint; and of the files before it, each is whole or not there.
        std::fs::write(auditlog.path("log/checkpoint"), note).unwrap();
        let tile = format!("0/{:03}.p/{}", old / 256, old % 256);
        if !old.is_multiple_of(256) {
            let path = auditlog.path("log/tile").join(&tile);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, api.log(|log| log.tile(&tile)).unwrap()).unwrap();
        }
        let line = auditlog.succeed(&LOOK);
        assert!(line.contains(&format!("{new} entries")), "{line}");
        assert_eq!(
            auditlog.succeed(&[&LOOK[..], &["--recheck"]].concat()),
            "The log has not changed since.\n"
        );
    }
}

#[test]
fn a_state_that_was_damaged_is_said_to_be() {
    let (_api, auditlog) = followed(300);
    let path = auditlog.path("log/tile/0/000");
    let mut tile = std::fs::read(&path).unwrap();
    tile[7] ^= 1;
    std::fs::write(&path, &tile).unwrap();
    let complaint = auditlog.fail(4, &LOOK);
    assert!(
        complaint.contains("log remembers is damaged: the tiles do not add up to the root"),
        "{complaint}"
    );
    std::fs::write(&path, &tile[1..]).unwrap();
    assert!(auditlog.fail(4, &LOOK).contains("tile/0/000 has not as many hashes as it must"));
    std::fs::remove_file(&path).unwrap();
    assert!(auditlog.fail(4, &LOOK).contains("tile/0/000 is missing"));
    std::fs::write(auditlog.path("log/checkpoint"), "odd").unwrap();
    assert!(auditlog.fail(4, &LOOK).contains("the checkpoint is not in its form"));
}

#[test]
fn a_state_without_its_checkpoint_is_not_begun_anew() {
    let (api, auditlog) = followed(300);
    std::fs::remove_file(auditlog.path("log/checkpoint")).unwrap();
    api.log(|log| log.rewrite(7));
    let key = api.log(|log| log.key());
    for more in [&[][..], &["--recheck"], &["--key", &key]] {
        let complaint = auditlog.fail(4, &[&LOOK[..], more].concat());
        assert!(complaint.contains("its checkpoint is gone, and the hashes are there"), "{complaint}");
    }
    // Nor without the key, or without the tiles.
    std::fs::remove_file(auditlog.path("log/key")).unwrap();
    auditlog.fail(4, &LOOK);
    let complaint = auditlog.fail(2, &["verify", "export", "x", "--state=log"]);
    assert!(complaint.contains("remembers no log"), "{complaint}");
}

#[test]
fn an_interrupted_first_look_goes_on_where_it_ended() {
    let api = Api::serve(Log::with(600));
    let auditlog = Auditlog::for_api(&api);
    let key = api.log(|log| log.key());
    let look = [&LOOK[..], &["--key", &key]].concat();
    // The state that a kill leaves after the first two tiles.
    std::fs::create_dir_all(auditlog.path("log/tile/0")).unwrap();
    std::fs::write(auditlog.path("log/first-look"), "").unwrap();
    for tile in ["0/000", "0/001"] {
        std::fs::write(auditlog.path("log/tile").join(tile), api.log(|log| log.tile(tile)).unwrap()).unwrap();
    }
    assert!(auditlog.succeed(&look).contains("600 entries"));
    let fetched: Vec<_> =
        api.asked().into_iter().map(|asked| asked.path).filter(|path| path.contains("/tile/")).collect();
    assert!(fetched.len() == 1 && fetched[0].ends_with("/tile/0/002.p/88"), "{fetched:?}");
    assert!(!auditlog.exists("log/first-look"));

    // Kept tiles are not trusted: with another hash in them nothing adds up, and the next look fetches all again.
    std::fs::remove_dir_all(auditlog.path("log")).unwrap();
    std::fs::create_dir_all(auditlog.path("log/tile/0")).unwrap();
    std::fs::write(auditlog.path("log/first-look"), "").unwrap();
    std::fs::write(auditlog.path("log/tile/0/000"), [7; 8192]).unwrap();
    assert!(auditlog.fail(4, &look).contains("do not add up to the root"));
    assert!(auditlog.succeed(&look).contains("600 entries"));
}

#[test]
#[cfg(unix)]
fn it_looks_until_it_is_interrupted_or_alarmed() {
    let (api, auditlog) = followed(5);
    let arguments = ["verify", "follow", "--state=log", "--interval=20ms"];
    let child = auditlog.spawn(&arguments);
    eventually(|| api.asked().len() > 10);
    assert!(auditlog.fail(4, &LOOK).contains("Another process follows the log in log"));
    api.log(|log| log.grow(5));
    eventually(|| auditlog.read("log/checkpoint").contains("\n10\n"));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(String::from_utf8(ended.stdout).unwrap().lines().count(), 1);

    let child = auditlog.spawn(&arguments);
    api.log(|log| log.cut(9));
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    for wrong in ["0s", "-1s", "soon"] {
        assert_eq!(
            auditlog.run(&["verify", "follow", "--state=log", "--interval", wrong]).code,
            Some(2),
            "{wrong}"
        );
    }
}
