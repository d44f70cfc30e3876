//! What the command tells about itself.

use crate::auditlog::Auditlog;

#[test]
fn help_teaches_with_examples_and_exit_codes() {
    let auditlog = Auditlog::new();
    let help = auditlog.succeed(&["--help"]);
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    for command in [
        "login",
        "query",
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
    for command in ["event", "export", "follow"] {
        assert!(auditlog.succeed(&["verify", command, "--help"]).contains("Exit codes:"), "{command}");
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
