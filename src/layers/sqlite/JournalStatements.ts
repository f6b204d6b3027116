import type { Database } from "./Database.ts"

/** Begins the key of an answer that is forgotten; keys are hexadecimal, so that no other begins with it. */
export const forgotten = "forgotten"

export const statements = (db: Database) => ({
  standing: db.prepare("SELECT value, sum FROM answer WHERE key = ?"),
  answer: db.prepare(
    "INSERT OR IGNORE INTO answer (key, grp, kind, call, value, chunk, sum, source) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
  ),
  keys: db.prepare("SELECT key FROM answer"),
  call: db.prepare("SELECT 1 FROM call WHERE id = ?"),
  reserve: db.prepare(
    `INSERT INTO call (id, run, grp, kind, endpoint, model, items, reserved_input, reserved_output, reserved_usd,
       reserved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  // The first settlement stands, so that one given twice costs once.
  settle: db.prepare(
    `UPDATE call SET outcome = ?, answering_model = ?, input = ?, output = ?, cached = ?, usd = ?, settled_at = ?,
       response = ?, whole = (json_array_length(items) = ?) WHERE id = ? AND outcome IS NULL`
  ),
  keep: db.prepare("INSERT INTO response (call, body) VALUES (?, ?)"),
  oldest: db.prepare(
    "DELETE FROM response WHERE id IN (SELECT id FROM response ORDER BY id LIMIT 32) RETURNING id, call"
  ),
  forgo: db.prepare("UPDATE call SET response = NULL WHERE id = ? AND response = ?"),
  responses: db.prepare("SELECT count(*) AS count FROM response"),
  sweepAnswers: db.prepare(`DELETE FROM answer WHERE key >= '${forgotten}' AND key < '${forgotten}~'`),
  sweepResponses: db.prepare(
    "DELETE FROM response WHERE id NOT IN (SELECT response FROM call WHERE response IS NOT NULL)"
  ),
  everything: db.prepare("SELECT key, value, sum FROM answer WHERE sum IS NOT NULL"),
  ofChunk: db.prepare("SELECT rowid AS id, key, call FROM answer WHERE grp = ? AND chunk = ?"),
  // Without an index, which would keep names of what is forgotten in its gaps: one walk, and seldom.
  asked: db.prepare(
    `SELECT DISTINCT chunk, source FROM answer
     WHERE grp = ? AND source IS NOT NULL AND chunk IS NOT NULL AND substr(key, 1, ${forgotten.length}) <> '${forgotten}'`
  ),
  ofGroup: db.prepare(
    `SELECT rowid AS id, key, call FROM answer WHERE grp = ? AND substr(key, 1, ${forgotten.length}) <> '${forgotten}'`
  ),
  // Of the same length, byte by byte: only then is the row written where it was.
  erase: db.prepare(
    `UPDATE answer SET
       value = substr(replace(hex(zeroblob(octet_length(value) / 2 + 1)), '0', '9'), 1, octet_length(value)),
       key = printf('${forgotten}%0*d', length(key) - ${forgotten.length}, rowid),
       chunk = CASE WHEN chunk IS NULL THEN NULL ELSE printf('${forgotten}%0*d', length(chunk) - ${forgotten.length}, rowid) END,
       source = substr(replace(hex(zeroblob(octet_length(source) / 2 + 1)), '0', '9'), 1, octet_length(source))
     WHERE rowid = ?`
  ),
  loose: db.prepare("SELECT id FROM call WHERE grp = ? AND response IS NOT NULL AND whole IS NOT 1"),
  blank: db.prepare(
    "UPDATE response SET body = zeroblob(length(body)) WHERE id = (SELECT response FROM call WHERE call.id = ?)"
  ),
  // Names of items are made from their texts, and go with them.
  clear: db.prepare("UPDATE call SET response = NULL, items = '[]' WHERE id = ?"),
  counted: db.prepare("SELECT answers, keys, gaps, scrub FROM tally"),
  count: db.prepare("UPDATE tally SET answers = ?, keys = ?"),
  recount: db.prepare("UPDATE tally SET answers = answers + ?, keys = (keys + ?) % ?"),
  moved: db.prepare("UPDATE tally SET gaps = 1"),
  scrub: db.prepare("UPDATE tally SET scrub = 1"),
  clean: db.prepare("UPDATE tally SET gaps = 0, scrub = 0"),
  learned: db.prepare("SELECT name, learned FROM pool"),
  learn: db.prepare(
    "INSERT INTO pool (name, learned) VALUES (?, ?) ON CONFLICT DO UPDATE SET learned = excluded.learned"
  ),
  kinds: db.prepare("SELECT kind, count(*) AS count FROM call WHERE run = ? GROUP BY kind ORDER BY kind"),
  totals: db.prepare(
    `SELECT count(*) FILTER (WHERE outcome IN ('failed', 'lost')) AS failed, count(*) FILTER (WHERE outcome IS NULL) AS unsettled,
       coalesce(sum(input), 0) AS input, coalesce(sum(output), 0) AS output, coalesce(sum(cached), 0) AS cached,
       total(coalesce(usd, reserved_usd)) AS usd
     FROM call WHERE run = ?`
  ),
  reckon: db.prepare(
    `SELECT count(*) AS calls,
       total(iif(coalesce(outcome, 'lost') = 'lost', reserved_input + reserved_output, input + output)) AS tokens,
       total(iif(coalesce(outcome, 'lost') = 'lost', reserved_usd, usd)) AS usd,
       coalesce(max(coalesce(settled_at, reserved_at)), 0) AS last_at
     FROM call WHERE run = ?`
  )
})
