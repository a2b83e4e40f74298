/** A text of so many characters at most: what is longer ends with its last whole word and `…`, or within a word that is longer still. */
export function cutAtWord(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  const part = text.slice(0, lengthMax)
  const end = part.lastIndexOf(' ')
  return end > lengthMax / 2 ? `${part.slice(0, end)} …` : `${part.slice(0, -1)}…`
}
