import { createCipheriv, createHash } from 'node:crypto'
import { formatMicroUsd } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { ReceiptLine, StorageUsage } from '@stead/sdk/api'
import { auditStorage, type StorageAuditVerdict } from '../audit/audit-storage.ts'
import { auditVerdictText } from '../audit/audit-verdict.ts'
import { supervisorLogger } from '../commands/dev.ts'
import { daemonClient } from '../daemon-access.ts'
import { type DevMember, DevNetwork } from '../dev/dev-network.ts'
import { CliError } from '../errors.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { formatBytes } from '../objects/object-url.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { renderTable } from '../terminal/table.ts'
import { type Terminal, toJson } from '../terminal/terminal.ts'
import { untilAll } from './until-all.ts'

/** Twelve keep each segment of the object, and four can take over. */
export const STORAGE_PROVIDERS = 16
const PIECES = 12
const OBJECT_BYTES = 64 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024
/** A third of those that a segment needs: as many as can be done without. */
const KILLED = STORAGE_PROVIDERS - PIECES
/** In a network of one's own nobody has to wait a week. */
const LOST_AFTER_SECONDS = 5
/**
 * Since one more offer was heard of, or one more segment was repaired. On a machine that has much to do a node may seem to be
 * away for a moment, and gets no pieces for ten minutes then.
 */
const PATIENCE_MS = 900_000
const TELL_MS = 30_000
const LOOK_MS = 1000
const QUERY = { bucket: 'start', key: 'object' }

/** How it is shown. */
export interface StorageOptions {
  readonly once: boolean
  readonly directory: string
}

/** What came of it. */
interface StorageStory {
  readonly objectBytes: number
  readonly put: Transfer
  /** Nodes that had pieces of it. */
  readonly keepers: number
  readonly killed: readonly string[]
  readonly getAfterKill: Transfer
  readonly repairedPieces: number
  readonly getAfterRepair: Transfer
  readonly usage: StorageUsage
  readonly receipts: readonly ReceiptLine[]
  readonly audit: StorageAuditVerdict
}

interface Transfer {
  readonly ms: number
  readonly sha256: string
}

/** Keeps an object on a local network, kills nodes that have it, reads it, repairs it, and shows the bill. */
export async function startStorage(
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
  { once, directory }: StorageOptions,
): Promise<ExitCode> {
  const failed = Promise.withResolvers<never>()
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true })
  })
  const network = new DevNetwork(
    {
      logger: supervisorLogger(),
      events: { onNotice: (text) => terminal.message(text), onFailure: (error) => failed.reject(error) },
    },
    {
      directory,
      providers: STORAGE_PROVIDERS,
      payerArguments: ['--storage-lost-after-seconds', String(LOST_AFTER_SECONDS)],
    },
  )
  await network.claim()
  terminal.message(`starting a chain, ${STORAGE_PROVIDERS} providers and a payer in ${network.layout.root} …`)
  try {
    if ((await Promise.race([network.start(), failed.promise, interrupted])) === 'interrupted')
      return exitCodes.interrupted
    const story = await Promise.race([play(network, { terminal, signal }), failed.promise, interrupted])
    if (story === 'interrupted') return exitCodes.interrupted
    terminal.out(terminal.isJson ? toJson({ ...story, audit: auditVerdictText(story.audit) }) : describe(story))
    if (!once) {
      terminal.message(
        `\nThe network goes on. Try: npx stead usage --data-dir ${network.layout.root}, npx stead audit storage --data-dir ${network.layout.root}; Ctrl-C stops it.`,
      )
      await Promise.race([interrupted, failed.promise])
    }
    return story.audit.kind === 'match' ? exitCodes.ok : exitCodes.auditMismatch
  } finally {
    terminal.message('stopping …')
    await network.stop()
  }
}

