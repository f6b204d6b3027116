/** What mail programs put before the subject of an answer, by language (as listed by the programs' translations). */
const answers = [
  "re",
  "aw",
  "antw",
  "antwort",
  "sv",
  "res",
  "rif",
  "r",
  "odp",
  "ynt",
  "ats",
  "atb",
  "回复",
  "答复",
  "返信"
]
/** And of a mail that is passed on. `VS` means one in Finnish and the other in Danish: what is passed on is kept. */
const forwards = [
  "fw",
  "fwd",
  "wg",
  "tr",
  "rv",
  "enc",
  "i",
  "vb",
  "vl",
  "vs",
  "vid",
  "doorst",
  "pd",
  "ilt",
  "fs",
  "转发",
  "転送"
]

const prefix = /^([\p{L}]{1,7})[ ]{0,3}(?:[[(]\d{1,4}[\])]|\^\d{1,4}|\*\d{1,4})?[ ]{0,3}[:：]/u
const tag = /^\[[^\]]{1,60}\]/

/** What a subject says of the mail, and the subject without that: the name of its thread. */
export interface Subject {
  readonly isAnswer: boolean
  readonly isForward: boolean
  readonly thread: string
}

/** `[list] Re: AW: The subject` is an answer in the thread `[list] The subject`. The first prefix says what it is. */
export const readSubject = (subject: string): Subject => {
  let rest = subject.slice(0, 1000).trim()
  let list = ""
  let first = ""
  while (true) {
    const found = prefix.exec(rest)
    const word = found?.[1]?.toLowerCase() ?? ""
    if (found !== null && (answers.includes(word) || forwards.includes(word))) {
      first ||= word
      rest = rest.slice(found[0].length).trimStart()
      continue
    }
    const label = tag.exec(rest)?.[0]
    const after = label === undefined ? "" : rest.slice(label.length).trimStart()
    if (label === undefined || !prefix.test(after)) break
    if (!list.includes(label)) list += `${label} `
    rest = after
  }
  return { isAnswer: answers.includes(first), isForward: forwards.includes(first), thread: `${list}${rest}` }
}
