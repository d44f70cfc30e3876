"""What each function's role may do: the one list that the template and the deployed stack are held to."""

# What each role may do. All else must be refused.
ALLOWED = {
    "Authorizer": {("GetItem", "AuditTokens"), ("UpdateItem", "AuditTokens")},
    "IngestApi": {("PutItem", "AuditEvents"), ("PartiQLInsert", "AuditEvents"), ("GetItem", "AuditSettings")},
    "IngestBus": {
        ("ReceiveMessage", "BusQueue"),
        ("DeleteMessage", "BusQueue"),
        ("GetQueueAttributes", "BusQueue"),
        ("PutItem", "AuditEvents"),
        ("PartiQLInsert", "AuditEvents"),
        ("PutItem", "AuditQuarantine"),
        ("GetItem", "AuditSettings"),
    },
    "Query": {
        ("Query", "AuditEvents"),
        ("Query", "AuditEvents/by_action"),
        ("Query", "AuditEvents/by_actor"),
        ("Query", "AuditEvents/by_entity"),
        ("BatchGetItem", "AuditEvents"),
        ("PutItem", "AuditEvents"),
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
        ("PutItem", "AuditLedger"),
        ("ListStreams", "AuditEvents"),
        ("SendMessage", "SealerGaveUp"),
    },
    "Ledger": {
        ("BatchGetItem", "AuditEvents"),
        ("PutItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
        ("PutItem", "AuditLedger"),
        ("GetPublicKey", "LedgerKey"),
        ("Sign", "LedgerKey"),
    },
    "Redactions": {
        ("BatchGetItem", "AuditEvents"),
        ("PutItem", "AuditEvents"),
        ("UpdateItem", "AuditEvents"),
        ("Query", "AuditEvents/by_action"),
        ("Query", "AuditEvents/by_actor"),
        ("GetItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
    },
    "Settings": {
        ("GetItem", "AuditSettings"),
        ("UpdateItem", "AuditSettings"),
        ("PutItem", "AuditEvents"),
    },
    "Expiry": {
        ("BatchGetItem", "AuditEvents"),
        ("PutItem", "AuditEvents"),
        ("Query", "AuditEvents"),
        ("UpdateItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
        ("Scan", "AuditSettings"),
        ("UpdateItem", "AuditSettings"),
        ("GetItem", "AuditLedger"),
        ("Query", "AuditLedger"),
    },
    "Viewer": set(),
    "Tokens": {
        ("GetItem", "AuditTokens"),
        ("PutItem", "AuditTokens"),
        ("UpdateItem", "AuditTokens"),
        ("Query", "AuditTokens/by_workspace"),
        ("PutItem", "AuditEvents"),
        ("GetItem", "AuditSettings"),
    },
}
# What the rehearsal cannot ask for: MiniStack reads a stream without the rights of the function's role.
UNASKED = {
    "Sealer": {
        ("DescribeStream", "AuditEvents/stream"),
        ("GetRecords", "AuditEvents/stream"),
        ("GetShardIterator", "AuditEvents/stream"),
    },
}
# The attributes that a write may name. Any other write of these is without such a condition.
ATTRIBUTES = {
    ("Authorizer", "UpdateItem", "AuditTokens"): {"token", "last_used_on"},
    ("Query", "UpdateItem", "AuditRates"): {"token", "window", "reads", "expires_at"},
    ("Sealer", "PartiQLUpdate", "AuditEvents"): {"workspace", "timestamp", "sequence"},
    ("Sealer", "UpdateItem", "AuditEvents"): {"workspace", "timestamp", "sequence"},
    ("Sealer", "PutItem", "AuditLedger"): {
        "workspace", "part", "entries", "root", "size", "frontier", "reason", "set_aside_at", "began_at",
        "after_partition", "after_key",
    },
    ("Settings", "UpdateItem", "AuditSettings"): {"workspace", "retention"},
    ("Expiry", "UpdateItem", "AuditEvents"): {"workspace", "timestamp", "sequence", "expires_at"},
    ("Expiry", "UpdateItem", "AuditSettings"): {"workspace", "retention", "receipted_to", "marked_to"},
    ("Ledger", "PutItem", "AuditLedger"): {"workspace", "part", "size", "root", "note"},
    ("Redactions", "UpdateItem", "AuditEvents"): {
        "workspace", "timestamp", "actor", "actor_id", "changes", "context", "description", "entity_type", "entity_id",
        "entity_name", "salt", "redacted",
    },
}
