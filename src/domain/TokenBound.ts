/** Bytes of a text in UTF-8. A lone surrogate counts as what replaces it. */
export const utf8Length = (text: string): number => {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // A pair's two units are four bytes together.
    if (unit >= 0x80) bytes += unit < 0x800 || isPaired(text, index, unit) ? 1 : 2
  }
  return bytes
}

const isPaired = (text: string, index: number, unit: number): boolean => {
  if ((unit & 0xfc00) === 0xd800) return (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
  return (unit & 0xfc00) === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800
}

/**
 * Tokens that a text has at the most, whoever counts: its bytes. Byte pair encoding begins with a token for each byte and
 * only ever joins them; vocabularies of word pieces fall back to bytes. Some of these put the text into Unicode's NFKC
 * form before, which can be longer.
 */
export const mostTokens = (text: string): number => {
  const folded = text.normalize("NFKC")
  return folded === text ? utf8Length(text) : Math.max(utf8Length(text), utf8Length(folded))
}

/** What providers put around messages: marks of who speaks, and words of their own about the schema. */
export const unseenTokens = 512
