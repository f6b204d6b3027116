import type { Schema } from "./Database.ts"

const version1 = `
CREATE TABLE call (
  id TEXT PRIMARY KEY,
  run TEXT NOT NULL,
  grp TEXT NOT NULL,
  kind TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  -- Item keys, as a JSON array.
  items TEXT NOT NULL,
  reserved_input INTEGER NOT NULL,
  reserved_output INTEGER NOT NULL,
  reserved_usd REAL NOT NULL,
  reserved_at INTEGER NOT NULL,
  -- From here on null until the call is settled.
  outcome TEXT,
  answering_model TEXT,
  input INTEGER,
  output INTEGER,
  cached INTEGER,
  usd REAL,
  settled_at INTEGER,
  -- Compressed with Zstandard.
  response BLOB
) STRICT;
CREATE INDEX call_by_run ON call (run);

CREATE TABLE answer (
  key TEXT PRIMARY KEY,
  grp TEXT NOT NULL,
  kind TEXT NOT NULL,
  call TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;
`

const version2 = `
-- Null in answers of the first version, and in those about no chunk.
ALTER TABLE answer ADD COLUMN chunk TEXT;
CREATE INDEX answer_by_chunk ON answer (grp, chunk);

CREATE TABLE pool (
  name TEXT PRIMARY KEY,
  -- JSON.
  learned TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`

const version3 = `
-- Only ever appended to and overwritten in place, as is "answer": so no copy of a row is left behind in a gap of the file.
CREATE TABLE response (
  id INTEGER PRIMARY KEY,
  call TEXT NOT NULL,
  -- Compressed with Zstandard; zeros: forgotten.
  body BLOB NOT NULL
) STRICT;
INSERT INTO response (call, body) SELECT id, response FROM call WHERE response IS NOT NULL ORDER BY settled_at;
ALTER TABLE call DROP COLUMN response;
-- Null: not settled, or gone.
ALTER TABLE call ADD COLUMN response INTEGER;
UPDATE call SET response = (SELECT response.id FROM response WHERE response.call = call.id) WHERE outcome IS NOT NULL;

-- 1: every item of the call has its answer from this call, so that its response speaks of nothing else.
ALTER TABLE call ADD COLUMN whole INTEGER;
-- The other responses, which speak of what nobody may know any more.
CREATE INDEX call_loose ON call (grp) WHERE response IS NOT NULL AND whole IS NOT 1;

-- CRC-32 of key and value; null in answers of earlier versions. An answer that is forgotten has nines in place of its
-- value, and a key that begins with "forgotten".
ALTER TABLE answer ADD COLUMN sum INTEGER;

-- One row, which says what must be there.
CREATE TABLE tally (
  -- How many answers there are, and the sum of their keys' CRC-32 modulo 2^32; null: not known yet.
  answers INTEGER,
  keys INTEGER,
  -- 1: rows have been moved within the file, so that copies of them may stand in its gaps.
  gaps INTEGER NOT NULL,
  -- 1: something was forgotten since, and may be among them.
  scrub INTEGER NOT NULL
) STRICT;
INSERT INTO tally (gaps, scrub) SELECT EXISTS (SELECT 1 FROM answer), 0;
`

const version4 = `
-- The source that it was asked for; null in answers of earlier versions.
ALTER TABLE answer ADD COLUMN source TEXT;
`

export const journalSchema: Schema = {
  noun: "journal",
  applicationId: 0x534c554a,
  migrations: [version1, version2, version3, version4],
  // An answer is used as soon as it is committed, and must then outlive a loss of power.
  synchronous: "FULL",
  checkpoint: 1000,
  isTruth: true
}
