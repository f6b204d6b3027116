import type { Address } from "postal-mime"
import type { Correspondent } from "../statements.ts"

const familyFirst = /^(\p{Lu}[\p{L}\p{M}'’. -]{0,40}), (\p{Lu}[\p{L}\p{M}'’. -]{0,40})$/u
/** What follows a comma in the names of companies and after those of people. */
const noGivenName = /^(?:Inc|Ltd|LLC|LLP|Corp|Co|GmbH|AG|SA|SE|PhD|Ph\.D|MD|M\.D|MBA|Esq|Jr|Sr|II|III)\.?$/i

/** `Moreno, Ada` is Ada Moreno, as address books have it; an encoded word that cannot be decoded is no name. */
export const displayName = (name: string): string => {
  const plain = name.trim().replace(/^["']+|["']+$/g, "")
  if (plain.includes("=?")) return ""
  const [, family = "", given = ""] = familyFirst.exec(plain) ?? []
  return family === "" || noGivenName.test(given) ? plain : `${given} ${family}`
}

/** The people of a header's addresses; of a group its members, since its own name is nobody's. */
export const people = (addresses: ReadonlyArray<Address> | undefined): ReadonlyArray<Correspondent> =>
  (addresses ?? [])
    .flatMap((one) => one.group ?? [one])
    .map(({ address, name }) => ({ name: displayName(name), address }))
