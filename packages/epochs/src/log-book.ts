import { type Address, type ContentId, type Hash, isSteadError, messageOf, type PeerId } from '@stead/core'
import type { Statement } from '@stead/protocol'
import {
  type ChainFactsReader,
  type EpochNumber,
  openProbeLog,
  PROBE_LOG_BYTES_MAX,
  type ProbeLog,
} from '@stead/rewards'
import type { DocumentExchange } from './document-exchange.ts'
import type { DocumentShelf } from './document-shelf.ts'
import type { EpochNotice } from './epoch-messages.ts'
import { deleteBefore, EPOCH_TABLES, epochKey, put } from './epoch-tables.ts'
import type { EpochPorts } from './ports.ts'
import { scheduleOf } from './schedule.ts'

/** A valid log that this node has. */
interface KnownLog {
  readonly id: ContentId
  readonly prober: Address
  readonly beacon: Hash
  readonly statement: Statement
  /** It was here by the moment from which on a proposer must have it. */
  readonly isOwed: boolean
}

/** Who says that there is a log. */
export interface LogSource {
  readonly peer: PeerId
  /** It says so of somebody else's, and nobody else is asked for it. @default false */
  readonly isHearsay?: boolean
  /** It is taken also after the time for logs, and then no proposer owes it. @default false */
  readonly isLate?: boolean
}

/** A log that is about to be taken in. */
interface FoundLog {
  readonly id: ContentId
  readonly bytes: Uint8Array
  readonly isLate: boolean
}

/** Two different logs of one prober for one epoch. */
export interface LogLie {
  readonly prober: Address
  readonly first: Statement
  readonly second: Statement
}

const LOGS_PER_PROBER_MAX = 2
const FETCHES_AT_ONCE_MAX = 64
/** Epochs before the one that runs whose beacon another fork of the chain may still change. */
const UNSETTLED_EPOCHS = 2
/** A log and its statement. */
const LOG_BYTES_MAX = PROBE_LOG_BYTES_MAX + 256

/** What the log book stands on. */
export interface LogBookParts {
  readonly facts: ChainFactsReader
  readonly shelf: DocumentShelf
  readonly exchange: DocumentExchange
  readonly onLie: (lie: LogLie) => void
}

/** Which valid probe logs there are, and which of them came in time. */
export class LogBook {
  readonly #ports: EpochPorts
  readonly #parts: LogBookParts
  readonly #logs: Map<EpochNumber, Map<ContentId, KnownLog>> = new Map()
  readonly #beacons: Map<EpochNumber, Hash> = new Map()
  readonly #loaded: Set<EpochNumber> = new Set()
  readonly #fetching: Set<ContentId> = new Set()

