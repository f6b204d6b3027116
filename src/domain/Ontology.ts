/** What is known of a relation type. `domain`, `range`: entity types of its source and target; absent: any. */
export interface RelationType {
  readonly description?: string
  readonly domain?: ReadonlyArray<string>
  readonly range?: ReadonlyArray<string>
}

/**
 * The vocabulary of a graph: entity types with their descriptions, relation types, both by name. Of a closed one, types
 * that it does not know become `Thing` and `RELATED_TO`; of an open one they are kept.
 */
export interface Ontology {
  readonly open: boolean
  readonly entities: Readonly<Record<string, string>>
  readonly relations: Readonly<Record<string, RelationType>>
}

/** What an entity or relation is when nothing better is known; part of every ontology. */
export const anyEntity = "Thing"
export const anyRelation = "RELATED_TO"

export const defaultOntology: Ontology = {
  open: false,
  entities: {
    Person: "a human being, real or fictional",
    Organization: "a company, institution, government body, team, band or other group that acts as one",
    Location: "a country, city, region, building, river or other place",
    Event: "something that happened or is planned: a war, meeting, election, release, accident",
    Product: "something made or offered: software, a device, vehicle, service, model",
    Work: "a book, film, song, paper, article, law, standard or other work",
    Concept: "a field, method, technology, disease, substance, award, role or idea that has a name",
    [anyEntity]: "anything else that has a name"
  },
  relations: {
    WORKS_FOR: {
      description: "is or was employed by, plays for, serves in",
      domain: ["Person"],
      range: ["Organization"]
    },
    LEADS: { description: "heads, manages, is president or chief of", domain: ["Person"] },
    MEMBER_OF: { description: "belongs to", range: ["Organization", "Concept", "Thing"] },
    FOUNDED: { description: "founded or established" },
    OWNS: { description: "owns, acquired, is the parent of", domain: ["Person", "Organization"] },
    CREATED: { description: "wrote, composed, directed, designed, invented, discovered, built" },
    PUBLISHED: { description: "published, released or broadcast" },
    USES: { description: "uses, depends on, is built with" },
    PART_OF: { description: "is a part, subsidiary, district, chapter or season of" },
    LOCATED_IN: { description: "lies in, is based in", range: ["Location", "Organization", "Thing"] },
    BORN_IN: { description: "was born in", domain: ["Person"], range: ["Location"] },
    DIED_IN: { description: "died in", domain: ["Person"], range: ["Location"] },
    LIVES_IN: { description: "lives or lived in, is a citizen of", domain: ["Person"], range: ["Location"] },
    STUDIED_AT: { description: "studied at, graduated from", domain: ["Person"], range: ["Organization"] },
    FAMILY_OF: {
      description: "is a parent, child, sibling, spouse or relative of",
      domain: ["Person"],
      range: ["Person"]
    },
    KNOWS: { description: "works with, met, taught, advised", domain: ["Person"], range: ["Person"] },
    CONTACTED: {
      description: "wrote to, called, replied to",
      domain: ["Person", "Organization"],
      range: ["Person", "Organization"]
    },
    PARTICIPATED_IN: { description: "took part in, attended, fought in", range: ["Event", "Work", "Thing"] },
    HAPPENED_IN: { description: "took place in", domain: ["Event"], range: ["Location", "Event"] },
    AWARDED: { description: "received or was nominated for", range: ["Concept", "Work", "Event", "Thing"] },
    CAUSED: { description: "caused, led to, enabled, prevented" },
    PRECEDED: { description: "came before, was replaced or followed by" },
    DECIDED: { description: "decided, approved, agreed, promised", domain: ["Person", "Organization"] },
    RESPONSIBLE_FOR: { description: "has the task of, owns the work on", domain: ["Person", "Organization"] },
    REFERS_TO: { description: "cites, quotes, links to" },
    INSTANCE_OF: { description: "is a, is a kind of" },
    SAME_AS: { description: "is another name of" },
    [anyRelation]: { description: "is related to in some other way" }
  }
}

const fold = (type: string): string =>
  type
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "")

interface Vocabulary {
  readonly entities: ReadonlyMap<string, string>
  readonly relations: ReadonlyMap<string, string>
}

/** Spelling variants of the same type are found by their folded form; made once per ontology. */
const vocabularies = new WeakMap<Ontology, Vocabulary>()

const vocabulary = (ontology: Ontology): Vocabulary => {
  const known = vocabularies.get(ontology)
  if (known !== undefined) return known
  const made = {
    entities: new Map([...Object.keys(ontology.entities), anyEntity].map((type) => [fold(type), type])),
    relations: new Map([...Object.keys(ontology.relations), anyRelation].map((type) => [fold(type), type]))
  }
  vocabularies.set(ontology, made)
  return made
}

const wordsOf = (type: string): ReadonlyArray<string> =>
  type
    .normalize("NFKC")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")
    .slice(0, 6)

/** At most 64 characters, none of them halved. */
const cut = (name: string): string => [...name].slice(0, 64).join("")

/** An entity type of the ontology; in an open one also a new one, in PascalCase. */
export const entityType = (ontology: Ontology, type: string): string => {
  const known = vocabulary(ontology).entities.get(fold(type))
  if (known !== undefined) return known
  if (!ontology.open) return anyEntity
  const name = wordsOf(type)
    .map(([first = "", ...rest]) => first.toUpperCase() + rest.join("").toLowerCase())
    .join("")
  return /^\p{L}/u.test(name) ? cut(name) : anyEntity
}

/** How a fact's relation reads under the ontology; `reversed`: source and target change places. */
export interface RelationReading {
  readonly type: string
  readonly reversed: boolean
}

/**
 * A relation type of the ontology; in an open one also a new one, in UPPER_SNAKE_CASE. Where the types of source and
 * target fit only the other way round, it is reversed; where they fit neither way, the relation is `RELATED_TO`.
 */
export const relationReading = (ontology: Ontology, type: string, source: string, target: string): RelationReading => {
  const known = vocabulary(ontology).relations.get(fold(type))
  if (known === undefined) {
    const name = cut(wordsOf(type).join("_").toUpperCase())
    return { type: ontology.open && /^\p{L}/u.test(name) ? name : anyRelation, reversed: false }
  }
  const relation = ontology.relations[known]
  const fits = (from: string, to: string) =>
    (relation?.domain === undefined || relation.domain.includes(from)) &&
    (relation?.range === undefined || relation.range.includes(to))
  if (fits(source, target)) return { type: known, reversed: false }
  return fits(target, source) ? { type: known, reversed: true } : { type: anyRelation, reversed: false }
}
