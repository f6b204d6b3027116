/**
 * Titles that come before a person's name and are no part of it. Left out on purpose: titles that names of other things
 * begin with as well (`Lady`, `Lord`, `Miss`, `Don`, `Saint`, `General` Motors, `Captain` America, `Major` League, `Gen` Z,
 * `Hon` Hai, `MX` Linux).
 */
const honorifics = new Set(
  (
    "mr mrs ms dr prof professor sir dame rev reverend honourable honorable herr frau monsieur madame mme mlle " +
    "señor señora sra signor signora colonel capt lt lieutenant sgt sergeant maj"
  ).split(" ")
)

/** Legal forms that stand at the end of an organisation's name, whatever their case. */
const legalForms = new Set(
  (
    "inc incorporated corp corporation ltd limited llc llp plc gmbh mbh kgaa sarl sàrl srl sprl bvba pty pte ulc lllp " +
    "oyj aps kft zrt nyrt doo sro spzoo bhd sdn kk kabushiki kaisha holding holdings company"
  ).split(" ")
)

/** Short ones are words or names too, so they count only where they are written in capitals or with points. */
const shortLegalForms = new Set("ag kg sa se nv bv ab as asa oy lp co spa ou eg ev sas".split(" "))

const afterName = new Set(["phd", "esq"])

/** `U.S.`, `U.S` and `A.G.` are one word. */
const dottedInitials = /(?<![\p{L}\p{N}\p{M}])(?:\p{L}\.)+\p{L}(?![\p{L}\p{N}\p{M}])\.?/gu

const possessive = /['’]s(?=$|[^\p{L}\p{N}])/giu

/** By way of upper case, so that `ß` and `SS`, or `ς` and `σ`, are one; and composed again, which `ẖ` needs after `H̱`. */
const fold = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase().normalize("NFKC")

const words = (name: string): ReadonlyArray<string> =>
  name
    .normalize("NFKC")
    .replace(dottedInitials, (initials) => `${initials.replaceAll(".", "").toUpperCase()} `)
    .replace(possessive, "")
    .split(/[^\p{L}\p{N}\p{M}+#]+/u)
    .filter((word) => word !== "")

const isLegalForm = (word: string): boolean => {
  const folded = fold(word)
  return legalForms.has(folded) || (shortLegalForms.has(folded) && (word === word.toUpperCase() || word === "Co"))
}

/** A corpus has few names, each of them often: of this many, at most this long, the keys are kept. */
const kept = { names: 8_192, length: 80 }

const keys = new Map<string, string>()

/**
 * The key of a name: NFKC, without case, words only, without leading honorifics and closing legal forms as long as a word
 * remains. Two names with one key and one type name one entity. Never empty for a name that is not blank.
 */
export const normaliseName = (name: string): string => {
  if (name.length > kept.length) return keyOf(name)
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = keyOf(name)
  if (keys.size === kept.names) keys.clear()
  // A copy: a slice would keep the whole text that it is of.
  keys.set([...name].join(""), key)
  return key
}

const keyOf = (name: string): string => {
  const all = words(name)
  let from = 0
  let to = all.length
  while (to - from > 1 && honorifics.has(fold(all[from] ?? ""))) from++
  while (to - from > 1 && (isLegalForm(all[to - 1] ?? "") || afterName.has(fold(all[to - 1] ?? "")))) to--
  const key = fold(all.slice(from, to).join(" "))
  return key === "" ? fold(name.normalize("NFKC")).trim() : key
}

/** Whether the words of `part` stand in a row within the words of `whole`, which has more; both are keys. */
export const contains = (whole: string, part: string): boolean =>
  whole.length > part.length && ` ${whole} `.includes(` ${part} `)

export const startsWith = (whole: string, part: string): boolean => whole.startsWith(`${part} `)
