-- What lets go of the far sides of answered calls, should the process that runs them die. Beside `running`, whose small
-- rows are rewritten at every renewal of a lease.

CREATE TABLE handovers (
    call BLOB PRIMARY KEY NOT NULL,
    content BLOB NOT NULL
);
