"""What others read from a copy of the archive, as the events that the API answers, in the order of their sequences."""

import datetime
import gzip
import json

import duckdb as duck
from pyarrow.parquet import ParquetFile

TIMES = ("timestamp", "received_at")
# Columns that hold JSON, and the members of actors and entities.
JSON = ("context", "changes", "redacted", "actor_on_behalf_of")
WITHIN = ("actor", "entity")


def lines(copy):
    events = []
    for path in copy.glob("ndjson/workspace=*/day=*/*.ndjson.gz"):
        with gzip.open(path, "rt", newline="\n") as file:
            events += [json.loads(line) for line in file]
    return in_order(events)


def pyarrow(copy):
    rows = []
    for path in copy.glob("parquet/workspace=*/day=*/*.parquet"):
        rows += ParquetFile(path).read().to_pylist()
    return in_order(event(row) for row in rows)


def duckdb(copy):
    found = connection(copy).execute("SELECT * EXCLUDE (workspace, day) FROM audit_logs.events ORDER BY sequence")
    names = [column[0] for column in found.description]
    return in_order(event(dict(zip(names, row))) for row in found.fetchall())


def query(copy, text):
    return connection(copy).execute(text).fetchall()


def connection(copy):
    """DuckDB with the table of the template over the copy, and what Athena calls otherwise."""
    database = duck.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("CREATE SCHEMA audit_logs")
    files = f"{copy}/parquet/workspace=*/day=*/*.parquet"
    database.execute(
        "CREATE VIEW audit_logs.events AS SELECT * FROM"
        f" read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false)"
    )
    database.execute("CREATE MACRO json_extract_scalar(text, path) AS json_extract_string(text, path)")
    return database


def event(row):
    """The event that a row is: the rule that docs/archive.md states, backwards."""
    made = {}
    for name, value in row.items():
        if name in JSON and value is not None:
            value = json.loads(value)
        if name in TIMES:
            value = value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        part, _, member = name.partition("_")
        if part not in WITHIN:
            made[name] = value
        elif value is not None:
            made.setdefault(part, {})[member] = value
    for part in WITHIN:
        made.setdefault(part, None)
    return made


def in_order(events):
    return sorted(events, key=lambda event: event["sequence"])
