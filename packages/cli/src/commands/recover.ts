import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, address, messageOf } from '@stead/core'
import { CONFIG_FILE_NAME, createLogger, keepSettings } from '@stead/node'
import type { RecoveredNode } from '@stead/node/daemon'
import { type Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { devNetworkOf } from '../daemon-access.ts'
import { CliError } from '../errors.ts'
import { addNodeSettings, type GivenPlan, nodePlanOf } from '../node-config.ts'
import { commandIn } from '../terminal/command-text.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRecover extends Record<string, unknown> {
  readonly phraseFile: string
  readonly replace?: Address
  readonly beside?: boolean
  readonly withoutAbsent?: boolean
}

/** `stead recover`: everything that a recovery phrase gives, on a new machine. */
export function define(command: Command, context: CommandContext): void {
  addNodeSettings(command)
    .requiredOption('--phrase-file <file>', 'where the 24 words are, or - for standard input')
    .option('--replace <address>', 'the machine that is gone, where several wrote under the phrase', parseAddress)
    .option('--beside', 'the other machines still run: read and write with them, with a key of its own')
    .option('--without-absent', 'nodes that keep roots and do not answer are gone for good: those left decide alone')
    .addHelpText(
      'after',
      '\nThe folder takes the place of the machine that is gone: its key, its money and what it agreed on. That machine must' +
        '\nnot run again: two with one key sign what contradicts, and nodes stop to serve both. While it answers, this is refused.' +
        '\nWhere the network is (chain, address book, a peer to begin with) is taken from config.json in the folder, from the' +
        '\nenvironment or from flags, as for stead up, which comes afterwards. Flags are kept in config.json for it.' +
        '\nThe newest root of a bucket is what five of the seven nodes that keep it say. Where three or four of them are gone' +
        '\nfor good (STORAGE_ROOT_AWAY, however long you wait), --without-absent has the others decide and takes new ones.',
    )
    .action(async (given: GivenRecover) => {
      if (given.beside === true && given.replace !== undefined)
        throw new CliError('CLI_USAGE', 'a machine runs beside others or in place of one: give --beside or --replace')
      const phrase = readPhrase(given.phraseFile)
      const plan = nodePlanOf(given, context)
      if (plan.config.network.bootstrap.length === 0)
        context.terminal.message(
          'no peer to begin with is set (network.bootstrap): only nodes on this local network are found',
        )
      tellPlace(plan, context)
      const write = (line: string): void => void process.stderr.write(line)
      const logger = createLogger({ ...plan.config.log, level: 'warn', write, now: () => Date.now() })
      const { recoverStorage } = await import('@stead/node/daemon')
      const replace = given.beside === true ? 'beside' : given.replace
      const recovered = await recoverStorage(
        { logger },
        { ...plan, phrase, withoutAbsent: given.withoutAbsent === true, ...(replace === undefined ? {} : { replace }) },
      )
      const kept = keepGiven(plan)
      const { dataDir } = plan.directories
      context.terminal.out(
        context.terminal.isJson
          ? toJson({ ...recovered, dataDir, ...kept })
          : `${describe(recovered)}${keptText(kept)}\nnow: ${commandIn(context.dataDir, 'stead up')}`,
      )
    })
}

/** Before anything is written: keys and phrase are to be where they were meant to be. */
function tellPlace({ directories }: GivenPlan, context: CommandContext): void {
  const { dataDir, terminal } = context
  const network = dataDir === undefined ? devNetworkOf(context) : undefined
  const other = dataDir === undefined ? '; to another folder: --data-dir <folder>' : ''
  const meant =
    network === undefined ? '' : `\nother commands here mean the local network in ${network.root} while it runs`
  terminal.message(`key, phrase and books go to ${directories.dataDir}${other}${meant}`)
}

/** What the command line said of the node, where the next command finds it. */
interface KeptSettings {
  readonly configFile: string
  readonly settings: readonly string[]
}

function keepGiven({ directories, given }: GivenPlan): KeptSettings | undefined {
  if (given.length === 0) return undefined
  const configFile = join(directories.configDir, CONFIG_FILE_NAME)
  keepSettings(configFile, given)
  return { configFile, settings: given.map(({ key }) => key) }
}

function keptText(kept: KeptSettings | undefined): string {
  return kept === undefined ? '' : `\n${kept.settings.join(', ')} as given: kept in ${kept.configFile}`
}

function parseAddress(text: string): Address {
  try {
    return address(text.toLowerCase())
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error))
  }
}

function readPhrase(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new CliError('CLI_USAGE', `the phrase in ${file} cannot be read`, { cause })
  }
}

function describe({ node, buckets, books }: RecoveredNode): string {
  const back = buckets.length === 1 ? '1 bucket is back' : `${buckets.length} buckets are back`
  const found = `${back}${buckets.length === 0 ? '' : `: ${buckets.join(', ')}`}`
  if (books === undefined)
    return `${found}\nthis machine reads and writes beside the others as ${node}; what it writes it pays for, from that account`
  const silent = books.silentNodes === 0 ? '' : `; ${books.silentNodes} nodes did not answer and are asked again daily`
  return `${found}\n${books.segments} segments on ${books.nodes} nodes are paid for by ${node} again${silent}`
}
