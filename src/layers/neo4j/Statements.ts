import { quoted } from "./Identifiers.ts"

/** What a fact is when it is made. */
const aFact = `f.group = $group, f.relation = row.relation, f.source = row.source, f.target = row.target,
      f.type = row.type, f.text = row.text, f.validAt = row.validAt, f.invalidAt = row.invalidAt`

/**
 * What a commit sends, in this order. Every writer takes its locks in one order: sources, documents, new entities by
 * label and id, new relations by id, new facts by id, known relations by type and ends. A hub is never locked by what
 * only adds to it, so that writers wait for each other where they write the same and nowhere else. What a relation is
 * guarded by is its lead: one fact of it, which has the relation's id as the unique property `leads`. Whoever makes the
 * lead makes the relation; whoever comes second waits for the first and then finds it. What takes evidence out locks the
 * entities that lose it, by id, since of two that each take out one of the last two, one must see the other's. A property
 * that is set to what it is takes a lock and writes nothing. A fact or entity that another writer takes out meanwhile is
 * an error of the server's, and the transaction is made again.
 */
export const statements = {
  sourcesOf: `
    UNWIND $rows AS id
    MATCH (:Document {id: id, group: $group})<-[:IS]-(s:Source)
    RETURN s.uri AS source`,
  lockSources: `
    UNWIND $rows AS row
    MERGE (s:Source {id: row.id})
    ON CREATE SET s.uri = row.uri, s.head = row.head
    SET s.group = $group
    WITH s, row
    OPTIONAL MATCH (s)-[:IS]->(d:Document)
    RETURN row.uri AS source, d.id AS document`,
  lockDocuments: `
    UNWIND $rows AS id
    MERGE (d:Document {id: id})
    ON CREATE SET d.group = $group
    SET d.group = d.group
    RETURN id, d.group = $group AND d.recipe IS NOT NULL AS exists`,
  lettersOfSources: `
    UNWIND $rows AS id
    MATCH (l:DeadLetter {sourceId: id})
    RETURN l.letter AS letter`,
  lettersOfDocuments: `
    UNWIND $rows AS id
    MATCH (l:DeadLetter {document: id})
    RETURN l.letter AS letter`,
  otherSources: `
    UNWIND $rows AS id
    MATCH (:Document {id: id, group: $group})<-[:IS]-(s:Source)
    WHERE NOT s.id IN $sources
    RETURN id, min(s.uri) AS source`,

  entitiesOf: `
    UNWIND $rows AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(:Chunk)-[:NAMES|MENTIONS]->(e:Entity)
    RETURN DISTINCT e.id AS id`,
  factsOf: `
    UNWIND $rows AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(:Chunk)-[:SUPPORTS]->(f:Fact)
    RETURN f.id AS id, f.relation AS relation, f.source AS source, f.target AS target, f.type AS type, count(*) AS count`,
  dropChunks: `
    UNWIND $rows AS id
    MATCH (:Document {id: id})<-[:PART_OF]-(c:Chunk)
    DETACH DELETE c`,
  dropDecisions: `
    UNWIND $rows AS id
    MATCH (:Document {id: id})<-[:DECIDED_IN]-(n:Decision)
    DETACH DELETE n`,

  putDocuments: `
    UNWIND $rows AS row
    MATCH (d:Document {id: row.id})
    SET d.recipe = row.recipe, d.state = row.state, d.mediaType = row.mediaType, d.title = row.title,
      d.date = row.date, d.text = row.text, d.run = coalesce(row.run, $run)`,
  addChunks: `
    UNWIND $rows AS row
    MATCH (d:Document {id: row.document})
    CREATE (d)<-[:PART_OF]-(c:Chunk {
      id: row.id, key: row.key, group: $group, document: row.document, ordinal: row.ordinal, start: row.start, end: row.end,
      tokens: row.tokens, state: row.state, header: row.header, text: row.text, extraction: row.extraction})
    WITH c, row WHERE row.embedding IS NOT NULL
    CALL db.create.setNodeVectorProperty(c, row.property, row.embedding)`,
  addNext: `
    UNWIND $rows AS row
    MATCH (a:Chunk {id: row.from})
    MATCH (b:Chunk {id: row.to})
    CREATE (a)-[:NEXT]->(b)`,
  addNames: `
    UNWIND $rows AS row
    MATCH (c:Chunk {id: row.id})
    UNWIND row.of AS name
    MATCH (e:Entity {id: name.entity})
    CREATE (c)-[:NAMES {name: name.name, grounded: name.grounded}]->(e)`,
  addMentions: `
    UNWIND $rows AS row
    MATCH (c:Chunk {id: row.id})
    UNWIND row.of AS mention
    MATCH (e:Entity {id: mention.entity})
    CREATE (c)-[:MENTIONS {start: mention.start, end: mention.end, surface: mention.surface}]->(e)`,
  lockEntities: `
    UNWIND $rows AS id
    MATCH (e:Entity {id: id})
    SET e.group = e.group`,
  leadRelations: `
    UNWIND $rows AS row
    MERGE (f:Fact {leads: row.relation})
    ON CREATE SET f.id = row.id, f.isNew = true, ${aFact}
    WITH f, row WHERE f.isNew
    REMOVE f.isNew
    RETURN row.relation AS id`,
  addFacts: `
    UNWIND $rows AS row
    MERGE (f:Fact {id: row.id})
    ON CREATE SET ${aFact}`,
  addSupports: `
    UNWIND $rows AS row
    MATCH (c:Chunk {id: row.id})
    UNWIND row.of AS support
    MATCH (f:Fact {id: support.fact})
    CREATE (c)-[:SUPPORTS {confidence: support.confidence, predicate: support.predicate}]->(f)`,
  addDecisions: `
    UNWIND $rows AS row
    MATCH (d:Document {id: row.document})
    CREATE (d)<-[:DECIDED_IN]-(:Decision {
      id: row.id, group: $group, document: row.document, from: row.from, to: row.to, score: row.score,
      evidence: row.evidence, decidedBy: row.decidedBy})`,

  /** All is looked up before anything is deleted: each node that a transaction has deleted makes its look-ups slower. */
  sweep: `
    CALL () {
      UNWIND $entities AS id
      MATCH (e:Entity {id: id})
      WITH e, EXISTS { (e)--() } AS stays
      RETURN collect(CASE WHEN stays THEN e END) AS renamed, collect(CASE WHEN NOT stays THEN e END) AS bare
    }
    CALL () {
      UNWIND $facts AS id
      MATCH (f:Fact {id: id})
      WHERE NOT EXISTS { (f)<-[:SUPPORTS]-() }
      RETURN collect(f) AS unsaid, collect(f.leads) AS led
    }
    FOREACH (e IN renamed | SET e:Renamed)
    FOREACH (e IN bare | DELETE e)
    FOREACH (f IN unsaid | DELETE f)
    RETURN led`,

  movePointers: `
    UNWIND $rows AS row
    MATCH (s:Source {id: row.id})-[is:IS]->(:Document)
    DELETE is`,
  addPointers: `
    UNWIND $rows AS row
    MATCH (s:Source {id: row.id})
    MATCH (d:Document {id: row.document})
    CREATE (s)-[:IS]->(d)`,
  dropSources: `
    UNWIND $rows AS id
    MATCH (s:Source {id: id})
    DETACH DELETE s`,
  dropDocuments: `
    UNWIND $rows AS id
    MATCH (d:Document {id: id, group: $group})
    DETACH DELETE d`,
  putLetters: `
    UNWIND $rows AS row
    MERGE (l:DeadLetter {id: row.id})
    SET l.group = $group, l.sourceId = row.sourceId, l.source = row.source, l.head = row.head, l.ordinal = row.ordinal,
      l.document = row.document, l.cause = row.cause, l.letter = row.letter`,
  dropLetters: `
    UNWIND $rows AS id
    MATCH (l:DeadLetter {id: id})
    DELETE l`,
  nextGeneration: `
    MERGE (g:Group {name: $group})
    SET g.generation = coalesce(g.generation, 0) + 1`
} as const

