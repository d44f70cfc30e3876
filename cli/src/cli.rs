//! The command line.

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    actions::Actions,
    error::Error,
    export::Export,
    flags::Flags,
    import::Import,
    login,
    manual::{Completions, Manual},
    proof::Proof,
    query::Query,
    record::Record,
    redact::Redact,
    settings::Settings,
    show::Show,
    streams::Streams,
    tail::Tail,
    terminal,
    tokens::Tokens,
    verify::Verify,
    whoami::{Logout, Whoami},
};

const EXAMPLES: &str = concat!(
    "\
Examples:
  auditlog login                                     ask for credentials, check and keep them
  auditlog query                                     the newest 100 events
  auditlog query --since 7d --outcome failure        what failed in the last 7 days
  auditlog tail --follow --output ndjson             each event once it is sealed, for another program
  auditlog export 2025.csv --start 2025-01-01 --end 2026-01-01 --format csv
  auditlog import --from workos events.json          what another service recorded
  auditlog proof 81234 --out 81234.json              an event with what proves it
  auditlog verify event 81234.json --key log.vkey    and the proof, checked offline
  auditlog actions                                   what can be in an audit log
  auditlog tokens create --name siem --expires 90d   a token for another program

Environment:
  AUDITLOG_ENDPOINT, AUDITLOG_WORKSPACE    where the API is, and which workspace
  AUDITLOG_TOKEN, AUDITLOG_ADMIN_JWT       who is asking
  AUDITLOG_PROFILE, AUDITLOG_CONFIG        which profile, and which config file
  HTTPS_PROXY, NO_PROXY, NO_COLOR          as everywhere
Flags go before the environment, and that before the profile; --profile goes before the environment.
A saved token is sent to the endpoint that it was saved for, and to none besides. A proxy is used for
https:// alone, where it cannot read what passes.

",
    include_str!("../../docs/exit-codes.txt")
);

const LOGIN_EXAMPLES: &str = "\
Examples:
  auditlog login
  auditlog login --profile staging
  auditlog login --credentials .data/credentials.json     of a system that runs locally
  printf %s \"$TOKEN\" | auditlog login --endpoint https://audit.example.com --workspace acme --token -

What options and environment do not say is asked for, if standard input is a terminal. All is checked
before it is kept: the API must take it. The token is checked by a read, which the audit log records.

Config file: $XDG_CONFIG_HOME/auditlog/config.json or ~/.config/auditlog/config.json,
on macOS in ~/Library/Application Support, on Windows in %APPDATA%.";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  auditlog logout
  auditlog logout --profile staging
  auditlog logout --all

The token itself stays valid. An admin ends it with `auditlog tokens revoke`.";

const WHOAMI_EXAMPLES: &str = "\
Examples:
  auditlog whoami
  auditlog whoami --profile staging --output json

The API is asked whether it takes the credentials. No event is read, so the log gets no record of it.";

const SHOW_EXAMPLES: &str = "\
Examples:
  auditlog show 81234
  auditlog show 12326c8c-3c13-45a3-9b36-5a16d42937db --at 2025-02-18T10:47:37Z
  auditlog show 81234 --output json | jq .actor

An id is searched among the newest 100,000 events, or with --at among those of that second. An id that is a number
needs --at, since a number alone is a sequence.";

const RECORD_EXAMPLES: &str = "\
Examples:
  auditlog record --action group_created --actor af03c0246b82 --entity-type group --entity g1
  auditlog record --action x_deploy --actor ci --actor-type service --context commit=4f68a25 --context build:=1042
  auditlog record event.json
  git log -1 --format='{\"action\":\"x_commit\",\"actor\":{\"user_id\":\"%ae\"}}' | auditlog record -

An event without an id and a timestamp gets both here, so that a retry of the request records it once. To record an event
again without doubling it, give both: --timestamp and --id. More than 500 events go through `auditlog import`.";

const REDACT_EXAMPLES: &str = "\
Examples:
  auditlog redact --actor af03c0246b82                              count the events; erase nothing
  auditlog redact --actor af03c0246b82 --reason \"request 17\" --yes
  auditlog redact --sequence 17,20-25 --parts context,changes --yes

Without --yes the events are counted, for which a token is enough. Of an actor, records of reads that asked for them by
name are erased too, which the count leaves out. Erased parts cannot be brought back; every proof stays valid, and the
log records who erased which parts of which events.

--yes needs a JWT of an admin of the workspace: --admin-jwt, AUDITLOG_ADMIN_JWT, or kept by `auditlog login`.";

