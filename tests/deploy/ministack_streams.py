"""MiniStack, with the stream records of PartiQL statements.

MiniStack 1.5.33 writes no record to a table's stream for them, as DynamoDB does. All events are recorded by such
statements, so without this the sealer would never be invoked.
"""

import threading

from ministack.app import main
from ministack.services import dynamodb

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
