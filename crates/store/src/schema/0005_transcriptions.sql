-- What is said in recordings, written down. `told`: its event is among its call's.
CREATE TABLE transcriptions (
    id BLOB PRIMARY KEY NOT NULL,
    app BLOB NOT NULL,
    mode TEXT NOT NULL,
    recording BLOB NOT NULL,
    call BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    final INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    words TEXT
);
CREATE INDEX transcriptions_newest ON transcriptions (app, mode, created_at, id);
CREATE INDEX transcriptions_of_recording ON transcriptions (recording);
CREATE INDEX transcriptions_unfinished ON transcriptions (created_at, id) WHERE final = 0;
CREATE INDEX transcriptions_untold ON transcriptions (created_at, id) WHERE final = 1 AND told = 0;

-- Completed recordings that are to be written down and are not yet.
ALTER TABLE recordings ADD COLUMN to_transcribe INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recordings_to_transcribe ON recordings (started_at, id) WHERE to_transcribe = 1;
