-- Where phones are registered, as their carrier wrote it: taken up again after a restart.

CREATE TABLE places (
    endpoint BLOB PRIMARY KEY NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    content BLOB NOT NULL
);
