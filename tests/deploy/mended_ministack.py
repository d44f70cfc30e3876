"""MiniStack, with two things that AWS does and MiniStack 1.5.33 does not.

A PartiQL statement writes a record to its table's stream. All events are recorded by such statements, so without this
the sealer would never be invoked. And policies see the key of an object decoded, not as it stands in the URL, where
`workspace=acme` is `workspace%3Dacme`.
"""

import threading
import urllib.parse

from ministack.core import iam_actions

resource_of = iam_actions.extract_resource_arn


def extract_resource_arn(service, method, path, *rest):
    path = urllib.parse.unquote(path) if service == "s3" else path
    return resource_of(service, method, path, *rest)


iam_actions.extract_resource_arn = extract_resource_arn

# These import the functions by name, so they come after.
from ministack.app import main  # noqa: E402
from ministack.services import dynamodb  # noqa: E402

# The table of the statement that is carried out.
now = threading.local()


def of_a_statement(carry_out):
    def carried_out(table, parsed, *rest):
        now.table = parsed["table"]
        try:
            return carry_out(table, parsed, *rest)
        finally:
            now.table = None

    return carried_out


def recorded(change):
    def changed(table, partition, sort, *item):
        before = change(table, partition, sort, *item)
        name = getattr(now, "table", None)
        if name and (item or before):
            event = "REMOVE" if not item else "MODIFY" if before else "INSERT"
            dynamodb._emit_stream_event(name, event, before, item[0] if item else None)
        return before

    return changed


for name in ("_partiql_insert", "_partiql_update", "_partiql_delete"):
    setattr(dynamodb, name, of_a_statement(getattr(dynamodb, name)))
for name in ("_set_item", "_remove_item"):
    setattr(dynamodb, name, recorded(getattr(dynamodb, name)))
main()
