import type { ExtractedEntity, ExtractedFact } from "../../domain/Extraction.ts"
import { anyRelation } from "../../domain/Ontology.ts"
import { oneLine } from "./Writer.ts"

/** What a `Statement` says, wherever it stands. */
export interface Stated {
  readonly entities: ReadonlyArray<ExtractedEntity>
  readonly facts: ReadonlyArray<ExtractedFact>
}

const maxFact = 300

/** Whether a field holds a name, and not a sentence, a number, an address or nothing. */
export const isName = (value: string): boolean =>
  value.length >= 2 &&
  value.length <= 100 &&
  /\p{L}/u.test(value) &&
  !/[\n\r]|:\/\/|[.!?;:]$/u.test(value) &&
  value.split(" ").length <= 10

const entity = (type: string, name: string, aliases: ReadonlyArray<string> = []): ExtractedEntity => ({
  name,
  type,
  aliases: [...new Set(aliases)].filter((alias) => alias !== name && alias !== "")
})

export const person = (name: string, aliases: ReadonlyArray<string> = []): ExtractedEntity =>
  entity("Person", name, aliases)

const fact = (source: string, type: string, target: string, text: string, predicate?: string): ExtractedFact => ({
  source,
  target,
  type,
  text: oneLine(text).slice(0, maxFact).toWellFormed(),
  ...(predicate === undefined ? {} : { predicate })
})

const names = (values: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(values.map(oneLine).filter(isName))]

/** Whoever wrote a document, and what it is called. */
export const authored = (authors: ReadonlyArray<string>, title: string): Stated => {
  const by = names(authors)
  const work = oneLine(title)
  const isNamed = isName(work)
  return {
    entities: [...by.map((name) => person(name)), ...(isNamed && by.length > 0 ? [entity("Work", work)] : [])],
    facts: isNamed ? by.map((name) => fact(name, "CREATED", work, `${work}, by ${by.join(", ")}`)) : []
  }
}

/** The keywords, tags or subjects that a document gives itself. */
export const keywords = (words: ReadonlyArray<string>, title: string): Stated => {
  const about = names(words)
  const work = oneLine(title)
  const isNamed = isName(work)
  return {
    entities: [
      ...about.map((word) => entity("Concept", word)),
      ...(isNamed && about.length > 0 ? [entity("Work", work)] : [])
    ],
    facts: isNamed
      ? about.map((word) => fact(work, anyRelation, word, `${work}: ${about.join(", ")}`, "has the keyword"))
      : []
  }
}

const emptyLabel =
  /^(?:(?:click |see |read )?(?:here|more|link|this|source|edit|next|previous|back|home|top|permalink)|\[?\d+\]?)$/i

/** The things that a document links to, by the words of the links. */
export const linked = (title: string, labels: ReadonlyArray<string>): Stated => {
  const work = oneLine(title)
  if (!isName(work)) return { entities: [], facts: [] }
  const to = names(labels).filter((label) => label !== work && !emptyLabel.test(label))
  return {
    entities: to.length === 0 ? [] : [entity("Work", work)],
    facts: to.map((label) => fact(work, "REFERS_TO", label, `${work} links to ${label}`))
  }
}

/** A correspondent; `address` stands for the name where there is none. */
export interface Correspondent {
  readonly name?: string | undefined
  readonly address?: string | undefined
}

