import type { CommandContext } from '../command-context.ts'
import { shownName } from '../terminal/shown-name.ts'
import type { LeftOutName, LocalFilesTerms } from './local-files.ts'
import { type FilterRule, folderFilter, nameFilter } from './name-filter.ts'
import type { LeftOutOfTransfers } from './transfer-report.ts'

/** What is left out of a folder besides what the rules leave out: a line for each file, a count of empty folders. */
export class LeftOut implements LocalFilesTerms, LeftOutOfTransfers {
  readonly isEntered: (folder: string) => boolean
  readonly #isTaken: (name: string) => boolean
  readonly #emptyFolders: string[] = []
  readonly #unknown: string[] = []
  readonly #names: LeftOutName[] = []
  readonly #context: CommandContext

  constructor(context: CommandContext, rules: readonly FilterRule[]) {
    this.#context = context
    this.#isTaken = nameFilter(rules)
    this.isEntered = folderFilter(rules)
  }

  onLeftOut(left: LeftOutName): void {
    const { name, reason } = left
    this.#unknown.push(name)
    if (!this.#isTaken(name)) return
    this.#names.push(left)
    this.#context.terminal.message(`left out: ${shownName(name)} ${reason}`)
  }

  onEmptyFolder(name: string): void {
    if (this.#isTaken(name)) this.#emptyFolders.push(name)
  }

  get emptyFolders(): number {
    return this.#emptyFolders.length
  }

  /** Without what rules leave out. */
  get names(): readonly LeftOutName[] {
    return this.#names
  }

  /** Whether a name is one of which nothing is known, or below one. */
  isUnder(name: string): boolean {
    return this.#unknown.some((left) => name === left || name.startsWith(`${left}/`))
  }
}
