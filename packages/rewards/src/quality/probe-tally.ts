import { type Address, hasCode, isSteadError } from '@stead/core'
import type { Secp256k1, Statement } from '@stead/protocol'
import type { ChainFacts } from '../facts/chain-facts.ts'
import { firstLink, isAnswerOf, NonceSource, nextLink } from '../probes/answer-chain.ts'
import { Assignment } from '../probes/assignment.ts'
import { openProbeLog, type ProbeLog, type ProbeReport } from '../probes/probe-log.ts'
import { NO_AUDITS } from './audit-columns.ts'
import { AuditTally } from './audit-tally.ts'
import { type LogRefusal, type LogRefusals, QualityTable } from './node-quality.ts'
import type { QualityParameters } from './quality-parameters.ts'
import { ReportColumns } from './report-columns.ts'
import { scoreProbes } from './score.ts'

/** Two different logs of one prober for one epoch: what the adjudicator on chain needs. */
export interface LogEquivocation {
  readonly prober: Address
  readonly first: Statement
  readonly second: Statement
}

/** What an epoch's logs come to. */
export interface ProbeFindings {
  readonly quality: QualityTable
  readonly refusals: LogRefusals
  /** By prober. */
  readonly equivocations: readonly LogEquivocation[]
  /** Logs that count. */
  readonly logs: number
}

interface ProberState {
  readonly prober: Address
  copies: number
  /** The lowest two payloads, each with its lowest signature, so that the proof is the same in any order. */
  statements: readonly Statement[]
  readonly refused: Map<LogRefusal, number>
}

/**
 * Takes in an epoch's probe logs one at a time, in any order, and keeps a few numbers of each: the same logs give the
 * same findings whatever their order and repetition. Every signature is checked. Nothing that a log says can throw;
 * what does not count is counted by reason.
 */
export class ProbeTally {
  readonly #secp256k1: Secp256k1
  readonly #facts: ChainFacts
  readonly #parameters: QualityParameters
  readonly #assignment: Assignment
  readonly #columns: ReportColumns
  readonly #audits: AuditTally | undefined
  readonly #probers = new Map<number, ProberState>()
  readonly #refused = new Map<LogRefusal, number>()

  constructor(secp256k1: Secp256k1, facts: ChainFacts, parameters: QualityParameters) {
    this.#secp256k1 = secp256k1
    this.#facts = facts
    this.#parameters = parameters
    this.#assignment = new Assignment(facts.beacon, facts.nodes, parameters.probersPerNode)
    this.#columns = new ReportColumns(this.#assignment)
    const { audits } = parameters
    const assignment = this.#assignment
    this.#audits =
      audits === undefined ? undefined : new AuditTally(secp256k1, { facts, parameters: audits, assignment })
  }

