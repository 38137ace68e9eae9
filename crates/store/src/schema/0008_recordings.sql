-- Recordings as their lists find them. A condemned one is a tombstone: nobody sees it, and it goes once its files have.

ALTER TABLE recordings ADD COLUMN app BLOB NOT NULL DEFAULT x'';
ALTER TABLE recordings ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN condemned INTEGER NOT NULL DEFAULT 0;
UPDATE recordings SET
    app = coalesce((SELECT calls.app FROM calls WHERE calls.id = recordings.call), x''),
    mode = coalesce((SELECT calls.mode FROM calls WHERE calls.id = recordings.call), '');
CREATE INDEX recordings_newest ON recordings (app, mode, started_at, id) WHERE condemned = 0;
CREATE INDEX recordings_condemned ON recordings (id) WHERE condemned = 1;
