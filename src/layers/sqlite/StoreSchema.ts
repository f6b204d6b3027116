import { crc32 } from "node:zlib"
import type { Schema } from "./Database.ts"
import { factTerms, nameTerms } from "./StoreIndex.ts"

/**
 * Ids are unique within a group and hold it; `pk` are short stand-ins for them, so that evidence rows, of which there are
 * most, are small. They differ from store to store and leave the engine nowhere.
 *
 * Evidence is `name`, `mention` and `support`. An entity, relation or fact is there as long as evidence is, and its
 * weight counts it: an entity's name rows, a fact's support rows, a relation's facts' support rows.
 */
const version1 = `
CREATE TABLE grp (
  pk INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  -- Goes up with each change of the graph; the hash is good for the generation that it was made from.
  generation INTEGER NOT NULL DEFAULT 0,
  hash TEXT,
  hash_generation INTEGER
) STRICT;

CREATE TABLE run (
  pk INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  status TEXT NOT NULL,
  report TEXT,
  UNIQUE (grp, id)
) STRICT;
CREATE INDEX run_by_start ON run (grp, started_at);

CREATE TABLE document (
  pk INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  recipe TEXT NOT NULL,
  state TEXT NOT NULL,
  media_type TEXT NOT NULL,
  title TEXT NOT NULL,
  date TEXT,
  run TEXT NOT NULL,
  text TEXT NOT NULL,
  UNIQUE (grp, id)
) STRICT;

CREATE TABLE source (
  grp INTEGER NOT NULL,
  uri TEXT NOT NULL,
  document INTEGER NOT NULL,
  PRIMARY KEY (grp, uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_by_document ON source (document);

CREATE TABLE chunk (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  start INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  state TEXT NOT NULL,
  header TEXT NOT NULL,
  text TEXT NOT NULL,
  -- What was extracted, as JSON; null where the chunk is dead.
  extraction TEXT,
  UNIQUE (document, ordinal)
) STRICT;

CREATE TABLE embedding (
  chunk INTEGER PRIMARY KEY,
  -- 32-bit floats, little-endian.
  vector BLOB NOT NULL
) STRICT;

CREATE TABLE entity (
  pk INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  key TEXT NOT NULL,
  weight INTEGER NOT NULL,
  UNIQUE (grp, id)
) STRICT;

CREATE TABLE name (
  chunk INTEGER NOT NULL,
  entity INTEGER NOT NULL,
  name TEXT NOT NULL,
  grounded INTEGER NOT NULL,
  -- Whether the name's key is the entity's key.
  own INTEGER NOT NULL,
  PRIMARY KEY (chunk, entity, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX name_by_entity ON name (entity, own, name);

CREATE TABLE mention (
  chunk INTEGER NOT NULL,
  entity INTEGER NOT NULL,
  start INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  surface TEXT NOT NULL,
  PRIMARY KEY (chunk, entity, start, "end")
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_by_entity ON mention (entity);

CREATE TABLE relation (
  pk INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  source INTEGER NOT NULL,
  target INTEGER NOT NULL,
  type TEXT NOT NULL,
  weight INTEGER NOT NULL,
  UNIQUE (grp, id)
) STRICT;
CREATE INDEX relation_by_source ON relation (source, target);
CREATE INDEX relation_by_target ON relation (target, source);

CREATE TABLE fact (
  pk INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  relation INTEGER NOT NULL,
  text TEXT NOT NULL,
  valid_at TEXT,
  invalid_at TEXT,
  weight INTEGER NOT NULL,
  UNIQUE (grp, id)
) STRICT;
CREATE INDEX fact_by_relation ON fact (relation);

CREATE TABLE support (
  chunk INTEGER NOT NULL,
  fact INTEGER NOT NULL,
  confidence INTEGER,
  -- The fact's, kept with its evidence; should two supports differ in it, the least one stands, whoever came first.
  predicate TEXT,
  PRIMARY KEY (chunk, fact)
) STRICT, WITHOUT ROWID;
CREATE INDEX support_by_fact ON support (fact, predicate);

CREATE TABLE decision (
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  document INTEGER NOT NULL,
  from_entity TEXT NOT NULL,
  to_entity TEXT NOT NULL,
  score INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  PRIMARY KEY (grp, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_by_document ON decision (document);

CREATE TABLE dead_letter (
  grp INTEGER NOT NULL,
  source TEXT NOT NULL,
  -- -1: of the source as a whole.
  ordinal INTEGER NOT NULL,
  document TEXT,
  cause TEXT NOT NULL,
  letter TEXT NOT NULL,
  PRIMARY KEY (grp, source, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_by_document ON dead_letter (grp, document);
`

const version2 = `
-- The run that this one goes on with, or the first of several.
ALTER TABLE run ADD COLUMN root TEXT;
-- A JSON object: what decides what a document becomes, part by part.
ALTER TABLE run ADD COLUMN recipe TEXT;
`

const version3 = `
-- Finds chunks with the same text: see textKey.
ALTER TABLE chunk ADD COLUMN text_key INTEGER;
UPDATE chunk SET text_key = text_key(text);
CREATE INDEX chunk_by_text ON chunk (text_key);
-- Whether something was taken out whose bytes are still in the file.
ALTER TABLE grp ADD COLUMN unpurged INTEGER NOT NULL DEFAULT 0;
`

/**
 * What `search` looks in. The indexes have no texts of their own; should what is a term ever change, a migration must
 * fill them anew.
 */
const version4 = `
-- Every name of an entity once, however often it is called so.
CREATE TABLE entity_name (
  pk INTEGER PRIMARY KEY,
  entity INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (entity, name)
) STRICT;
INSERT INTO entity_name (entity, name) SELECT DISTINCT entity, name FROM name;

CREATE VIRTUAL TABLE name_search USING fts5(text, content='', tokenize='trigram case_sensitive 1');
INSERT INTO name_search (name_search, rank) VALUES ('secure-delete', 1);
INSERT INTO name_search (rowid, text) SELECT pk, name_terms(name) FROM entity_name WHERE name_terms(name) <> '';
CREATE VIRTUAL TABLE name_piece USING fts5vocab('name_search', 'row');

CREATE VIRTUAL TABLE fact_search USING fts5(text, content='', tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co M*'");
INSERT INTO fact_search (fact_search, rank) VALUES ('secure-delete', 1);
INSERT INTO fact_search (rowid, text) SELECT pk, fact_terms(text) FROM fact;
CREATE VIRTUAL TABLE fact_word USING fts5vocab('fact_search', 'row');
`

/**
 * Finds chunks with the same text. 32 bits, since this is an entry of an index for each chunk: among millions of chunks
 * some share one by chance, and those who look compare the texts.
 */
export const textKey = (text: string): number => crc32(text) | 0

export const storeSchema: Schema = {
  noun: "store",
  applicationId: 0x534c5543,
  migrations: [version1, version2, version3, version4],
  functions: { text_key: textKey, name_terms: nameTerms, fact_terms: factTerms },
  synchronous: "NORMAL",
  // A commit touches pages all over the file, and the next one many of the same: moved less often, they are written once.
  checkpoint: 8000,
  // What it holds comes back from documents and journal.
  isTruth: false
}