const nameOf = ({ address, name }: Correspondent): string => {
  const given = oneLine(name ?? "").replace(/^["']+|["']+$/g, "")
  return isName(given) ? given : oneLine(address ?? "")
}

/** A message from one to others, in a conversation that has a name (a thread's subject, a channel) or none. */
export const corresponded = (message: {
  readonly from: ReadonlyArray<Correspondent>
  readonly to: ReadonlyArray<Correspondent>
  readonly thread: string
  /** The line that says so. */
  readonly text: string
}): Stated => {
  const everybody = [...message.from, ...message.to].filter((one) => isName(nameOf(one)))
  const people = new Map(everybody.map((one) => [nameOf(one), one]))
  const senders = [...new Set(message.from.map(nameOf))].filter(isName)
  const receivers = [...new Set(message.to.map(nameOf))].filter(isName)
  const thread = oneLine(message.thread)
  const isNamed = isName(thread)
  return {
    entities: [
      ...[...people].map(([name, { address }]) => person(name, address === undefined ? [] : [oneLine(address)])),
      ...(isNamed && people.size > 0 ? [entity("Event", thread)] : [])
    ],
    facts: [
      ...senders.flatMap((from) =>
        receivers.filter((to) => to !== from).map((to) => fact(from, "CONTACTED", to, message.text))
      ),
      ...(isNamed ? [...people.keys()].map((name) => fact(name, "PARTICIPATED_IN", thread, message.text)) : [])
    ]
  }
}

/** Who took part in a conversation that has a name: a channel's, a meeting's. */
export const participated = (people: ReadonlyArray<string>, event: string): Stated => {
  const by = names(people)
  const title = oneLine(event)
  const isNamed = isName(title)
  return {
    entities: [...by.map((name) => person(name)), ...(isNamed && by.length > 0 ? [entity("Event", title)] : [])],
    facts: isNamed ? by.map((name) => fact(name, "PARTICIPATED_IN", title, `${title}: ${by.join(", ")}`)) : []
  }
}

/** What a column's name says of its values: their type, and the relation from the row's subject to them. */
const columnKinds: ReadonlyArray<{ readonly name: RegExp; readonly type: string; readonly relation: string }> = [
  {
    name: /^(?:company|employer|organi[sz]ation|firm|firma|unternehmen|account)(?: name)?$/i,
    type: "Organization",
    relation: "WORKS_FOR"
  },
  { name: /^(?:department|team|group)(?: name)?$/i, type: "Organization", relation: "MEMBER_OF" },
  {
    name: /^(?:city|country|location|office|region|state|town|site|headquarters|hq|stadt|ort|land)$/i,
    type: "Location",
    relation: "LOCATED_IN"
  },
  {
    name: /^(?:author|creator|artist|composer|director|designer|inventor)s?(?: name)?$/i,
    type: "Person",
    relation: "^CREATED"
  },
  { name: /^(?:publisher|label)(?: name)?$/i, type: "Organization", relation: "^PUBLISHED" },
  { name: /^(?:manager|reports to|supervisor|boss)(?: name)?$/i, type: "Person", relation: "^LEADS" },
  {
    name: /^(?:owner|responsible|assignee|assigned to|contact|lead)(?: name)?$/i,
    type: "Person",
    relation: "^RESPONSIBLE_FOR"
  },
  { name: /^(?:parent|part of|category|album|series|project)(?: name)?$/i, type: "Thing", relation: "PART_OF" }
]

const subjectColumns: ReadonlyArray<{ readonly name: RegExp; readonly type: string }> = [
  { name: /^(?:full ?name|person|employee|customer|contact name|speaker|member)$/i, type: "Person" },
  // Before `title` and `company`, which beside a name are a job and an employer.
  { name: /^name$/i, type: "Thing" },
  { name: /^(?:title|book|song|track|film|movie|paper)$/i, type: "Work" },
  { name: /^(?:product|item|model)(?: name)?$/i, type: "Product" },
  { name: /^(?:event|meeting)(?: name)?$/i, type: "Event" },
  { name: /^(?:label|project|task|issue|summary)$/i, type: "Thing" },
  { name: /^(?:company|organi[sz]ation)(?: name)?$/i, type: "Organization" }
]

const emailColumn = /^(?:e-?mail)(?: address| 1 - value|-adresse)?$/i
const givenColumn = /^(?:first|given|vor) ?name$|^nombre$|^prénom$/i
const familyColumn = /^(?:last|family|sur|nach|familien) ?name$|^apellidos?$|^nom$/i
/** A state is a place beside others; elsewhere it is what becomes of things. */
const stateColumn = /^state$/i
const placeColumn = /^(?:city|town|country|zip|zip code|zipcode|postal code|postcode|address|street|county|capital)$/i

/**
 * Reads the rows of a table by the names of its columns: gives a function from a row to what it states, or nothing where
 * the names say nothing. A column named `Name` beside one that only people have (employer, manager) holds people, and so
 * do two of given and of family names.
 */
export const rowReader = (columns: ReadonlyArray<string>): ((cells: ReadonlyArray<string>) => Stated) | undefined => {
  const titles = columns.map((column) => oneLine(column).replaceAll("_", " "))
  const given = titles.findIndex((title) => givenColumn.test(title))
  const family = titles.findIndex((title) => familyColumn.test(title))
  const isParted = given >= 0 && family >= 0
  const hasPlaces = titles.some((title) => placeColumn.test(title))
  const subject = isParted
    ? { type: "Person", index: given }
    : subjectColumns
        .map(({ name, type }) => ({ type, index: titles.findIndex((title) => name.test(title)) }))
        .find(({ index }) => index >= 0)
  if (subject === undefined) return undefined
  const others = titles.flatMap((title, index) => {
    const isNone = index === subject.index || (!hasPlaces && stateColumn.test(title))
    const kind = isNone ? undefined : columnKinds.find(({ name }) => name.test(title))
    return kind === undefined ? [] : [{ ...kind, index }]
  })
  if (others.length === 0 && !isParted) return undefined
  const isPerson =
    /^name$/i.test(titles[subject.index] ?? "") &&
    others.some(({ relation }) => relation === "WORKS_FOR" || relation === "^LEADS" || relation === "MEMBER_OF")
  const type = isPerson ? "Person" : subject.type
  const email = type === "Person" ? titles.findIndex((title) => emailColumn.test(title)) : -1
  return (cells) => {
    const name = oneLine(`${cells[subject.index] ?? ""} ${isParted ? (cells[family] ?? "") : ""}`)
    if (!isName(name)) return { entities: [], facts: [] }
    const text = titles.map((title, index) => [title, oneLine(cells[index] ?? "")] as const)
    const said = text
      .filter(([, value]) => value !== "")
      .map(([title, value]) => (title === "" ? value : `${title}: ${value}`))
      .join(", ")
    const found = others.flatMap(({ index, relation, type: of }) => {
      const value = oneLine(cells[index] ?? "")
      if (!isName(value) || value === name) return []
      const isReversed = relation.startsWith("^")
      const kind = relation.replace("^", "")
      return [
        {
          entity: entity(of, value),
          fact: isReversed ? fact(value, kind, name, said) : fact(name, kind, value, said)
        }
      ]
    })
    return {
      entities: [entity(type, name, [oneLine(cells[email] ?? "")]), ...found.map(({ entity: one }) => one)],
      facts: found.map(({ fact: one }) => one)
    }
  }
}
