//! The help, the version and the manual pages of the command.

use serde_json::json;

use crate::auditlog::Auditlog;

/// The table that all three programs print.
const EXIT_CODES: &str = include_str!("../../../docs/exit-codes.txt");

#[test]
fn the_manual_of_the_command_line_has_the_exit_codes() {
    assert!(include_str!("../../../docs/cli.md").contains(EXIT_CODES));
}

#[test]
fn help_teaches_with_examples_and_exit_codes() {
    let auditlog = Auditlog::new();
    let help = auditlog.succeed(&["--help"]);
    assert!(help.contains("Examples:") && help.contains(EXIT_CODES.trim()), "{help}");
    for command in [
        "login",
        "logout",
        "whoami",
        "query",
        "show",
        "record",
        "redact",
        "export",
        "import",
        "tail",
        "proof",
        "verify",
        "tokens",
        "settings",
        "streams",
        "completions",
        "man",
    ] {
        assert!(auditlog.succeed(&[command, "--help"]).contains("Examples:"), "{command}");
    }
    for command in ["archive", "event", "export", "follow"] {
        assert!(auditlog.succeed(&["verify", command, "--help"]).contains("Exit codes:"), "{command}");
    }
}

#[test]
fn completions_have_the_values_that_are_known() {
    let auditlog = Auditlog::new();
    let config = json!({"profiles": {"staging": {"workspace": "globex"}, "default": {"workspace": "acme"}}});
    std::fs::create_dir_all(auditlog.path(".config/auditlog")).unwrap();
    std::fs::write(auditlog.path(".config/auditlog/config.json"), config.to_string()).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        // The warning that others can read the config file is not of interest here.
        let script = auditlog.run(&["completions", shell]).stdout;
        let names = ["collection_group_added", "user_membership", "staging", "globex", "ndjson", "retraced"];
        for name in names {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn completions_and_manual_are_written_without_any_api() {
    let auditlog = Auditlog::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(auditlog.succeed(&["completions", shell]).contains("export"), "{shell}");
    }
    assert!(auditlog.succeed(&["man"]).contains(".TH auditlog 1"));
    auditlog.succeed(&["man", "--dir=pages"]);
    for page in ["auditlog.1", "auditlog-export.1", "auditlog-tokens-create.1", "auditlog-verify-follow.1"] {
        assert!(auditlog.read(&format!("pages/{page}")).contains(".SH"), "{page}");
    }
}
