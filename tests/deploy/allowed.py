"""What each function's role may do: the one list that the template and the deployed stack are held to."""

# The permitted calls of each role. All other calls must be refused.
ALLOWED = {
    "Authorizer": {("GetItem", "AuditTokens"), ("UpdateItem", "AuditTokens")},
    "IngestApi": {("PartiQLInsert", "AuditEvents"), ("GetItem", "AuditEvents"), ("GetItem", "AuditSettings")},
    "IngestBus": {
        ("ReceiveMessage", "BusQueue"),
        ("DeleteMessage", "BusQueue"),
        ("GetQueueAttributes", "BusQueue"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditQuarantine"),
        ("GetItem", "AuditSettings"),
    },
    "Query": {
        ("Query", "AuditEvents"),
        ("Query", "AuditEvents/by_action"),
        ("Query", "AuditEvents/by_actor"),
        ("Query", "AuditEvents/by_entity"),
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("UpdateItem", "AuditRates"),
    },
    "Feed": {
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("UpdateItem", "AuditRates"),
    },
    "Sealer": {
        ("BatchGetItem", "AuditEvents"),
        ("Scan", "AuditEvents"),
        ("PartiQLUpdate", "AuditEvents"),
        ("UpdateItem", "AuditEvents"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("PutItem", "AuditLedger"),
        ("DeleteItem", "AuditBacklog"),
        ("PutItem", "AuditBacklog"),
        ("Query", "AuditBacklog"),
        ("Scan", "AuditBacklog"),
        ("ListStreams", "AuditEvents"),
        ("SendMessage", "SealerGaveUp"),
    },
    "Ledger": {
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("GetItem", "AuditCheckpoints"),
        ("PutItem", "AuditCheckpoints"),
        ("Scan", "AuditStreams"),
        ("GetPublicKey", "LedgerKey"),
        ("Sign", "LedgerKey"),
        ("GetPublicKey", "ServiceRecordsKey"),
    },
    "Redactions": {
        ("GetItem", "AuditCheckpoints"),
        ("Sign", "ServiceRecordsKey"),
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("PartiQLUpdate", "AuditEvents"),
        ("Query", "AuditEvents"),
        ("Query", "AuditEvents/by_action"),
        ("Query", "AuditEvents/by_actor"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("UpdateItem", "AuditRates"),
    },
    "Settings": {
        ("GetItem", "AuditCheckpoints"),
        ("Sign", "ServiceRecordsKey"),
        ("GetItem", "AuditSettings"),
        ("PartiQLInsert", "AuditSettings"),
        ("PartiQLUpdate", "AuditSettings"),
        ("PartiQLInsert", "AuditEvents"),
        ("UpdateItem", "AuditRates"),
    },
    "Streams": {
        ("GetItem", "AuditStreams"),
        ("Query", "AuditStreams"),
        ("PartiQLInsert", "AuditStreams"),
        ("PartiQLUpdate", "AuditStreams"),
        ("PartiQLDelete", "AuditStreams"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("CreateSecret", "secrets"),
        ("PutSecretValue", "secrets"),
        ("DeleteSecret", "secrets"),
        ("UpdateItem", "AuditRates"),
    },
    "Deliver": {
        ("Query", "AuditStreams"),
        ("Scan", "AuditStreams"),
        ("PartiQLUpdate", "AuditStreams"),
        ("UpdateItem", "AuditStreams"),
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("GetSecretValue", "secrets"),
    },
    "Archiver": {
        ("GetItem", "AuditCheckpoints"),
        ("Scan", "AuditStreams"),
        ("GetItem", "AuditStreams"),
        ("PartiQLUpdate", "AuditStreams"),
        ("UpdateItem", "AuditStreams"),
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("PutObject", "ArchiveBucket"),
    },
    "Expiry": {
        ("GetItem", "AuditCheckpoints"),
        ("Sign", "ServiceRecordsKey"),
        ("BatchGetItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("Query", "AuditEvents"),
        ("Query", "AuditEvents/by_action"),
        ("UpdateItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("Scan", "AuditSettings"),
        ("PartiQLUpdate", "AuditSettings"),
        ("UpdateItem", "AuditSettings"),
        ("ConditionCheckItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
    },
    "Viewer": set(),
    "Tokens": {
        ("GetItem", "AuditTokens"),
        ("PartiQLInsert", "AuditTokens"),
        ("PartiQLUpdate", "AuditTokens"),
        ("Query", "AuditTokens/by_workspace"),
        ("PartiQLInsert", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("UpdateItem", "AuditRates"),
    },
}
# Calls that the rehearsal cannot make. MiniStack reads a stream without the rights of the function's role.
UNASKED = {
    # The rehearsal's stack has no bus for streams.
    "Deliver": {
        ("PutEvents", "StreamEventBuses"),
        ("ReceiveMessage", "DeliverQueue"),
        ("DeleteMessage", "DeliverQueue"),
        ("GetQueueAttributes", "DeliverQueue"),
    },
    "Sealer": {
        ("DescribeStream", "AuditEvents/stream"),
        ("GetRecords", "AuditEvents/stream"),
        ("GetShardIterator", "AuditEvents/stream"),
    },
}
# The attributes that recording an event writes; `attributes_of` in shared/src/store/item.rs must agree. And the
# attributes that tell a retry from another event with the same key.
RECORDED = {
    "workspace", "timestamp", "action", "received_at", "outcome", "description", "actor_id", "actor", "entity_type",
    "entity_id", "entity_name", "context", "changes", "salt", "digest",
}
COMPARED = {"workspace", "timestamp", "salt", "redacted", "digest"}
OF_A_DELIVERY = {
    "workspace", "stream", "lease_owner", "lease_until", "generation", "next", "delivered", "delivered_at", "failure",
    "last_problem", "paused", "test_requested", "last_test",
}
# A count of reads, or the slots of long reads.
RATES = {"token", "window", "reads", "expires_at"} | {f"slot_{number}" for number in range(10)}
# The attributes that a call may name. All other calls have no such condition, and the only other write is a
# DELETE of a stream.
ATTRIBUTES = {
    ("Authorizer", "UpdateItem", "AuditTokens"): {"token", "last_used_on"},
    ("IngestBus", "PartiQLInsert", "AuditQuarantine"): {
        "source", "quarantined_at", "reason", "problems", "body", "parts", "expires_at",
    },
    ("Query", "UpdateItem", "AuditRates"): RATES,
    ("Feed", "UpdateItem", "AuditRates"): RATES,
    ("Sealer", "PartiQLUpdate", "AuditEvents"): {"workspace", "timestamp", "sequence"},
    ("Sealer", "UpdateItem", "AuditEvents"): {"workspace", "timestamp", "sequence"},
    ("Sealer", "PutItem", "AuditLedger"): {
        "workspace", "part", "entries", "root", "size", "frontier", "sealer", "turn_until", "reason", "set_aside_at",
        "began_at", "after_partition", "after_key",
    },
    ("Sealer", "PutItem", "AuditBacklog"): {"workspace", "left_at", "places"},
    ("Settings", "PartiQLInsert", "AuditSettings"): {"workspace", "retention", "retention_digest"},
    ("Settings", "PartiQLUpdate", "AuditSettings"): {"workspace", "retention", "retention_digest"},
    ("Streams", "PartiQLInsert", "AuditStreams"): {
        "workspace", "stream", "definition", "generation", "next", "delivered",
    },
    ("Streams", "PartiQLUpdate", "AuditStreams"): {
        "workspace", "stream", "definition", "generation", "next", "failure", "paused", "test_requested",
    },
    ("Deliver", "PartiQLUpdate", "AuditStreams"): OF_A_DELIVERY,
    ("Deliver", "UpdateItem", "AuditStreams"): OF_A_DELIVERY,
    ("Archiver", "PartiQLUpdate", "AuditStreams"): OF_A_DELIVERY | {"archive", "archive_run"},
    ("Archiver", "UpdateItem", "AuditStreams"): OF_A_DELIVERY | {"archive", "archive_run"},
    ("Expiry", "UpdateItem", "AuditEvents"): {"workspace", "timestamp", "expires_at"},
    ("Expiry", "PartiQLUpdate", "AuditSettings"): {"workspace", "retention_digest", "receipted_to", "marked_size", "unmarked_under"},
    ("Expiry", "UpdateItem", "AuditSettings"): {"workspace", "retention_digest", "receipted_to", "marked_size", "unmarked_under"},
    ("Expiry", "ConditionCheckItem", "AuditSettings"): {"workspace", "retention_digest", "marked_size"},
    ("Ledger", "PutItem", "AuditCheckpoints"): {"workspace", "size", "root", "note"},
    ("Redactions", "PartiQLUpdate", "AuditEvents"): {
        "workspace", "timestamp", "actor", "actor_id", "changes", "context", "description", "entity_type", "entity_id",
        "entity_name", "salt", "redacted", "digest",
    },
    ("Tokens", "PartiQLInsert", "AuditTokens"): {
        "token", "workspace", "name", "scopes", "hash", "created_by", "created_at", "expires_at",
    },
    ("Tokens", "PartiQLUpdate", "AuditTokens"): {"token", "revoked_at"},
}
ATTRIBUTES |= {
    (function, "UpdateItem", "AuditRates"): {"token", "window", "reads", "expires_at"}
    for function in ("Redactions", "Settings", "Streams", "Tokens")
}
ATTRIBUTES |= {
    (function, operation, "AuditEvents"): attributes
    for function, allowed in ALLOWED.items()
    for operation, attributes in (("PartiQLInsert", RECORDED), ("GetItem", COMPARED))
    if (operation, "AuditEvents") in allowed
}
