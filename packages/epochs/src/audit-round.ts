import { type Address, messageOf, type Timer, type UnixMs } from '@stead/core'
import {
  type AuditParameters,
  type AuditQuestion,
  type AuditReport,
  type AuditRules,
  auditReportSchema,
  auditSeed,
  type Claimant,
  drawClaimant,
  type EpochBegin,
  epochSpan,
} from '@stead/rewards'
import { EPOCH_TABLES, forkKey, put } from './epoch-tables.ts'
import type { NodeDirectory } from './node-directory.ts'
import type { EpochPorts } from './ports.ts'
import { type AuditFinding, reportOf, StorageAuditor } from './storage-auditor.ts'

/** The last part of an epoch in which no audit begins, so that its answer still falls into it. */
const MARGIN_PARTS = 8
/** How often a payer is asked for what it agreed, where that alone can say whether a node is at fault. */
const PAYER_TRIES = 4

/** What one epoch's audits need. */
export interface AuditRoundOptions {
  readonly begin: EpochBegin
  readonly parameters: AuditParameters
  /** Who brought nodes their claims, by node, then payer. */
  readonly claimants: readonly Claimant[]
  /** 32 bytes, secret until the log is out. */
  readonly seed: Uint8Array
  /** Whom this node audits. */
  readonly nodes: readonly Address[]
}

/** This node's audits of one epoch: each node once, at a moment and about leaves that nobody else knows. */
export class AuditRound {
  readonly #ports: EpochPorts & { readonly directory: NodeDirectory }
  readonly #options: AuditRoundOptions
  readonly #auditor: StorageAuditor
  readonly #findings: Map<Address, AuditFinding> = new Map()
  readonly #timers: Set<Timer> = new Set()
  readonly #stopped = new AbortController()

  constructor(ports: EpochPorts & { readonly directory: NodeDirectory }, options: AuditRoundOptions) {
    this.#ports = ports
    this.#options = options
    const { chainId, escrow } = ports.chain.identity
    const span = epochSpan(ports.calendar, options.begin.epoch)
    const { secp256k1 } = ports
    const rules: AuditRules = { secp256k1, facts: { chainId, escrow, ...span }, parameters: options.parameters }
    this.#auditor = new StorageAuditor(ports, rules)
  }

  /** Takes up the epoch where an earlier run left it. @throws CoreError of the store */
  async start(): Promise<void> {
    const { claimants, nodes, seed } = this.#options
    const byNode = Map.groupBy(claimants, ({ node }) => node)
    for (const node of nodes) {
      const finding = await this.#recall(node)
      const drawn = drawClaimant(seed, node, byNode.get(node) ?? [])
      if (drawn === undefined || finding?.evidence !== undefined) continue
      const question = { node, payer: drawn.payer, leaves: auditSeed(seed, node) }
      this.#later(() => (finding === undefined ? this.#audit(question) : this.#attest(question, finding, PAYER_TRIES)))
    }
  }

  stop(): void {
    this.#stopped.abort()
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
  }

  /** What was found so far, for the log. */
  reports(): readonly AuditReport[] {
    return Array.from(this.#findings, ([node, finding]) => reportOf(node, finding))
  }

  #rowKey(node: Address): string {
    return `${forkKey(this.#options.begin)}/${node}`
  }

  async #recall(node: Address): Promise<AuditFinding | undefined> {
    const row = await this.#ports.store.get(EPOCH_TABLES.audits, this.#rowKey(node))
    if (row === undefined) return undefined
    const { node: _, ...finding } = auditReportSchema.decodeMessage(row)
    this.#findings.set(node, finding)
    return finding
  }

  async #audit(question: AuditQuestion): Promise<void> {
    const finding = await this.#auditor.audit(question, this.#stopped.signal)
    if (this.#stopped.signal.aborted) return
    await this.#keep(question.node, finding)
    if (finding.evidence === undefined) await this.#attest(question, finding, PAYER_TRIES)
  }

  async #attest(question: AuditQuestion, finding: AuditFinding, tries: number): Promise<void> {
    const attested = await this.#auditor.attest(question, finding, this.#stopped.signal)
    if (this.#stopped.signal.aborted) return
    if (attested !== undefined) await this.#keep(question.node, attested)
    else if (tries > 1) this.#later(() => this.#attest(question, finding, tries - 1))
  }

  async #keep(node: Address, finding: AuditFinding): Promise<void> {
    const { store, logger } = this.#ports
    this.#findings.set(node, finding)
    const { outcome, tookMs } = finding
    logger.debug('a node was audited', { node, outcome, tookMs, isAttested: finding.evidence !== undefined })
    const row = auditReportSchema.encodeMessage({ node, ...finding })
    await store.write([put(EPOCH_TABLES.audits, this.#rowKey(node), row)], 'process')
  }

  /** At a moment in what is left of the epoch that nobody else knows. */
  #later(work: () => Promise<void>): void {
    const { clock, time, calendar, random } = this.#ports
    const { beginsAtSeconds, endsAtSeconds } = epochSpan(calendar, this.#options.begin.epoch)
    const lastAt = 1000 * (endsAtSeconds - (endsAtSeconds - beginsAtSeconds) / MARGIN_PARTS)
    const leftMs = lastAt - time.now()
    if (leftMs <= 0) return
    const at = (time.now() + random.fraction() * leftMs) as UnixMs
    const timer = clock.setTimer(Math.min(time.untilMs(at), 2 ** 31 - 1), () => {
      this.#timers.delete(timer)
      void this.#quietly(work)
    })
    this.#timers.add(timer)
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#ports.logger.debug('an audit was not finished', { error: messageOf(error) })
    }
  }
}
