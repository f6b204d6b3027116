import { clean } from "../decode.ts"
import { isField, isNameLike, isTechnical } from "./labels.ts"
import { isRole } from "./people.ts"
import { type Line, type Style, styles } from "./styles.ts"

/** How much of a log shows what it is. */
const headLength = 64 * 1024
const headLines = 1500

type Turn = Extract<Line, { readonly kind: "turn" }>

/** What the lines of a text's beginning are in one style. */
interface Sample {
  readonly lines: ReadonlyArray<string>
  readonly turns: ReadonlyArray<Turn>
  /** Of the lines that are not blank, how many are known. */
  readonly share: number
  readonly speakers: ReadonlyMap<string, number>
  /** How often somebody else speaks than before. */
  readonly switches: number
  /** The share of turns that pass a test. */
  readonly of: (is: (turn: Turn) => boolean) => number
}

const sampleOf = (lines: ReadonlyArray<string>, read: (line: string) => Line | undefined): Sample => {
  const known = lines.flatMap((line) => read(line) ?? [])
  const turns = known.filter((line) => line.kind === "turn")
  const speakers = new Map<string, number>()
  let switches = 0
  for (const [index, { speaker }] of turns.entries()) {
    speakers.set(speaker, (speakers.get(speaker) ?? 0) + 1)
    if (index > 0 && turns[index - 1]?.speaker !== speaker) switches++
  }
  return {
    lines,
    turns,
    share: known.length / Math.max(1, lines.length),
    speakers,
    switches,
    of: (is) => turns.filter(is).length / Math.max(1, turns.length)
  }
}

/** How many speakers come again: in lists of records and settings labels do too, but not in turns. */
const returning = ({ speakers }: Sample): number => [...speakers.values()].filter((times) => times > 1).length

/** Whether each label is followed by the same one always, as the fields of records are. */
const isCycle = ({ turns }: Sample): boolean => {
  const next = new Map<string, Set<string>>()
  for (const [index, { speaker }] of turns.entries()) {
    const after = turns[index + 1]?.speaker
    if (after !== undefined) next.set(speaker, (next.get(speaker) ?? new Set()).add(after))
  }
  return next.size > 0 && [...next.values()].every((labels) => labels.size === 1)
}

const personal =
  /[?？]|(?<!\p{L})(?:i|i'm|i'll|you|we|we're|me|my|your|our|yes|yeah|no|thanks|thank|hello|hi|ok|okay|ich|wir|du|sie|ja|nein|danke|je|nous|vous|oui|merci|yo|sí|tú|gracias|io|ti|ci|noi|voi|ciao|grazie|eu|você|sim|não|obrigad[oa]|ik|jij|wij|nee|bedankt|tak|nie|dzięki|jag|vi|tack|я|ты|вы|мы|да|нет|спасибо|привет|ben|sen|evet|hayır)(?!\p{L})|[我你您吗呢吧]|(?:です|ます|か)。/iu

/** What programs log is not marked off from its time, and speaks of nobody. */
const isSpoken = (sample: Sample): boolean =>
  sample.of(({ stamp }) => stamp?.marked === true) >= 0.9 ||
  (sample.of(({ speaker }) => isNameLike(speaker)) >= 0.8 &&
    (sample.of(({ speaker }) => speaker.includes(" ")) >= 0.3 ||
      sample.of(({ text }) => personal.test(text.slice(0, 500))) >= 0.2))

const tests: Readonly<Record<Style, (sample: Sample) => boolean>> = {
  irc: ({ lines, of, share, speakers, switches, turns }) =>
    turns.length >= 3 &&
    share >= 0.6 &&
    (of(({ stamp }) => stamp !== undefined) > 0.5 ||
      (speakers.size >= 2 && switches >= 3 && !lines.some((line) => /<\/|\/>/.test(line)))),
  columns: (sample) =>
    sample.turns.length >= 4 &&
    sample.share >= 0.8 &&
    returning(sample) >= 2 &&
    sample.of(({ text }) => text.includes(" ") && !text.includes("\t")) >= 0.5 &&
    sample.of(({ speaker }) => !/^\d/.test(speaker) && !isTechnical(speaker)) >= 0.8,
  zoom: ({ share, turns }) => turns.length >= 2 && share >= 0.4,
  dated: (sample) =>
    sample.turns.length >= 3 &&
    sample.share >= 0.25 &&
    sample.speakers.size >= 2 &&
    (returning(sample) >= 2 || sample.turns.length <= 4) &&
    sample.of(({ speaker }) => isTechnical(speaker) || isField(speaker)) < 0.2 &&
    isSpoken(sample),
  timed: (sample) =>
    sample.turns.length >= 4 &&
    sample.share >= 0.4 &&
    returning(sample) >= 2 &&
    sample.of(({ speaker }) => isTechnical(speaker) || isField(speaker)) < 0.2 &&
    isSpoken(sample),
  heading: (sample) =>
    sample.turns.length >= 3 &&
    sample.share >= 0.15 &&
    sample.share <= 0.6 &&
    (returning(sample) >= 2 || (returning(sample) === 1 && sample.turns.length <= 6)) &&
    sample.of(({ stamp }) => stamp !== undefined) === 1,
  plain: (sample) => {
    const repeated = returning(sample)
    const names = [...sample.speakers.keys()]
    return (
      sample.turns.length >= 6 &&
      sample.share >= 0.5 &&
      repeated >= 2 &&
      sample.switches >= 4 &&
      sample.speakers.size * 2 <= sample.turns.length &&
      sample.of(({ speaker }) => (sample.speakers.get(speaker) ?? 0) > 1) >= 0.8 &&
      (!isCycle(sample) ||
        (repeated === 2 &&
          (names.every(isRole) ||
            (names.every((name) => / \p{Lu}/u.test(name)) &&
              sample.of(({ text }) => /[.!?…。！？]["'”»)]?$/u.test(text)) >= 0.6) ||
            sample.of(({ text }) => personal.test(text.slice(0, 500))) >= 0.4)))
    )
  }
}

const order: ReadonlyArray<Style> = ["irc", "zoom", "dated", "columns", "timed", "heading", "plain"]

/**
 * The style of the log that a clean text begins as, if it is one: several lines of that style, and enough of them that
 * prose, settings, code, lists of fields and what servers write are not taken for conversations.
 */
export const styleOf = (text: string): Style | undefined => {
  const head = text.slice(0, headLength)
  const whole = head.length < text.length ? head.slice(0, Math.max(0, head.lastIndexOf("\n"))) : head
  const lines = whole
    .split("\n", headLines)
    .filter((line) => line.trim() !== "")
    .map((line) => line.trimEnd())
  return order.find((style) => tests[style](sampleOf(lines, styles[style])))
}

/** Whether a text begins as a chat log or a transcript does. */
export const looksLikeChatLog = (head: string): boolean => styleOf(clean(head)) !== undefined

/** Whether a text begins as a log does whose every message has its date, so that no Markdown is taken for one. */
export const looksLikeDatedLog = (head: string): boolean => styleOf(clean(head)) === "dated"
