import { type Address, messageOf, type Timer, type UnixMs } from '@stead/core'
import {
  Assignment,
  AUDIT_REPORTS_MAX,
  type BondedNode,
  type Claimant,
  type EpochBegin,
  epochSpan,
  PROBE_LOG_REPORTS_MAX,
  type ProbeLog,
  type ProbeRecord,
  ProbeSession,
  probeAnswerSchema,
  probeRequestSchema,
  probeWindow,
  type QualityParameters,
  signProbeLog,
} from '@stead/rewards'
import { AuditRound } from './audit-round.ts'
import { PROBE_PROTOCOL } from './epoch-messages.ts'
import { EPOCH_TABLES, forkKey, put } from './epoch-tables.ts'
import type { NodeDirectory, NodePlace } from './node-directory.ts'
import type { EpochPorts } from './ports.ts'

const SEED_BYTES = 32
const SIGNATURE_BYTES = 65
const CONNECT_TIMEOUT_MS = 5000
/** In how many of the windows, in parts of four, a prober must have been there to say anything about others. */
const ATTENDED_QUARTERS = 3
/** The last part of a window in which no probe begins, so that its answer still falls into it. */
const WINDOW_MARGIN_PARTS = 8

/** What one epoch's probing needs. */
export interface ProbeRoundOptions {
  readonly begin: EpochBegin
  readonly quality: QualityParameters
  /** Who brought nodes their claims of the epochs before; of no use where the policy has no audits. */
  readonly claimants: readonly Claimant[]
}

interface Target {
  readonly node: Address
  readonly session: ProbeSession
  place: NodePlace
}

/** This node's probes of one epoch: each target once in each window, at a moment that nobody else knows. */
export class ProbeRound {
  readonly #ports: EpochPorts & { readonly directory: NodeDirectory }
  readonly #options: ProbeRoundOptions
  readonly #timers: Set<Timer> = new Set()
  readonly #stopped = new AbortController()
  /** Windows in which this prober was running. */
  readonly #attended: Set<number> = new Set()
  #targets: readonly Target[] = []
  #seed: Uint8Array = new Uint8Array(0)
  /** Undefined where the policy has no audits. */
  #audits: AuditRound | undefined