const QUERY_EXAMPLES: &str = "\
Examples:
  auditlog query --since today
  auditlog query --since 2h --columns sequence,time,action,actor,id
  auditlog query --since 2025-02-18T10:00Z --until 2025-02-18T11:00Z --order asc
  auditlog query --action org_user_invited,org_user_role_changed --limit 20
  auditlog query --category api_token --since \"30 days ago\" --all --output csv > tokens.csv
  auditlog query --actor af03c0246b82 --output ndjson | jq .entity.entity_name

Times are local, read and shown; with --utc they are in UTC. A time with an offset or a Z keeps it. A table shows the
columns that fit the terminal, or those of --columns; the other outputs have all of an event, with times in UTC.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  auditlog export all.ndjson
  auditlog export 2025.csv --start 2025-01-01 --end 2026-01-01 --format csv
  auditlog export failures.ndjson --since 30d --outcome failure

Times without an offset are in UTC, so that the file is the same on every machine.

Interrupt it whenever you like: the same command goes on where it ended, and the file is byte for
byte the same as without the interruption. FILE is complete once FILE.state is gone.

The end is settled when the export begins, now or earlier. A product may deliver an event some time
after its timestamp, and an event gets its sequence some moments after it was delivered: give an --end
some minutes back, such as -15m, where the range is to be final.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  auditlog import --from workos events.json
  auditlog import --from retraced events.ndjson --actions actions.json
  auditlog import --from mode page-1.json page-2.json page-3.json
  auditlog import --from ndjson all.ndjson               the file of `auditlog export`
  zcat old.ndjson.gz | auditlog import --from workos -   standard input
  auditlog import --from csv all.csv --dry-run           convert every row, and send nothing

You can interrupt it: the same command continues where it ended. Each event keeps its id and timestamp,
or gets an id that follows from the row, so retries are deduplicated. Rows that are equal in every part
and have no id are one event.

