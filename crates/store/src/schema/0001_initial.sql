-- Ids are the 16 bytes of a UUIDv7; times are microseconds since the Unix epoch; `body` is the whole noun as JSON.
-- The other columns are what lists filter by and what transactions check.

CREATE TABLE organizations (
    id BLOB PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE apps (
    id BLOB PRIMARY KEY NOT NULL,
    organization BLOB NOT NULL REFERENCES organizations (id),
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX apps_by_organization ON apps (organization, created_at, id);

CREATE TABLE keys (
    id BLOB PRIMARY KEY NOT NULL,
    organization BLOB NOT NULL REFERENCES organizations (id),
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX keys_by_prefix ON keys (prefix);
CREATE INDEX keys_by_organization ON keys (organization, created_at, id);

CREATE TABLE trunks (
    id BLOB PRIMARY KEY NOT NULL,
    organization BLOB NOT NULL REFERENCES organizations (id),
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX trunks_newest ON trunks (organization, created_at, id);

CREATE TABLE numbers (
    id BLOB PRIMARY KEY NOT NULL,
    number TEXT NOT NULL UNIQUE,
    organization BLOB NOT NULL REFERENCES organizations (id),
    app BLOB NOT NULL REFERENCES apps (id),
    trunk BLOB NOT NULL REFERENCES trunks (id),
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX numbers_newest ON numbers (organization, created_at, id);
CREATE INDEX numbers_by_app ON numbers (app, created_at, id);
CREATE INDEX numbers_by_trunk ON numbers (trunk);

CREATE TABLE idempotency (
    key BLOB NOT NULL,
    value TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    -- No status: the first request is still being worked on.
    status INTEGER,
    response TEXT,
    PRIMARY KEY (key, value)
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE calls (
    id BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL,
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    direction TEXT NOT NULL,
    from_address TEXT NOT NULL,
    to_address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    setup TEXT NOT NULL
);
CREATE INDEX calls_newest ON calls (app, mode, created_at, id);
CREATE INDEX calls_by_status ON calls (app, mode, status, created_at, id);
CREATE INDEX calls_by_from ON calls (app, from_address, created_at, id);
CREATE INDEX calls_by_to ON calls (app, to_address, created_at, id);

-- One small row per call whose writer is not done with it: renewing a lease rewrites this and not the call.
CREATE TABLE running (
    call BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL,
    ended INTEGER NOT NULL,
    node BLOB NOT NULL,
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX running_by_app ON running (app) WHERE ended = 0;
CREATE INDEX running_by_lease ON running (lease_until);
CREATE INDEX running_by_node ON running (node);

CREATE TABLE events (
    call BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (call, sequence)
);

-- In order of writing: `position` only grows while rows wait.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY,
    call BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    UNIQUE (call, sequence)
);
-- No event without its outbox entry.
CREATE TRIGGER events_to_outbox AFTER INSERT ON events BEGIN
    INSERT INTO outbox (call, sequence) VALUES (new.call, new.sequence);
END;

CREATE TABLE recordings (
    id BLOB PRIMARY KEY NOT NULL,
    call BLOB NOT NULL,
    final INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX recordings_by_call ON recordings (call, started_at, id);
CREATE INDEX recordings_open ON recordings (call) WHERE final = 0;

CREATE TABLE webhooks (
    id BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL,
    mode TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX webhooks_newest ON webhooks (app, mode, created_at, id);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    webhook BLOB NOT NULL,
    call BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    event_name TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER,
    state TEXT NOT NULL,
    -- An earlier event of the call has not had its first attempt at this endpoint.
    blocked INTEGER NOT NULL,
    UNIQUE (webhook, call, sequence)
);
CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE state = 'pending' AND blocked = 0;
CREATE INDEX deliveries_untried ON deliveries (webhook, call, sequence) WHERE state = 'pending' AND attempts = 0;
CREATE INDEX deliveries_newest ON deliveries (webhook, id);
CREATE INDEX deliveries_by_state ON deliveries (webhook, state, id);

CREATE TABLE attempts (
    delivery INTEGER NOT NULL REFERENCES deliveries (id),
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    latency_ms INTEGER NOT NULL,
    PRIMARY KEY (delivery, number)
) WITHOUT ROWID;

CREATE TABLE timeline (
    call BLOB NOT NULL,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (call, position)
);
