"""Which calls of DynamoDB the code of each function makes, read from the code.

Only `shared/src/store` speaks DynamoDB: each of its methods names its operation and its table, or calls other methods
that do. A function makes the calls of all the methods that its own code names.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = {
    "events": "AuditEvents", "tokens": "AuditTokens", "quarantine": "AuditQuarantine", "settings": "AuditSettings",
    "ledger": "AuditLedger", "backlog": "AuditBacklog", "checkpoints": "AuditCheckpoints", "rates": "AuditRates",
    "streams": "AuditStreams",
}
OPERATIONS = {
    "get_item": "GetItem", "put_item": "PutItem", "update_item": "UpdateItem", "delete_item": "DeleteItem",
    "query": "Query", "scan": "Scan", "batch_get_item": "BatchGetItem", "batch_write_item": "BatchWriteItem",
}
# IAM asks for each kind of PartiQL statement by itself, alone, in a batch or in a transaction.
STATEMENTS = {'UPDATE "{table}"': "PartiQLUpdate", 'DELETE FROM "{table}"': "PartiQLDelete", "SELECT ": "PartiQLSelect"}
# The parts of a transaction without statements, for each of which IAM asks by itself.
PARTS = {
    "Put::builder": "PutItem", "Update::builder": "UpdateItem", "Delete::builder": "DeleteItem",
    "ConditionCheck::builder": "ConditionCheckItem",
}


def code(path):
    """A file without its tests and comments."""
    text = path.read_text().split("#[cfg(test)]\nmod tests {")[0]
    return re.sub(r"//[^\n]*", "", text)


def bodies(text):
    """Each function of a text by its name, with what stands between its braces."""
    for found in re.finditer(r"\bfn (\w+)", text):
        start = text.find("{", found.end())
        depth, at = 0, start
        while at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
            if depth == 0:
                break
        yield found[1], text[start:at]


def direct(body):
    """The calls that a body makes itself: (operation, table)."""
    for name, operation in OPERATIONS.items():
        for found in re.finditer(rf"\.{name}\(\)", body):
            table = re.search(r"self\.(?:store\.)?tables\.(\w+)", body[found.end():]) or re.search(
                r"tables\.(\w+)", body
            )
            yield operation, TABLES[table[1]] if table else "?"
    for table in re.findall(r"Statement::insert\(\s*&self\.tables\.(\w+)", body):
        yield "PartiQLInsert", TABLES[table]
    for begin, operation in STATEMENTS.items():
        if begin in body:
            table = re.search(r"let table = &self\.tables\.(\w+);", body)
            yield operation, TABLES[table[1]] if table else "?"
    for name, operation in PARTS.items():
        for found in re.finditer(name, body):
            table = re.search(r"tables\.(\w+)", body[found.end():])
            yield operation, TABLES[table[1]] if table else "?"


def store():
    """What each function of the store calls, by itself and through others."""
    files = [code(path) for path in sorted((ROOT / "shared/src/store").glob("*.rs"))]
    # A function that constructs a type of the store may do everything that the type does.
    types = {
        name: [function for function, _ in bodies(text)]
        for text in files
        for name in re.findall(r"^pub\(super\) struct (\w+)", text, re.MULTILINE)
    }
    calls, through = {}, {}
    for name, body in (each for text in files for each in bodies(text)):
        calls.setdefault(name, set()).update(direct(body))
        through.setdefault(name, set()).update(re.findall(r"\b(?:self|store)\s*\.\s*(\w+)\(", body))
        for made in re.findall(r"\b([A-Z]\w+)::new\(", body):
            through[name].update(types.get(made, []))
    known = set(calls)
    changed = True
    while changed:
        changed = False
        for name in known:
            for other in through[name] & known - {name}:
                if not calls[other] <= calls[name]:
                    calls[name] |= calls[other]
                    changed = True
    return calls


# The crate of `query` is deployed twice: the routes of this file are the function Feed, all others are Query.
FEED = ROOT / "functions/query/src/feed.rs"


def of_files(paths, methods):
    """The calls of some files of a function."""
    text = "\n".join(code(path) for path in paths)
    named = set(re.findall(r"\bstore(?:\(\))?\s*\.\s*(\w+)\(", text)) & set(methods)
    return set().union(*(methods[method] for method in named))


def of_functions():
    """The calls of each function, by the name of its resource."""
    methods = store()
    found = {"Feed": of_files([FEED], methods)}
    for folder in sorted((ROOT / "functions").iterdir()):
        if not (folder / "Cargo.toml").exists():
            continue
        paths = [path for path in sorted(folder.glob("src/**/*.rs")) if path.name != "tests.rs" and path != FEED]
        name = "".join(part.capitalize() for part in folder.name.split("-"))
        found[name] = of_files(paths, methods)
    return found


if __name__ == "__main__":
    for name, calls in of_functions().items():
        print(name, sorted(calls))
