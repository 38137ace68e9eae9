-- Phones that register.

CREATE TABLE endpoints (
    id BLOB PRIMARY KEY NOT NULL,
    username TEXT NOT NULL UNIQUE,
    organization BLOB NOT NULL REFERENCES organizations (id),
    app BLOB NOT NULL REFERENCES apps (id),
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX endpoints_newest ON endpoints (organization, created_at, id);
CREATE INDEX endpoints_by_app ON endpoints (app, created_at, id);
