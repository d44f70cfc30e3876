"""Reads every file that `auditlog verify` proved with the tools of its consumers: each must get what was logged."""

import collections
import csv
import gzip
import json
import pathlib
import sys

import duckdb
import pandas
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json

# The log has a receipt for these events, so that a complete file may lack them.
EXPIRED = {"e-00000", "e-00001"}


class Differs(Exception):
    """A reader gets something else than was logged."""


def main():
    proved = pathlib.Path(sys.argv[1])
    logged = by_id(json_lines(proved / "ndjson/true/file"))
    assert len(logged) == 8, len(logged)
    counts, wrong = collections.Counter(), []
    for directory in sorted(proved.glob("*/*")):
        kind, name = directory.parent.name, directory.name
        for tool, read, is_exact in READERS[kind]:
            counts[kind, tool] += 1
            try:
                compare(directory, proved / kind / "true", logged, read, is_exact)
            except Differs as error:
                wrong.append(f"{kind}, {name}, {tool}: {error}")
    for (kind, tool), count in counts.items():
        print(f"{kind}: {tool}: {count} files")
    print("\n".join(wrong))
    sys.exit(f"{len(wrong)} readings differ from what was logged" if wrong else 0)


def compare(directory, true_directory, logged, read, is_exact):
    """Holds what a reader gets of a file against what it gets of the true one, and an exact one against the log itself."""
    found = by_id(attempt(read, directory))
    missing = [identity for identity in logged if key_of(identity) not in EXPIRED and identity not in found]
    if read in PARTIAL:
        missing = [] if found else ["an event"]
    if missing:
        raise Differs(f"it does not get {missing}")
    true = logged if is_exact else by_id(attempt(read, true_directory))
    for identity, event in found.items():
        if identity not in true:
            raise Differs(f"it gets {identity}, which was not logged")
        expected = true[identity]
        if plain(event.get("sequence")) in (None, ""):
            event = {name: value for name, value in event.items() if name != "sequence"}
            expected = {name: value for name, value in expected.items() if name != "sequence"}
        if plain(event) != plain(expected):
            raise Differs(f"it gets {plain(event)}, and {plain(expected)} was logged")


def attempt(read, directory):
    try:
        return read(directory)
    except (ValueError, TypeError, KeyError, EOFError, OSError, csv.Error, duckdb.Error, pyarrow.ArrowException) as error:
        raise Differs(f"it fails: {error}") from error


def by_id(events):
    """Events by their ids. A reader that gets one twice, or one without an id, gets more than was logged."""
    all = {}
    for event in events:
        identity = event.get("id", event.get("metadata"))
        if identity is None or str(identity) in all:
            raise Differs(f"it gets {identity} again")
        all[str(identity)] = event
    return all


def key_of(identity):
    return identity.rsplit(" ", 1)[-1]


def plain(value):
    """A value without what a reader of inferred types adds or changes: absent members, and types of numbers."""
    if isinstance(value, dict):
        members = ((name, plain(member)) for name, member in value.items())
        return {name: member for name, member in members if member is not None}
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    if value is None or value is pandas.NaT or isinstance(value, float) and value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value if isinstance(value, (bool, str)) else str(value)
    return float(value)


def file(directory):
    return str(directory / "file")


# Python: json and csv.