  /** Takes in the bytes of one published log. */
  add(bytes: Uint8Array): void {
    const opened = this.#open(bytes)
    if (opened === undefined) return
    const { log, statement } = opened
    const refusal = headerRefusal(this.#facts, log)
    const prober = this.#assignment.indexOf(log.prober)
    if (refusal !== undefined || prober === undefined) {
      count(this.#refused, refusal ?? 'not-bonded')
      return
    }
    const state = this.#probers.get(prober)
    if (state === undefined) {
      const fresh = { prober: log.prober, copies: 1, statements: [statement], refused: new Map() }
      this.#probers.set(prober, fresh)
      this.#takeReports(log, prober, fresh)
      for (const reason of this.#audits?.add(log, prober) ?? []) count(fresh.refused, reason)
      return
    }
    state.copies++
    const wasOne = state.statements.length === 1
    state.statements = lowestTwo([...state.statements, statement])
    if (!wasOne || state.statements.length < 2) return
    this.#columns.silence(prober)
    this.#audits?.silence(prober)
  }

  /** What all logs so far come to. */
  findings(): ProbeFindings {
    const refused = new Map(this.#refused)
    const equivocations: LogEquivocation[] = []
    for (const { prober, copies, statements, refused: own } of this.#probers.values()) {
      const [first, second] = statements
      if (first !== undefined && second !== undefined) {
        equivocations.push({ prober, first, second })
        count(refused, 'equivocation', copies)
        continue
      }
      if (copies > 1) count(refused, 'duplicate-log', copies - 1)
      for (const [reason, times] of own) count(refused, reason, times)
    }
    equivocations.sort((left, right) => (left.prober < right.prober ? -1 : 1))
    return {
      quality: this.#quality(),
      refusals: Object.fromEntries([...refused].sort(([left], [right]) => (left < right ? -1 : 1))),
      equivocations,
      logs: this.#probers.size - equivocations.length,
    }
  }

  #quality(): QualityTable {
    const probed = this.#columns.qualities(this.#parameters.probersMin)
    return new QualityTable(
      probed.map((node, target) => ({ ...node, ...(this.#audits?.measuresOf(target) ?? NO_AUDITS) })),
    )
  }

  #open(bytes: Uint8Array): ReturnType<typeof openProbeLog> | undefined {
    try {
      return openProbeLog(this.#secp256k1, bytes)
    } catch (error) {
      if (!isSteadError(error)) throw error
      count(this.#refused, hasCode(error, 'PROTOCOL_SIGNATURE') ? 'log-signature' : 'malformed')
      return undefined
    }
  }

  #takeReports(log: ProbeLog, prober: number, state: ProberState): void {
    const operator = this.#assignment.nodes[prober]?.operator
    for (const report of log.reports) {
      const target = this.#assignment.indexOf(report.node)
      if (target === undefined) {
        count(state.refused, 'unknown-node')
        continue
      }
      const position = this.#assignment.positionOf(target, prober)
      if (position < 0) {
        const isOwn = this.#assignment.nodes[target]?.operator === operator
        count(state.refused, isOwn ? 'own-operator' : 'not-assigned')
        continue
      }
      const latenciesMs = this.#checkedLatencies(log, report, state)
      if (latenciesMs === undefined) continue
      this.#columns.put(target, position, { report, score: scoreProbes(this.#parameters, latenciesMs) })
    }
  }

  /** The counted latencies of a report, 0 for none; undefined when the report does not count. */
  #checkedLatencies(log: ProbeLog, report: ProbeReport, state: ProberState): readonly number[] | undefined {
    const { probesPerEpoch, answerMaxMs } = this.#parameters
    if (report.latencies.length !== 2 * probesPerEpoch) {
      count(state.refused, 'wrong-length')
      return undefined
    }
    const latenciesMs = readLatencies(report.latencies)
    if (!this.#isAnswered(log, report, latenciesMs)) {
      count(state.refused, 'forged-answer')
      return undefined
    }
    const late = latenciesMs.filter((latencyMs) => latencyMs > answerMaxMs).length
    if (late === 0) return latenciesMs
    count(state.refused, 'late', late)
    return latenciesMs.map((latencyMs) => (latencyMs > answerMaxMs ? 0 : latencyMs))
  }

  /** True when the node signed exactly the answers that the report claims. */
  #isAnswered(log: ProbeLog, { node, signature }: ProbeReport, latenciesMs: readonly number[]): boolean {
    const nonces = new NonceSource(log.seed, node)
    let link = firstLink({ ...log, node })
    let answers = 0
    for (const [index, latencyMs] of latenciesMs.entries()) {
      if (latencyMs === 0) continue
      link = nextLink(link, index, nonces.nonce(index))
      answers++
    }
    if (answers === 0) return signature === undefined
    return signature !== undefined && isAnswerOf(this.#secp256k1, node, link, signature)
  }
}

function headerRefusal(facts: ChainFacts, log: ProbeLog): LogRefusal | undefined {
  if (log.chainId !== facts.chainId || log.escrow !== facts.escrow) return 'wrong-chain'
  if (log.epoch !== facts.epoch) return 'wrong-epoch'
  return log.beacon === facts.beacon ? undefined : 'wrong-beacon'
}

function count(counts: Map<LogRefusal, number>, reason: LogRefusal, times = 1): void {
  counts.set(reason, (counts.get(reason) ?? 0) + times)
}

function readLatencies(bytes: Uint8Array): readonly number[] {
  const latenciesMs: number[] = []
  for (let i = 0; i < bytes.length; i += 2) latenciesMs.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  return latenciesMs
}

function lowestTwo(statements: readonly Statement[]): readonly Statement[] {
  const sorted = statements.toSorted((left, right) => {
    if (left.payload !== right.payload) return left.payload < right.payload ? -1 : 1
    return compareBytes(left.signature, right.signature)
  })
  return sorted.filter(({ payload }, index) => payload !== sorted[index - 1]?.payload).slice(0, 2)
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (const [index, byte] of left.entries()) {
    const difference = byte - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
