import { type Command, Option } from 'commander'

/** One `--exclude` or `--include`, as it stands. */
export interface FilterRule {
  readonly isIncluded: boolean
  readonly pattern: string
}

/** Adds `--exclude` and `--include`, whose order counts; gives the list that they fill. */
export function addFilterOptions(command: Command): readonly FilterRule[] {
  const rules: FilterRule[] = []
  const add = (isIncluded: boolean) => (pattern: string) => {
    rules.push({ isIncluded, pattern })
    return pattern
  }
  command
    .addOption(new Option('--exclude <pattern>', 'leave out names below the folder: * ? [a-z]').argParser(add(false)))
    .addOption(
      new Option('--include <pattern>', 'take them all the same; of several that match, the last counts').argParser(
        add(true),
      ),
    )
  return rules
}

/**
 * Which names are taken: all, but for the last rule that matches a name. `*` stands for any letters, `/` included, `?`
 * for one, `[a-z]` and `[!a-z]` for one of some; a pattern is about the whole name below the folder.
 */
export function nameFilter(rules: readonly FilterRule[]): (name: string) => boolean {
  const tests = rules.map(({ isIncluded, pattern }) => ({ isIncluded, tokens: tokensOf(pattern) }))
  return (name) => {
    const letters = [...name]
    return tests.findLast(({ tokens }) => matches(tokens, letters))?.isIncluded ?? true
  }
}

/**
 * Which folders are looked into: all, but for those below which a rule leaves out every name, and no later one takes any. For
 * `a/*` that is `a`; for `a`, which is one name, none.
 */
export function folderFilter(rules: readonly FilterRule[]): (folder: string) => boolean {
  // A later rule that takes names may take one of these.
  const last = rules.slice(rules.findLastIndex(({ isIncluded }) => isIncluded) + 1)
  const all = last.map(({ pattern }) => tokensOf(pattern)).filter((tokens) => tokens.at(-1) === '*')
  return (folder) => !all.some((tokens) => matches(tokens, [...`${folder}/`]))
}

/** One letter of some, or any number of any. */
type Token = '*' | ((letter: string) => boolean)

function tokensOf(pattern: string): readonly Token[] {
  return (pattern.match(/\[!?[^\]]+\]|\*+|[\s\S]/gu) ?? []).map((text): Token => {
    if (text.startsWith('*')) return '*'
    if (text === '?') return () => true
    if (text.length < 3 || !text.startsWith('[')) return (letter) => letter === text
    const isOther = text.startsWith('[!') && text.length > 3
    const ranges = text.slice(isOther ? 2 : 1, -1).match(/[\s\S]-[\s\S]|[\s\S]/gu) ?? []
    const isOne = (letter: string): boolean =>
      ranges.some((range) => letter >= (range[0] ?? '') && letter <= (range.at(-1) ?? ''))
    return (letter) => isOne(letter) !== isOther
  })
}

/** Goes back to the last `*` only, so that no pattern takes longer than its length times that of the name. */
function matches(tokens: readonly Token[], letters: readonly string[]): boolean {
  let [at, token] = [0, 0]
  let star: { readonly token: number; at: number } | undefined
  while (at < letters.length) {
    const now = tokens[token]
    const letter = letters[at] ?? ''
    if (now === '*') {
      star = { token, at }
      token++
    } else if (now?.(letter) === true) {
      at++
      token++
    } else if (star !== undefined) {
      at = ++star.at
      token = star.token + 1
    } else return false
  }
  return tokens.slice(token).every((rest) => rest === '*')
}