interface Stage {
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

async function play(network: DevNetwork, stage: Stage): Promise<StorageStory> {
  const { terminal } = stage
  const client = daemonClient(network.layout.payerDir)
  const next = `Try again when the machine is less busy: npm start -- --storage; what the nodes do is in their logs, below ${network.layout.root}`
  const terms = { giveUpMs: PATIENCE_MS, tellMs: TELL_MS, lookMs: LOOK_MS, next }
  const offered = { wanted: STORAGE_PROVIDERS, what: 'nodes offer storage', ...terms }
  await untilAll({ count: () => countOffers(client), ...stage }, offered)
  terminal.message(`keeping ${formatBytes(OBJECT_BYTES)} as 4 of 12 pieces …`)
  const put = await tellingWaits({ client, terminal }, () => keep(client))
  const { nodes } = await client.getStorage()
  const dead = kill(network, nodes)
  const killed = dead.map(({ name }) => name)
  terminal.message(`killed ${killed.join(', ')}; reading …`)
  const getAfterKill = await tellingWaits({ client, terminal }, () => read(client, put))
  terminal.message('waiting until they count as lost, then repairing …')
  const { segments } = (await client.getStorage()).placement
  let repairedPieces = 0
  const count = async (): Promise<number> => {
    repairedPieces += (await client.runStorageRound()).repairedPieces
    return segments - Math.min(segments, segmentsToRepair(await client.getStorage(), dead))
  }
  await untilAll({ count, ...stage }, { wanted: segments, what: 'segments need no repair', ...terms })
  const getAfterRepair = await tellingWaits({ client, terminal }, () => read(client, put))
  await client.runStorageRound()
  await client.settle()
  terminal.message('auditing: every period is recomputed here from revisions, proofs and receipts …')
  const { rpcUrl, layout } = network
  const audit = await auditStorage(client, { rpcUrl, addressBook: layout.addressBook })
  const { receipts } = await client.listReceipts()
  const usage = await client.getStorage()
  return {
    objectBytes: OBJECT_BYTES,
    put,
    keepers: nodes.length,
    killed,
    getAfterKill,
    repairedPieces,
    getAfterRepair,
    usage,
    receipts,
    audit,
  }
}

async function countOffers(client: DaemonClient): Promise<number> {
  const { offers } = await client.listOffers()
  return offers.filter(({ resource }) => resource === 'storage').length
}

async function keep(client: DaemonClient): Promise<Transfer> {
  const { buckets } = await client.listBuckets()
  if (buckets.every(({ name }) => name !== QUERY.bucket)) await client.createBucket(QUERY.bucket)
  const hash = createHash('sha256')
  const start = performance.now()
  await client.putObject(QUERY, content(hash))
  return { ms: performance.now() - start, sha256: hash.digest('hex') }
}

/** The same bytes each time, and nothing that could be compressed. */
async function* content(hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array, void> {
  const stream = createCipheriv('aes-256-ctr', new Uint8Array(32), new Uint8Array(16))
  const zeros = new Uint8Array(CHUNK_BYTES)
  for (let sent = 0; sent < OBJECT_BYTES; sent += CHUNK_BYTES) {
    const bytes = stream.update(zeros)
    hash.update(bytes)
    yield bytes
  }
}

/** @throws CliError CLI_DEV_FAILED when other bytes come back */
async function read(client: DaemonClient, { sha256 }: Transfer): Promise<Transfer> {
  const hash = createHash('sha256')
  const start = performance.now()
  for await (const bytes of (await client.getObject(QUERY)).body) hash.update(bytes)
  const found = hash.digest('hex')
  if (found !== sha256) throw new CliError('CLI_DEV_FAILED', `the object came back as ${found}, it was ${sha256}`)
  return { ms: performance.now() - start, sha256: found }
}

function kill(network: DevNetwork, keepers: StorageUsage['nodes']): readonly DevMember[] {
  const members = network.members.filter((member) => keepers.some(({ node }) => node === member.node))
  const killed = members.slice(0, KILLED)
  for (const { name } of killed) network.killMember(name)
  return killed
}

/**
 * Segments that are repaired in the next round, or later when those that are dead count as lost; all of them while it was not
 * noticed that they are away.
 */
function segmentsToRepair({ nodes, placement }: StorageUsage, dead: readonly DevMember[]): number {
  const { segments, shortSegments, dueSegments, repairFrom } = placement
  const isDead = (node: string): boolean => dead.some((member) => member.node === node)
  if (nodes.some(({ node, lastOutcome }) => isDead(node) && lastOutcome !== 'offline')) return segments
  return repairFrom === undefined ? dueSegments : shortSegments
}

function describe(story: StorageStory): string {
  const { objectBytes, put, keepers, killed, getAfterKill, repairedPieces, getAfterRepair, usage, receipts, audit } =
    story
  const rate = ({ ms }: Transfer): string =>
    `${(ms / 1000).toFixed(1)} s, ${formatBytes(Math.round(objectBytes / (ms / 1000)))}/s`
  const paid = receipts.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n)
  const table = renderTable<StorageUsage['nodes'][number]>(
    [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'PIECES', value: ({ pieces }) => String(pieces), isNumber: true },
      { title: 'BYTES', value: ({ bytes }) => formatBytes(bytes), isNumber: true },
      { title: 'LAST', value: ({ lastOutcome }) => lastOutcome ?? '-' },
      { title: 'PAID', value: ({ paidMicroUsd }) => formatMicroUsd(paidMicroUsd), isNumber: true },
    ],
    usage.nodes,
  )
  return [
    `put ${formatBytes(objectBytes)}: ${rate(put)}`,
    `killed ${killed.length} of ${keepers} nodes that kept it; read: ${rate(getAfterKill)}, same bytes`,
    `made ${repairedPieces} pieces again on other nodes; read: ${rate(getAfterRepair)}, same bytes`,
    '',
    table,
    `bill: ${receipts.length} proven periods, ${formatMicroUsd(paid)}; from now on ${formatMicroUsd(usage.microUsdPerDay)} a day`,
    `audit: ${auditVerdictText(audit)}`,
  ].join('\n')
}