  constructor(ports: EpochPorts, parts: LogBookParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /**
   * Takes in a log that a notice names, when it is of a bonded prober and the time for logs is not over. Says `missing`
   * when nobody who was asked gave it.
   */
  async hear(notice: EpochNotice, source: LogSource): Promise<'taken' | 'missing' | 'unwanted'> {
    const { document: id, epoch } = notice
    if (id === undefined) return 'unwanted'
    try {
      await this.#load(epoch)
      // Looked at first: a notice that names the log as somebody else's must not keep back the one that is right.
      if (!(await this.#isWanted(notice, id, source.isLate === true))) return 'unwanted'
      if (this.#fetching.has(id) || this.#fetching.size >= FETCHES_AT_ONCE_MAX) return 'unwanted'
      await this.#fetch(id, epoch, source)
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#ports.logger.debug('a probe log was not taken', { id, epoch, error: messageOf(error) })
    }
    return this.#logs.get(epoch)?.has(id) === true ? 'taken' : 'missing'
  }

  /** Takes in the own log. @throws CoreError of the store */
  async takeOwn(epoch: EpochNumber, bytes: Uint8Array): Promise<ContentId> {
    await this.#load(epoch)
    const id = await this.#parts.shelf.put(bytes, epoch)
    await this.#take(epoch, { id, bytes, isLate: false })
    return id
  }

  /** All valid logs of an epoch: what a proposer gathers. @throws ChainError; CoreError of the store */
  async all(epoch: EpochNumber): Promise<readonly ContentId[]> {
    return (await this.#valid(epoch)).map(({ id }) => id).sort()
  }

  /** Who said what, for those who ask: a restart forgets what was heard, not what is on disk. @throws as {@link all} */
  async notices(epoch: EpochNumber): Promise<readonly EpochNotice[]> {
    const logs = await this.#valid(epoch)
    return logs.map(({ id, prober }) => ({ version: 1, kind: 'log', epoch, node: prober, document: id }))
  }

  /** Those that every proposer must have: left out of evidence they are a difference. @throws as {@link all} */
  async owed(epoch: EpochNumber): Promise<readonly ContentId[]> {
    return (await this.#valid(epoch)).flatMap(({ id, isOwed }) => (isOwed ? [id] : []))
  }

  /** Bonded probers of an epoch of whom no log is here. @throws as {@link all} */
  async missing(epoch: EpochNumber): Promise<readonly Address[]> {
    const begin = await this.#parts.facts.begin(epoch)
    const have = new Set((await this.#valid(epoch)).map(({ prober }) => prober))
    return (begin?.nodes ?? []).flatMap(({ node }) => (have.has(node) ? [] : [node]))
  }

  async deleteBefore(epoch: number): Promise<void> {
    for (const known of this.#logs.keys()) if (known < epoch) this.#logs.delete(known)
    for (const known of this.#beacons.keys()) if (known < epoch) this.#beacons.delete(known)
    await deleteBefore(this.#ports.store, EPOCH_TABLES.logs, epoch)
  }

  /** Those that stand on the beacon of the chain as it is: another fork may have won since a log was taken. */
  async #valid(epoch: EpochNumber): Promise<readonly KnownLog[]> {
    const logs = [...(await this.#load(epoch)).values()]
    if (logs.length === 0) return []
    const known = this.#beacons.get(epoch)
    const isSettled = known !== undefined && epoch < this.#ports.time.epoch() - UNSETTLED_EPOCHS
    const right = isSettled ? known : (await this.#parts.facts.begin(epoch))?.beacon
    if (right !== undefined) this.#beacons.set(epoch, right)
    return logs.filter(({ beacon }) => beacon === right)
  }

  async #isWanted({ epoch, node: prober }: EpochNotice, id: ContentId, isLate: boolean): Promise<boolean> {
    const { time, calendar } = this.#ports
    const logs = await this.#load(epoch)
    const { endsAt, logsCloseAt } = scheduleOf(calendar, epoch)
    const now = time.now()
    if (logs.has(id) || now < endsAt) return false
    const same = [...logs.values()].filter((log) => log.prober === prober).length
    if (same >= LOGS_PER_PROBER_MAX) return false
    // Later it counts no more; but a second log is proof of a lie whenever it comes.
    if (now >= logsCloseAt && same === 0 && !isLate) return false
    const begin = await this.#parts.facts.begin(epoch)
    return begin?.nodes.some(({ node }) => node === prober) === true
  }

  async #fetch(id: ContentId, epoch: EpochNumber, { peer, isHearsay, isLate }: LogSource): Promise<void> {
    this.#fetching.add(id)
    try {
      const hint = { epoch, peers: [peer], isNowhereElse: isHearsay === true, bytesMax: LOG_BYTES_MAX }
      const bytes = await this.#parts.exchange.load(id, hint)
      if (bytes !== undefined) await this.#take(epoch, { id, bytes, isLate: isLate === true })
    } finally {
      this.#fetching.delete(id)
    }
  }

  async #take(epoch: EpochNumber, { id, bytes, isLate }: FoundLog): Promise<void> {
    const { secp256k1, time, calendar, store } = this.#ports
    const { log, statement } = openProbeLog(secp256k1, bytes)
    if (!(await this.#belongs(epoch, log))) return
    const logs = await this.#load(epoch)
    if (logs.has(id)) return
    // One for each fork of the chain is no lie: the beacon is part of the slot.
    const other = [...logs.values()].find(({ prober, beacon }) => prober === log.prober && beacon === log.beacon)
    if (other !== undefined && other.statement.payload !== statement.payload) {
      this.#parts.onLie({ prober: log.prober, first: other.statement, second: statement })
    }
    const { logsOwedAt, logsCloseAt } = scheduleOf(calendar, epoch)
    const now = time.now()
    if (now >= logsCloseAt && !isLate) return
    const isOwed = now <= logsOwedAt
    await store.write([put(EPOCH_TABLES.logs, `${epochKey(epoch)}/${id}`, Uint8Array.of(isOwed ? 1 : 0))], 'process')
    logs.set(id, { id, prober: log.prober, beacon: log.beacon, statement, isOwed })
  }

  async #belongs(epoch: EpochNumber, log: ProbeLog): Promise<boolean> {
    const { chainId, escrow } = this.#ports.chain.identity
    const begin = await this.#parts.facts.begin(epoch)
    return (
      begin !== undefined &&
      log.epoch === epoch &&
      log.chainId === chainId &&
      log.escrow === escrow &&
      log.beacon === begin.beacon &&
      begin.nodes.some(({ node }) => node === log.prober)
    )
  }

  /** Brings in what an earlier run had. */
  async #load(epoch: EpochNumber): Promise<Map<ContentId, KnownLog>> {
    const logs = this.#logs.get(epoch) ?? new Map<ContentId, KnownLog>()
    this.#logs.set(epoch, logs)
    if (this.#loaded.has(epoch)) return logs
    this.#loaded.add(epoch)
    const { store, secp256k1 } = this.#ports
    const prefix = `${epochKey(epoch)}/`
    for (const { key, value } of await store.scan(EPOCH_TABLES.logs, { prefix })) {
      const id = key.slice(prefix.length) as ContentId
      const bytes = await this.#parts.shelf.get(id)
      if (bytes === undefined) continue
      const { log, statement } = openProbeLog(secp256k1, bytes)
      logs.set(id, { id, prober: log.prober, beacon: log.beacon, statement, isOwed: value[0] === 1 })
    }
    return logs
  }
}
