/** Controls of a terminal, and letters that turn the direction of text or end a line. */
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * A name that somebody else may have chosen, a key or a file's, in which nothing is left that a terminal would obey. Two
 * names are never shown alike: a backslash is escaped as well.
 */
export function shownName(name: string): string {
  return shownLine(name.replaceAll('\\', '\\\\'))
}

/** A line of text, which may have names in it and backslashes of its own. */
export function shownLine(line: string): string {
  return line.replace(OBEYED, escaped)
}

/** The same for text of several lines, which may have names in it. */
export function shownText(text: string): string {
  return text.replace(OBEYED, (letter) => (letter === '\n' ? letter : escaped(letter)))
}

function escaped(letter: string): string {
  const code = letter.charCodeAt(0)
  const digits = code < 256 ? `x${code.toString(16).padStart(2, '0')}` : `u${code.toString(16).padStart(4, '0')}`
  return SHORT[letter] ?? `\\${digits}`
}
