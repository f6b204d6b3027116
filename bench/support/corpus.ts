const people = ["Ada Moreno", "Jonas Weber", "Priya Nair", "Marta Kowalska", "Tom Okafor", "Ines Duarte", "Yuki Tanaka"]
const organisations = ["Northwind Instruments", "Helios Labs", "Kestrel Bank", "University of Graz", "Blue Fjord"]
const verbs = ["signed the contract with", "visited", "wrote a long letter to", "left", "advised", "agreed to join"]
const places = ["Graz", "Lisbon", "Oslo", "Montreal", "Kyoto", "Valencia"]

const at = (all: ReadonlyArray<string>, index: number): string => all[index % all.length] ?? ""

const plain = [
  "The minutes say in some detail what was agreed, and by whom it was to be done before the winter.",
  "Nobody had expected the weather to hold, and so the instruments were packed again the same evening.",
  "It took another two weeks until the figures were complete and could be compared with the earlier ones.",
  "What remained was the question of money, which was put off to the next meeting, as so often before."
]

/** About 400 tokens of prose with some twenty names, as a page of a report has; no two documents are alike. */
export const passage = (document: number): string =>
  Array.from({ length: 20 }, (_, index) => {
    const mix = document * 31 + index * 17
    if (index % 3 !== 0) return at(plain, mix + (mix >> 4))
    return (
      `In ${1950 + (mix % 70)} ${at(people, mix)} ${at(verbs, mix >> 1)} ${at(organisations, mix >> 2)} near ` +
      `${at(places, mix >> 3)}, as report ${document}-${index} says.`
    )
  }).join(" ")
