-- Voice channels of apps; which call is whose; calls that are due later; what lists of calls are filtered by.

CREATE TABLE voice_channels (
    id BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL REFERENCES apps (id),
    mode TEXT NOT NULL,
    number TEXT,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX voice_channels_newest ON voice_channels (app, mode, created_at, id);
CREATE UNIQUE INDEX voice_channels_by_number ON voice_channels (app, mode, number) WHERE number IS NOT NULL;

ALTER TABLE calls ADD COLUMN voice_channel BLOB;
ALTER TABLE calls ADD COLUMN parent BLOB;
-- How the far side is reached.
ALTER TABLE calls ADD COLUMN reach TEXT NOT NULL DEFAULT 'pstn';
ALTER TABLE calls ADD COLUMN duration_s INTEGER NOT NULL DEFAULT 0;
UPDATE calls SET reach = 'sip'
    WHERE (direction = 'outbound' AND to_address LIKE 'sip:%') OR (direction = 'inbound' AND from_address LIKE 'sip:%');
UPDATE calls SET duration_s = (json_extract(body, '$.ended_at') - json_extract(body, '$.answered_at') + 500000) / 1000000
    WHERE json_extract(body, '$.ended_at') IS NOT NULL AND json_extract(body, '$.answered_at') IS NOT NULL;
CREATE INDEX calls_by_voice_channel ON calls (app, voice_channel, created_at, id);
CREATE INDEX calls_by_parent ON calls (parent) WHERE parent IS NOT NULL;

CREATE TABLE call_tags (
    app BLOB NOT NULL,
    tag TEXT NOT NULL,
    call BLOB NOT NULL,
    PRIMARY KEY (app, tag, call)
) WITHOUT ROWID;

-- Calls that are to be started at a time; who starts one takes its row away in the same transaction.
CREATE TABLE due (
    call BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX due_by_time ON due (at, call);
CREATE INDEX due_by_app ON due (app);