An action that is not in the catalogue becomes a custom one: user.signed_in is x_user_signed_in here.
--actions names others, as {\"user.signed_in\": \"x_login\"}. Members without a place of their own go into
the event's context; docs/migration.md has the tables.

A refused row is written to FILE.refused with its number and the reason, and the exit code is 1. Mend the
rows there, and import that file.";

const TAIL_EXAMPLES: &str = "\
Examples:
  auditlog tail --follow                                       show each event once it is sealed
  auditlog tail --after 81234 --output ndjson                  all since then, and end
  auditlog tail --state siem.json --output ndjson >> events.ndjson
  auditlog tail --state siem.json --follow --output ndjson | my-siem-forwarder

Each event has its `sequence`: 0, 1, 2, … Who has seen one never gets anything new at or below it, so
this misses nothing, however late a product delivers. It begins with the first event, unless --after
or the state says otherwise; a state that there is goes before --after.

--state keeps the last sequence that was written, once it is: the same command goes on after it. If it
is killed, the page that was being written comes again: the reader must recognize an event that comes
twice by its `sequence`. In CSV each run begins with the header.

With --follow, what fails in passing is tried for as long as it takes, and Ctrl-C or SIGTERM ends it
after the page at hand, with exit code 0.";

const PROOF_EXAMPLES: &str = "\
Examples:
  auditlog proof 81234 --out 81234.json
  auditlog proof 81234 | jq -r .proof > 81234.tlog-proof

What is written has the event, its leaf in the log, and the proof that leads from the leaf to a
checkpoint that the log signed. It proves the event to anyone with the log's key, without this API:
see `auditlog verify event`.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  auditlog verify event 81234.json --key log.vkey     one event, offline
  auditlog verify export all.ndjson --complete        a whole export, and that nothing is missing
  auditlog verify follow --state acme.log             that the log only grows, from now on

Only the key is trusted of the server, and only if you let the server tell it.

Exit codes: 0 proved; 1 refuted; 3 another log than `verify follow` remembers; 4 could not be checked.";

const TOKENS_EXAMPLES: &str = "\
Examples:
  auditlog tokens create --name siem --expires 90d
  auditlog tokens create --name product --scope read,write --output json
  auditlog tokens list
  auditlog tokens revoke AbC123AbC123

Only admins of the workspace may do this, with a JWT of your identity provider: --admin-jwt,
AUDITLOG_ADMIN_JWT, or kept by `auditlog login`.";

const SETTINGS_EXAMPLES: &str = "\
Examples:
  auditlog settings get
  auditlog settings set --retention-days 365 --confirm       from two minutes ahead on
  auditlog settings set --retention-days 90 --from +7d --confirm
  auditlog settings set --retention-days unlimited
  auditlog settings set --hold \"case 17\"                    nothing expires until --release
  auditlog settings set --release --confirm

What has expired is gone for every reader at the instant that is shown, and nothing brings it back:
neither a longer period nor a hold. So --confirm is asked for wherever events expire by a change.

Only admins of the workspace may do this, with a JWT of your identity provider: --admin-jwt,
AUDITLOG_ADMIN_JWT, or kept by `auditlog login`.";

const STREAMS_EXAMPLES: &str = "\
Examples:
  auditlog streams create --name SIEM --webhook https://siem.example.com/audit
  auditlog streams create --name SOC --splunk https://hec.example.com:8088 --index audit --secret-file token.txt
  auditlog streams create --name Logs --datadog datadoghq.eu --tag env:production --secret-file - --from 0
  auditlog streams create --name Failures --event-bus arn:aws:events:… --outcome failure --mask /actor/ip
  auditlog streams list
  auditlog streams mask --mask /actor/ip,/context/**/email --preview
  auditlog streams test str_9fK2ZsW7xLdQ
  auditlog streams replay str_9fK2ZsW7xLdQ --from 81234
  auditlog streams rotate-secret str_9fK2ZsW7xLdQ

Each event arrives at least once, in the order of its `sequence`, under its own id. A stream that stands
still, or whose destination fails, loses nothing: it goes on where it stands. The secrets of Splunk and
Datadog are read from a file, from standard input or from AUDITLOG_STREAM_SECRET, never from an argument.

Only admins of the workspace may do this, with a JWT of your identity provider: --admin-jwt,
AUDITLOG_ADMIN_JWT, or kept by `auditlog login`.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  auditlog completions bash > ~/.local/share/bash-completion/completions/auditlog
  auditlog completions zsh > ~/.zfunc/_auditlog
  auditlog completions fish > ~/.config/fish/completions/auditlog.fish";

const MANUAL_EXAMPLES: &str = "\
Examples:
  auditlog man | man -l -
  auditlog man --dir ~/.local/share/man/man1";

/// Reads, exports, imports and verifies the audit log of a workspace, and manages its tokens and streams.
#[derive(Debug, Parser)]
#[command(name = "auditlog", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check credentials and keep them for later commands
    #[command(after_help = LOGIN_EXAMPLES)]
    Login,
    /// Forget the credentials of a profile
    #[command(after_help = LOGOUT_EXAMPLES)]
    Logout(Logout),
    /// Show the credentials in use, and what they allow
    #[command(after_help = WHOAMI_EXAMPLES)]
    Whoami(Whoami),
    /// Show events
    #[command(after_help = QUERY_EXAMPLES)]
    Query(Query),
    /// Show one event, by its sequence or its id
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Record an event, or a few
    #[command(after_help = RECORD_EXAMPLES)]
    Record(Record),
    /// Write any range of events to a file; resumable
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Export),
    /// Record events of another service; resumable
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Show events in the order they were sealed, and go on with those to come
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(Tail),
    /// Write an event with its proof
    #[command(after_help = PROOF_EXAMPLES)]
    Proof(Proof),
    /// Prove that events are in the log unchanged, and that it is still the same log
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Erase parts of recorded events, such as the names of a person
    #[command(after_help = REDACT_EXAMPLES)]
    Redact(Redact),
    /// List the actions that can be in an audit log
    Actions(Actions),
    /// Create, list and revoke workspace tokens
    #[command(subcommand, after_help = TOKENS_EXAMPLES)]
    Tokens(Tokens),
    /// Show and change how long events are kept
    #[command(subcommand, after_help = SETTINGS_EXAMPLES)]
    Settings(Settings),
    /// Send the log on to a webhook, Splunk, Datadog, S3 or EventBridge
    #[command(subcommand, after_help = STREAMS_EXAMPLES)]
    Streams(Streams),
    /// Write completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Write the manual
    #[command(after_help = MANUAL_EXAMPLES)]
    Man(Manual),
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// Says what is in the way, and what to do about it.
    pub(crate) fn run(self) -> Result<(), Error> {
        let Self { command, flags } = self;
        terminal::set_manners(flags.manners());
        match command {
            Command::Login => login::run(&flags),
            Command::Logout(logout) => logout.run(&flags),
            Command::Whoami(whoami) => whoami.run(&flags),
            Command::Query(query) => query.run(&flags),
            Command::Show(show) => show.run(&flags),
            Command::Record(record) => record.run(&flags),
            Command::Redact(redact) => redact.run(&flags),
            Command::Export(export) => export.run(&flags),
            Command::Import(import) => import.run(&flags),
            Command::Tail(tail) => tail.run(&flags),
            Command::Proof(proof) => proof.run(&flags),
            Command::Verify(verify) => verify.run(&flags),
            Command::Actions(actions) => actions.run(&flags),
            Command::Tokens(tokens) => tokens.run(&flags),
            Command::Settings(settings) => settings.run(&flags),
            Command::Streams(streams) => streams.run(&flags),
            Command::Completions(completions) => completions.run(Self::command()),
            Command::Man(manual) => manual.run(Self::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
