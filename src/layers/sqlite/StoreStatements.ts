import type { Database } from "./Database.ts"

/** The chunks of a document. */
const chunks = "SELECT pk FROM chunk WHERE document = ?1"

/** What `StoreWriter` prepares once. */
export const statements = (db: Database) => ({
  group: db.prepare("SELECT pk FROM grp WHERE name = ?"),
  addGroup: db.prepare("INSERT INTO grp (name) VALUES (?) RETURNING pk"),
  leavesBytes: db.prepare("UPDATE grp SET unpurged = 1 WHERE pk = ? AND unpurged = 0"),
  nextGeneration: db.prepare("UPDATE grp SET generation = generation + 1 WHERE pk = ?"),

  document: db.prepare("SELECT pk FROM document WHERE grp = ? AND id = ?"),
  putDocument: db.prepare(
    `INSERT INTO document (grp, id, recipe, state, media_type, title, date, run, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (grp, id) DO UPDATE SET recipe = excluded.recipe, state = excluded.state,
       media_type = excluded.media_type, title = excluded.title, date = excluded.date, run = excluded.run,
       text = excluded.text
     RETURNING pk`
  ),
  dropDocument: db.prepare("DELETE FROM document WHERE pk = ? RETURNING id"),
  addChunk: db.prepare(
    `INSERT INTO chunk (id, document, ordinal, start, "end", tokens, state, header, text, extraction, text_key)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  addEmbedding: db.prepare("INSERT OR REPLACE INTO embedding (chunk, vector) VALUES (?, ?)"),

  source: db.prepare("SELECT document FROM source WHERE grp = ? AND uri = ?"),
  anySource: db.prepare("SELECT uri FROM source WHERE document = ? ORDER BY uri LIMIT 1"),
  sourcesOf: db.prepare("SELECT uri FROM source WHERE document = ? ORDER BY uri"),
  dropSource: db.prepare("DELETE FROM source WHERE grp = ? AND uri = ? RETURNING document"),
  putSource: db.prepare(
    `INSERT INTO source (grp, uri, document) VALUES (?, ?, ?)
     ON CONFLICT (grp, uri) DO UPDATE SET document = excluded.document`
  ),

  putLetter: db.prepare(
    "INSERT OR REPLACE INTO dead_letter (grp, source, ordinal, document, cause, letter) VALUES (?, ?, ?, ?, ?, ?)"
  ),
  dropLetters: db.prepare("DELETE FROM dead_letter WHERE grp = ? AND source = ?"),
  dropOwnLetter: db.prepare("DELETE FROM dead_letter WHERE grp = ? AND source = ? AND ordinal = -1"),
  dropDocumentLetters: db.prepare("DELETE FROM dead_letter WHERE grp = ? AND document = ? AND ordinal <> -1"),
  dropSourceLetters: db.prepare(
    "DELETE FROM dead_letter WHERE grp = ? AND source = ? AND NOT (ordinal <> -1 AND document IS ?)"
  ),
  moveLetters: db.prepare(
    `UPDATE OR REPLACE dead_letter SET source = ?1, letter = json_set(letter, '$.source', ?1)
     WHERE grp = ?2 AND source = ?3 AND ordinal <> -1 AND document = (SELECT id FROM document WHERE pk = ?4)`
  ),

  // Whether it is there or not, one statement: weights are added up.
  putEntity: db.prepare(
    `INSERT INTO entity (grp, id, type, key, weight) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (grp, id) DO UPDATE SET weight = weight + excluded.weight RETURNING pk`
  ),
  weighEntity: db.prepare("UPDATE entity SET weight = weight + ? WHERE pk = ?"),
  addName: db.prepare("INSERT OR IGNORE INTO name (chunk, entity, name, grounded, own) VALUES (?, ?, ?, ?, ?)"),
  addMention: db.prepare('INSERT OR IGNORE INTO mention (chunk, entity, start, "end", surface) VALUES (?, ?, ?, ?, ?)'),

  putRelation: db.prepare(
    `INSERT INTO relation (grp, id, source, target, type, weight) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (grp, id) DO UPDATE SET weight = weight + excluded.weight RETURNING pk`
  ),
  weighRelation: db.prepare("UPDATE relation SET weight = weight + ? WHERE pk = ?"),
  putFact: db.prepare(
    `INSERT INTO fact (grp, id, relation, text, valid_at, invalid_at, weight) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (grp, id) DO UPDATE SET weight = weight + excluded.weight RETURNING pk, weight`
  ),
  weighFact: db.prepare("UPDATE fact SET weight = weight + ? WHERE pk = ? RETURNING relation"),
  addSupport: db.prepare("INSERT OR IGNORE INTO support (chunk, fact, confidence, predicate) VALUES (?, ?, ?, ?)"),
  addDecision: db.prepare(
    `INSERT OR IGNORE INTO decision (grp, id, document, from_entity, to_entity, score, evidence, decided_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
  ),

  namedBy: db.prepare(`SELECT entity, count(*) AS count FROM name WHERE chunk IN (${chunks}) GROUP BY entity`),
  namesIn: db.prepare(`SELECT DISTINCT entity, name FROM name WHERE chunk IN (${chunks})`),
  mentionedBy: db.prepare(`SELECT DISTINCT entity FROM mention WHERE chunk IN (${chunks})`),
  supportedBy: db.prepare(`SELECT fact, count(*) AS count FROM support WHERE chunk IN (${chunks}) GROUP BY fact`),
  dropEvidence: [
    db.prepare(`DELETE FROM name WHERE chunk IN (${chunks})`),
    db.prepare(`DELETE FROM mention WHERE chunk IN (${chunks})`),
    db.prepare(`DELETE FROM support WHERE chunk IN (${chunks})`),
    db.prepare(`DELETE FROM embedding WHERE chunk IN (${chunks})`),
    db.prepare("DELETE FROM decision WHERE document = ?1"),
    db.prepare("DELETE FROM chunk WHERE document = ?1")
  ],
  sweepFact: db.prepare("DELETE FROM fact WHERE pk = ? AND weight = 0 RETURNING text"),
  sweepRelation: db.prepare("DELETE FROM relation WHERE pk = ? AND weight = 0 RETURNING source, target"),
  sweepEntity: db.prepare(
    `DELETE FROM entity WHERE pk = ?1 AND weight = 0
       AND NOT EXISTS (SELECT 1 FROM mention WHERE entity = ?1)
       AND NOT EXISTS (SELECT 1 FROM relation WHERE source = ?1)
       AND NOT EXISTS (SELECT 1 FROM relation WHERE target = ?1)`
  )
})