/**
 * Entities of one type; one that is there keeps all that it has. `Renamed` are those whose `name` and `aliases` are to be
 * made up anew: with more than one name, since another may be the commonest now. An import leaves out a list that is empty.
 */
export const addEntities = (label: string | undefined): string => `
    UNWIND $rows AS row
    MERGE (e:Entity {id: row.id})
    ON CREATE SET ${label === undefined ? "" : `e:${quoted(label)}, `}e.group = $group, e.type = row.type, e.key = row.key,
      e.name = row.names[0], e.aliases = row.names[1..]
    WITH e, row
    WHERE NOT e:Renamed AND (size(row.names) > 1 OR size(coalesce(e.aliases, [])) > 0 OR row.names[0] <> e.name)
    SET e:Renamed`

/** Relations that nobody has made before. What a relation says is its lead's. */
export const addRelations = (type: string): string => `
    UNWIND $rows AS row
    MATCH (s:Entity {id: row.source})
    MATCH (t:Entity {id: row.target})
    CREATE (s)-[:${quoted(type)} {
      id: row.id, group: $group, type: row.type, weight: row.weight, fact: row.fact, validAt: row.validAt,
      invalidAt: row.invalidAt}]->(t)`

/** The hint is for relations between hubs, and nothing where the index is not there yet. */
const known = (type: string): string => `
    UNWIND $rows AS row
    MATCH (:Entity {id: row.source})-[r:${quoted(type)} {id: row.id}]->(:Entity {id: row.target})`

/** By how much evidence there is more, or less. */
export const weighRelations = (type: string): string => `${known(type)}
    SET r.weight = r.weight + row.weight
    RETURN count(r) AS count`

/** Of relations that stay and have lost their lead, the least fact becomes it. */
export const followRelations = (type: string): string => `${known(type)}
    MATCH (f:Fact {relation: row.id})
    WITH r, row, f ORDER BY f.id
    WITH r, row, head(collect(f)) AS lead
    SET lead.leads = row.id, r.fact = lead.text, r.validAt = lead.validAt, r.invalidAt = lead.invalidAt`

export const sweepRelations = (type: string): string => `${known(type)}
    WHERE r.weight = 0
    DELETE r
    RETURN row.id AS id`
