import type { CommandContext } from '../command-context.ts'
import { shownName } from '../terminal/shown-name.ts'
import type { LeftOutListener } from './local-files.ts'

/** What is left out of a folder: a line for each file, a count of empty folders. */
export class LeftOut implements LeftOutListener {
  readonly emptyFolders: string[] = []
  readonly #names: string[] = []
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  onLeftOut(name: string, reason: string): void {
    this.#names.push(name)
    this.#context.terminal.message(`left out: ${shownName(name)} ${reason}`)
  }

  onEmptyFolder(name: string): void {
    this.emptyFolders.push(name)
  }

  /** Whether a name is one that was left out, or below one. */
  isUnder(name: string): boolean {
    return this.#names.some((left) => name === left || name.startsWith(`${left}/`))
  }
}