  constructor(ports: EpochPorts & { readonly directory: NodeDirectory }, options: ProbeRoundOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** How many nodes this one probes. */
  get targets(): number {
    return this.#targets.length
  }

  /** Takes up the epoch where an earlier run left it. The seed is on disk before the first probe. @throws CoreError of the store */
  async start(): Promise<void> {
    const { begin, quality } = this.#options
    const { signer } = this.#ports
    const assignment = new Assignment(begin.beacon, begin.nodes, quality.probersPerNode)
    const self = assignment.indexOf(signer.address)
    if (self === undefined) return
    this.#seed = await this.#loadSeed()
    const places = assignment.targetsOf(self).slice(0, PROBE_LOG_REPORTS_MAX)
    const nodes = places.flatMap((place) => assignment.nodes[place] ?? [])
    for (const index of (await this.#ports.store.get(EPOCH_TABLES.probes, this.#attendedKey)) ?? []) {
      this.#attended.add(index)
    }
    this.#targets = await Promise.all(nodes.map((target) => this.#open(target)))
    const auditorsPerNode = quality.audits?.auditorsPerNode ?? 0
    const audited = places.filter((place) => assignment.positionOf(place, self) < auditorsPerNode)
    const names = audited.slice(0, AUDIT_REPORTS_MAX).flatMap((place) => assignment.nodes[place]?.node ?? [])
    await this.#startAudits(names)
    this.#window(this.#windowNow())
  }

  stop(): void {
    this.#stopped.abort()
    this.#audits?.stop()
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
  }

  /** The signed log: made once, on disk before anybody sees it. @throws CoreError of the store */
  async log(): Promise<Uint8Array> {
    const { store, signer, chain } = this.#ports
    const { epoch, beacon } = this.#options.begin
    const key = forkKey(this.#options.begin)
    const before = await store.get(EPOCH_TABLES.ownLogs, key)
    if (before !== undefined) return before
    const { chainId, escrow } = chain.identity
    // Who was away itself would take its own absence for that of the others: it says nothing.
    const wasThere = 4 * this.#attended.size >= ATTENDED_QUARTERS * this.#options.quality.probesPerEpoch
    const targets = wasThere ? this.#targets : []
    const reports = targets.map(({ node, session, place }) => ({ node, ...session.record(), ...place }))
    const log: ProbeLog = {
      version: 1,
      chainId,
      escrow,
      epoch,
      beacon,
      prober: signer.address,
      seed: this.#seed,
      reports,
      ...(this.#audits === undefined ? {} : { audits: { reports: wasThere ? this.#audits.reports() : [] } }),
    }
    const bytes = signProbeLog(signer, log)
    await store.write([put(EPOCH_TABLES.ownLogs, key, bytes)], 'power')
    return bytes
  }

  async #startAudits(nodes: readonly Address[]): Promise<void> {
    const { begin, quality, claimants } = this.#options
    if (quality.audits === undefined) return
    const options = { begin, parameters: quality.audits, claimants, seed: this.#seed, nodes }
    this.#audits = new AuditRound(this.#ports, options)
    await this.#audits.start()
  }

  async #loadSeed(): Promise<Uint8Array> {
    const { store, random } = this.#ports
    const key = forkKey(this.#options.begin)
    const before = await store.get(EPOCH_TABLES.seeds, key)
    if (before !== undefined) return before
    const seed = random.bytes(SEED_BYTES)
    await store.write([put(EPOCH_TABLES.seeds, key, seed)], 'power')
    return seed
  }

  async #open({ node }: BondedNode): Promise<Target> {
    const { secp256k1, chain, store, signer, directory } = this.#ports
    const { begin, quality } = this.#options
    const { chainId, escrow } = chain.identity
    const { epoch, beacon } = begin
    const pair = { chainId, escrow, epoch, beacon, prober: signer.address, node }
    const row = await store.get(EPOCH_TABLES.probes, this.#rowKey(node))
    const before = row === undefined ? undefined : recordOf(row, quality.probesPerEpoch)
    const session = new ProbeSession(secp256k1, { pair, seed: this.#seed, limits: quality }, before)
    return { node, session, place: directory.placeOf(node) }
  }

  #rowKey(node: Address): string {
    return `${forkKey(this.#options.begin)}/${node}`
  }

  #windowNow(): number {
    const { quality, begin } = this.#options
    const now = this.#ports.time.now()
    const span = epochSpan(this.#ports.calendar, begin.epoch)
    for (let index = 0; index < quality.probesPerEpoch; index++) {
      if (now < probeWindow(span, index, quality.probesPerEpoch).until) return index
    }
    return quality.probesPerEpoch
  }

  /** Draws a moment in this window for each target, and comes back for the next one. */
  #window(index: number): void {
    const { quality, begin } = this.#options
    if (index >= quality.probesPerEpoch) return
    void this.#attend(index)
    const { calendar, time, random } = this.#ports
    const { from, until } = probeWindow(epochSpan(calendar, begin.epoch), index, quality.probesPerEpoch)
    const begins = Math.max(from, time.now())
    const lengthMs = Math.max(0, until - (until - from) / WINDOW_MARGIN_PARTS - begins)
    for (const target of this.#targets) {
      const at = (begins + random.fraction() * lengthMs) as UnixMs
      this.#at(at, () => void this.#probe(target, index))
    }
    this.#at(until, () => this.#window(index + 1))
  }

  async #attend(index: number): Promise<void> {
    this.#attended.add(index)
    const { store, logger } = this.#ports
    try {
      await store.write([put(EPOCH_TABLES.probes, this.#attendedKey, Uint8Array.from(this.#attended))], 'process')
    } catch (error) {
      logger.debug('a window was not noted', { index, error: messageOf(error) })
    }
  }

  get #attendedKey(): string {
    return `${forkKey(this.#options.begin)}/attended`
  }

  #at(at: UnixMs, work: () => void): void {
    const { clock, time } = this.#ports
    const timer = clock.setTimer(Math.min(time.untilMs(at), 2 ** 31 - 1), () => {
      this.#timers.delete(timer)
      if (!this.#stopped.signal.aborted) work()
    })
    this.#timers.add(timer)
  }

  /** Whatever goes wrong is a probe without an answer. */
  async #probe(target: Target, index: number): Promise<void> {
    const { logger } = this.#ports
    try {
      await this.#ask(target, index)
    } catch (error) {
      logger.debug('a probe was not answered', { node: target.node, index, error: messageOf(error) })
    }
  }

  async #ask(target: Target, index: number): Promise<void> {
    const { network, directory, clock, store } = this.#ports
    const { node, session } = target
    const { signal } = this.#stopped
    const peer = await directory.peerOf(node)
    if (peer === undefined) return
    // Connecting is not the node's answer: it is made before the time is taken.
    await network.connect(peer, CONNECT_TIMEOUT_MS)
    target.place = directory.placeOf(node)
    const request = probeRequestSchema.encodeMessage(session.ask(index))
    const timeoutMs = this.#options.quality.answerMaxMs
    const askedAtMs = clock.monotonicMs()
    const payload = await network.request(peer, PROBE_PROTOCOL, request, { timeoutMs, signal })
    const latencyMs = clock.monotonicMs() - askedAtMs
    const verdict = session.receive(probeAnswerSchema.decodeMessage(payload), latencyMs)
    if (verdict.kind === 'refused') return
    await store.write([put(EPOCH_TABLES.probes, this.#rowKey(node), rowOf(session.record()))], 'process')
  }
}

function rowOf({ latencies, signature }: ProbeRecord): Uint8Array {
  const row = new Uint8Array(latencies.length + (signature?.length ?? 0))
  row.set(latencies)
  if (signature !== undefined) row.set(signature, latencies.length)
  return row
}

/** Undefined for a row of other rules: the policy changed while the node was away. */
function recordOf(row: Uint8Array, probes: number): ProbeRecord | undefined {
  const latencies = row.slice(0, 2 * probes)
  if (row.length === 2 * probes) return { latencies }
  return row.length === 2 * probes + SIGNATURE_BYTES ? { latencies, signature: row.slice(2 * probes) } : undefined
}
