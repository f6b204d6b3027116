export const kinds = [
  "journal.commit.before",
  "journal.commit.after",
  "journal.statement",
  "store.commit.before",
  "store.commit.after",
  "store.statement",
  "journal.rewrite",
  "store.rewrite",
  "call.sent",
  "call.answering",
  "call.answered"
] as const

/** What happens to the program at the event: `full`, `ioerr` and `readonly` are what SQLite then says of the disk. */
export const deeds = ["kill", "interrupt", "full", "ioerr", "readonly", "forward", "back"] as const

export interface Strike {
  readonly kind: (typeof kinds)[number]
  /** Which event of that kind, from 1. */
  readonly ordinal: number
  readonly deed: (typeof deeds)[number]
}

export const variable = "SLUICE_STRIKE"

export const toText = ({ deed, kind, ordinal }: Strike): string => `${kind} ${ordinal} ${deed}`

/** By hand: it runs in every thread of the program before anything else does. */
export const fromText = (text = ""): Strike | undefined => {
  const [first, ordinal, last] = text.split(" ")
  const kind = kinds.find((one) => one === first)
  const deed = deeds.find((one) => one === last)
  return kind === undefined || deed === undefined ? undefined : { kind, ordinal: Number(ordinal), deed }
}
