import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadOrCreateKey, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import { supervisorLogger } from '../commands/dev.ts'
import { daemonClient } from '../daemon-access.ts'
import { DevNetwork } from '../dev/dev-network.ts'
import { nodeDocuments } from '../epoch/document-source.ts'
import { CliError } from '../errors.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { loadPackage } from '../job/load-package.ts'
import { CAST, providerOf } from '../play/cast.ts'
import { collusionCheck } from '../play/collusion-check.ts'
import { EpochPlay, type PlayRecord } from '../play/epoch-play.ts'
import { PLAY_EPOCHS } from '../play/epoch-terms.ts'
import { partOf } from '../play/part-of.ts'
import { type PlayBooks, readBooks } from '../play/play-books.ts'
import { type Check, checksOf } from '../play/play-checks.ts'
import { describePlay } from '../play/play-report.ts'
import { type Terminal, toJson } from '../terminal/terminal.ts'

/** How epochs are played. */
export interface EpochsOptions {
  /** Epochs with traffic. */
  readonly epochs: number
  readonly once: boolean
  /** A network of its own: how long epochs are is fixed with the chain. */
  readonly directory: string
  /** The folder may be emptied when an earlier play is in it. */
  readonly isOwnDirectory: boolean
}

/** What playing epochs stands on. */
export interface EpochsComponents {
  readonly terminal: Terminal
  readonly root: string
  readonly signal: AbortSignal
}

/** Plays some epochs with operators who keep to the rules and others who do not, and says who earned what and why. */
export async function startEpochs(components: EpochsComponents, options: EpochsOptions): Promise<ExitCode> {
  const { terminal, root, signal } = components
  const failed = Promise.withResolvers<never>()
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true })
  })
  const network: DevNetwork = new DevNetwork(
    {
      logger: supervisorLogger(),
      events: { onNotice: (text) => terminal.message(text), onFailure: (error) => failed.reject(error) },
    },
    {
      directory: options.directory,
      providers: CAST.length,
      epochs: PLAY_EPOCHS,
      partOf: (provider, member) => partOf(provider, member, (other) => nodeOf(network, other)),
    },
  )
  await makeRoom(network, options)
  terminal.message(`starting a chain, ${CAST.length} providers and a payer in ${network.layout.root} …`)
  try {
    const loading = loadPackage(join(root, 'examples', 'hello-function'))
    const up = await Promise.race([network.start(), failed.promise, interrupted])
    if (up === 'interrupted') return exitCodes.interrupted
    const loaded = await loading
    const played = asHolder(network, (open) => play({ ...components, network, open, loaded }, options.epochs))
    const isTrue = await Promise.race([played, failed.promise])
    if (!options.once) {
      const folder = options.isOwnDirectory ? options.directory : network.layout.root
      terminal.message(
        `\nThe network goes on. Try: npx stead audit epoch latest --data-dir ${folder}; Ctrl-C stops it.`,
      )
      await Promise.race([interrupted, failed.promise])
    }
    return isTrue ? exitCodes.ok : exitCodes.auditMismatch
  } finally {
    terminal.message('stopping …')
    await network.stop()
  }
}

/** A play begins on a new chain. @throws CliError CLI_DEV_RUNNING, CLI_FOLDER_IN_USE */
async function makeRoom(network: DevNetwork, { directory, isOwnDirectory }: EpochsOptions): Promise<void> {
  // First of all: what runs there must not lose its files.
  await network.claim()
  const { root, chainDir, lockDir } = network.layout
  if (!existsSync(chainDir)) return
  if (!isOwnDirectory) {
    await network.stop()
    throw new CliError('CLI_FOLDER_IN_USE', `${directory} holds a network already; epochs are played on a new chain`, {
      details: { directory },
      next: `Name another folder, or delete it: rm -r ${directory}`,
    })
  }
  for (const path of readdirSync(root).map((name) => join(root, name))) {
    if (path !== lockDir) rmSync(path, { recursive: true })
  }
}

function nodeOf(network: DevNetwork, provider: number): DevNetwork['members'][number]['node'] {
  const member = network.members[provider - 1]
  if (member === undefined) throw new RangeError(`there is no provider ${provider}`)
  return member.node
}

async function asHolder<Value>(network: DevNetwork, work: (open: OpenEconomy) => Promise<Value>): Promise<Value> {
  const secp256k1 = await loadSecp256k1()
  const { layout, rpcUrl } = network
  const holder = createSigner(secp256k1, loadOrCreateKey(layout.deployerKey, { secp256k1, random: systemRandom }))
  return await withEconomy({ rpcUrl, addressBook: layout.addressBook }, work, holder)
}

type PlayParts = EpochsComponents & {
  readonly network: DevNetwork
  readonly open: OpenEconomy
  readonly loaded: Awaited<ReturnType<typeof loadPackage>>
}

/** True when everything that was to be shown is so. */
async function play({ terminal, network, open, loaded, signal }: PlayParts, epochs: number): Promise<boolean> {
  const onProgress = (line: string): void => terminal.message(line)
  const record = await new EpochPlay({ network, open, loaded, signal, onProgress }).run(epochs)
  terminal.message('auditing every epoch and reading the books …')
  const { load } = nodeDocuments(daemonClient(network.layout.providerDir(providerOf('honest'))))
  const books = await readBooks(open, load, { record, members: network.members })
  const { secp256k1 } = open
  const collusion = await collusionCheck({ secp256k1, load, quality: PLAY_EPOCHS.quality }, books)
  const checks = [...checksOf(record, books), collusion]
  terminal.out(terminal.isJson ? toJson(factsOf(record, books, checks)) : describePlay(record, books, checks))
  return checks.every(({ isTrue }) => isTrue)
}

function factsOf(record: PlayRecord, books: PlayBooks, checks: readonly Check[]): Record<string, unknown> {
  const { firstEpoch, epochs, lots, lie } = record
  return {
    firstEpoch,
    epochs,
    operators: books.operators,
    lots,
    falseRoot: lie,
    roots: books.epochs.map(({ result: { epoch, root } }) => ({ epoch, root, audit: 'match' })),
    tokenSupplyUnits: books.tokens.supplyUnits,
    dollarSupplyMicroUsd: books.dollars.supplyUnits,
    checks,
  }
}
