import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { isPhraseUnseen, notePhraseSeen, readPhrase } from '@stead/node/files'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'

/** What a person must know of the words. */
export const PHRASE_WARNING: string =
  'Whoever has these words can read and delete what you keep on the network, and take this node and its money over.' +
  '\nWithout them nobody can, when this machine is lost. Write them on paper, and keep them where this machine is not.'

/**
 * Shows the recovery phrase once, to the person at the terminal whose command had it made. Nowhere else: what is written
 * where no person looks may be a log.
 */
export function showNewPhrase({ terminal }: CommandContext, dataDir: string): void {
  if (!terminal.isInteractive || terminal.isJson || !isPhraseUnseen(dataDir)) return
  const words = readPhrase(dataDir) ?? ''
  const { bold } = terminal.style
  terminal.message(
    `\n${bold('The recovery phrase of what you keep on the network was made:')}\n\n${phraseLines(words)}\n\n${PHRASE_WARNING}` +
      '\nThey are shown now and not again by themselves; to see them again: stead phrase\n',
  )
  notePhraseSeen(dataDir)
}

/**
 * Writes the words into a file that only its owner can read. One that is there may be another phrase, or be open to others.
 * @throws CliError CLI_USAGE; what the system says
 */
export function keepPhrase(file: string, phrase: string): void {
  const descriptor = openNew(file)
  try {
    writeSync(descriptor, `${phrase}\n`)
    fsyncSync(descriptor)
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new CliError('CLI_USAGE', `${file} is there already, and is left as it is`, {
      cause,
      next: 'Name a new file: stead phrase --to <file>',
    })
  }
}

/** Four lines of six words, each with its number. */
function phraseLines(phrase: string): string {
  const words = phrase.split(' ').map((word, index) => `${String(index + 1).padStart(2)} ${word.padEnd(8)}`)
  return words.reduce((text, word, index) => text + (index === 0 ? '  ' : index % 6 === 0 ? '\n  ' : '  ') + word, '')
}
