"""The tables of the history's file."""

VERSION = 1
"""Another one for other tables, or for another meaning of a column: the file is then made anew."""

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    channel TEXT NOT NULL,
    UNIQUE (source, channel)
);

-- What is looked through; what is long lies in `bodies`.
CREATE TABLE recordings (
    key INTEGER PRIMARY KEY,      -- in the order of time, see rows.first_key
    id TEXT NOT NULL UNIQUE,
    place INTEGER NOT NULL,
    time INTEGER NOT NULL,        -- microseconds since 1970, here and below
    received INTEGER NOT NULL,
    audio_deleted INTEGER,
    status TEXT NOT NULL,
    version INTEGER,              -- the one that is shown
    versions INTEGER NOT NULL,
    corrected INTEGER NOT NULL,
    confidence REAL,
    language TEXT,
    model TEXT,
    segments INTEGER NOT NULL
);
CREATE INDEX by_place ON recordings (place);
CREATE INDEX by_status ON recordings (status) WHERE status != 'completed';
CREATE INDEX by_doubt ON recordings (confidence) WHERE corrected = 0;
CREATE INDEX corrected ON recordings (corrected) WHERE corrected = 1;

CREATE TABLE bodies (
    key INTEGER PRIMARY KEY,
    record BLOB NOT NULL,         -- recording.json, as it is
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'bodies', content_rowid = 'key',
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE versions (
    key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    correction BLOB,              -- messages.Correction
    prompt TEXT,
    model TEXT,
    language TEXT,
    segments INTEGER NOT NULL,
    confidence REAL,
    created INTEGER,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;

-- Of versions that have no transcript yet.
CREATE TABLE segments (
    key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (key, number, at)
) WITHOUT ROWID;

-- Corrections of which EVENTS may not know yet.
CREATE TABLE outbox (
    recording TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (recording, version)
) WITHOUT ROWID;
"""