def json_lines(path):
    with open(path, encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


def of_json_lines(directory):
    return json_lines(file(directory))


def of_json_whole(directory):
    return json.loads(pathlib.Path(file(directory)).read_bytes())


def of_bundle(directory):
    # The command names the category as not proved.
    event = dict(of_json_whole(directory)["event"])
    return [event]


def of_csv(directory):
    with open(file(directory), encoding="utf-8-sig", newline="") as rows:
        return list(csv.DictReader(rows, strict=True))


def of_packed_lines(directory):
    events = []
    for path in sorted(directory.rglob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            events += [json.loads(line) for line in lines]
    return events


# DuckDB.

# As JSON, each column keeps the text that the file has.
COLUMNS = [
    "action", "actor", "category", "changes", "context", "description", "entity", "id", "outcome", "received_at", "redacted",
    "salt", "sequence", "timestamp", "workspace_username",
]
AS_JSON = "{" + ", ".join(f"{name}: 'JSON'" for name in COLUMNS) + "}"


def query(sql):
    found = duckdb.sql(sql)
    rows = found.fetchall()
    return [dict(zip(found.columns, row, strict=True)) for row in rows]


def as_json(sql):
    rows = query(sql)
    return [{name: value and json.loads(value) for name, value in row.items() if name in COLUMNS} for row in rows]


def duckdb_lines(directory):
    return as_json(f"select * from read_json('{file(directory)}', format = 'newline_delimited', columns = {AS_JSON})")


def duckdb_array(directory):
    return as_json(f"select * from read_json('{file(directory)}', format = 'array', columns = {AS_JSON})")


def duckdb_guessing(directory):
    return query(f"select * from read_json('{file(directory)}', sample_size = -1)")


def duckdb_bundle(directory):
    [(event,)] = duckdb.sql(f"select event from read_json('{file(directory)}', columns = {{event: 'JSON'}})").fetchall()
    return [json.loads(event)]


def duckdb_csv(directory):
    return query(f"select * from read_csv('{file(directory)}', all_varchar = true)")


def duckdb_csv_guessing(directory):
    return query(f"select * from read_csv('{file(directory)}')")


def duckdb_packed_lines(directory):
    return as_json(f"select * from read_json('{directory}/archive/ndjson/**/*.gz', columns = {AS_JSON})")


def duckdb_columns(directory):
    return query(f"select * from read_parquet('{directory}/archive/parquet/**/*.parquet', hive_partitioning = true)")


# pandas and pyarrow.


def rows_of(table):
    return table.astype(object).where(table.notna(), None).to_dict("records")


def pandas_lines(directory):
    return rows_of(pandas.read_json(file(directory), lines=True, dtype=False, precise_float=True))


def pandas_lines_guessing(directory):
    return rows_of(pandas.read_json(file(directory), lines=True))


def pandas_array(directory):
    return rows_of(pandas.read_json(file(directory), dtype=False, precise_float=True))


def pandas_csv(directory):
    return rows_of(pandas.read_csv(file(directory), dtype=str, keep_default_na=False, encoding="utf-8-sig"))


def pandas_csv_guessing(directory):
    return rows_of(pandas.read_csv(file(directory)))


def pandas_columns(directory):
    paths = sorted((directory / "archive/parquet").rglob("*.parquet"))
    return rows_of(pandas.concat([pandas.read_parquet(path, partitioning=None) for path in paths]))


# pyarrow cannot read members that have other types in other events.
ARROW = pyarrow.schema(
    [(name, pyarrow.string()) for name in COLUMNS if name not in ("actor", "changes", "context", "entity", "redacted", "sequence")]
    + [("sequence", pyarrow.float64()), ("actor", pyarrow.struct({"user_id": pyarrow.string(), "username": pyarrow.string()}))]
)


def arrow_lines(directory):
    options = pyarrow.json.ParseOptions(explicit_schema=ARROW, unexpected_field_behavior="ignore")
    return pyarrow.json.read_json(file(directory), parse_options=options).to_pylist()


def arrow_csv(directory):
    return pyarrow.csv.read_csv(file(directory), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)).to_pylist()


def arrow_columns(directory):
    return pyarrow.dataset.dataset(directory / "archive/parquet", partitioning="hive").to_table().to_pylist()


# For each kind of file its readers; OCSF has none, because it has no leaves and is never proved. Of each reader, whether it gives exactly the members of the API.
READERS = {
    "ndjson": [
        ("Python's json, line by line", of_json_lines, True),
        ("DuckDB", duckdb_lines, True),
        ("DuckDB, types guessed", duckdb_guessing, False),
        ("pandas", pandas_lines, True),
        ("pandas, types guessed", pandas_lines_guessing, False),
        ("pyarrow", arrow_lines, False),
    ],
    "json": [
        ("Python's json, the whole", of_json_whole, True),
        ("DuckDB", duckdb_array, True),
        ("DuckDB, types guessed", duckdb_guessing, False),
        ("pandas", pandas_array, True),
    ],
    "csv": [
        ("Python's csv", of_csv, False),
        ("DuckDB", duckdb_csv, False),
        ("DuckDB, types guessed", duckdb_csv_guessing, False),
        ("pandas", pandas_csv, False),
        ("pandas, types guessed", pandas_csv_guessing, False),
        ("pyarrow", arrow_csv, False),
    ],
    "bundle": [("Python's json, the whole", of_bundle, True), ("DuckDB", duckdb_bundle, True)],
    "receipt": [("Python's json, the whole", of_bundle, True), ("DuckDB", duckdb_bundle, True)],
    "archive": [
        ("Python's gzip and json", of_packed_lines, True),
        ("DuckDB, lines", duckdb_packed_lines, True),
        ("DuckDB, columns", duckdb_columns, False),
        ("pandas, columns", pandas_columns, False),
        ("pyarrow, columns", arrow_columns, False),
    ],
    # The file that is proved with these is a true one.
    "state": [],
    "checkpoint": [],
}
# These read one event of the log.
PARTIAL = {of_bundle, duckdb_bundle}

main()
