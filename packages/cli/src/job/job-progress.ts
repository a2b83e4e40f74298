import { formatMicroUsd } from '@stead/core'
import type { JobEvent } from '@stead/sdk/api'

/** How far a job is; folded from its events, so that a view that begins late shows the same. */
export interface JobProgress {
  readonly tasks: number
  /** Tasks that were given to a node at least once. */
  readonly placed: number
  /** Deliveries in flight. */
  readonly running: number
  /** Tasks with a result. */
  readonly agreed: number
  /** Tasks given up. */
  readonly unfinished: number
  readonly paidMicroUsd: bigint
}

/** Why tasks were given up, with the numbers where the node gave them. */
export interface JobShortfall {
  /** Distinct operators that the verification needs, and those that match. */
  readonly operators: { readonly need: number; readonly have: number } | undefined
  /** The first sentence of each reason. */
  readonly why: ReadonlyMap<string, string>
}

/** Folds a job's events into its progress. */
export class ProgressFold {
  #tasks: number
  readonly #placed: Set<string> = new Set()
  readonly #deliveries: Set<string> = new Set()
  #agreed = 0
  #unfinished = 0
  readonly #paid: Map<string, bigint> = new Map()
  readonly #why: Map<string, string> = new Map()
  #operators: JobShortfall['operators']

  constructor(tasks: number) {
    this.#tasks = tasks
  }

  get progress(): JobProgress {
    let paidMicroUsd = 0n
    for (const amount of this.#paid.values()) paidMicroUsd += amount
    return {
      tasks: this.#tasks,
      placed: this.#placed.size,
      running: this.#deliveries.size,
      agreed: this.#agreed,
      unfinished: this.#unfinished,
      paidMicroUsd,
    }
  }

  get shortfall(): JobShortfall {
    return { operators: this.#operators, why: this.#why }
  }

  /** Takes the next event; gives a line where it is one that a person should read. */
  take(event: JobEvent): string | undefined {
    const { type, task, node, reason, details } = event
    const delivery = textOf(details.delivery)
    if (type === 'submitted') this.#tasks = Number(details.tasks ?? this.#tasks)
    if (type === 'placed') {
      if (task !== undefined) this.#placed.add(task)
      this.#deliveries.add(delivery)
    }
    if (type === 'answered' || type === 'lost' || type === 'rejected') this.#deliveries.delete(delivery)
    if (type === 'agreed') this.#agreed += 1
    if (type === 'unfinished') {
      this.#unfinished += 1
      if (reason !== undefined && !this.#why.has(reason)) this.#why.set(reason, textOf(details.detail))
    }
    if (type === 'problem' && details.code === 'COMPUTE_FEWER_OPERATORS') this.#operators = operatorsOf(details.details)
    if (type === 'paid' && node !== undefined) {
      this.#paid.set(textOf(details.channel), BigInt(textOf(details.paidMicroUsd) || '0'))
    }
    if (type === 'finished') this.#deliveries.clear()
    return noticeOf(event)
  }
}

function operatorsOf(details: unknown): JobShortfall['operators'] {
  if (typeof details !== 'object' || details === null) return undefined
  const { needOperators: need, haveOperators: have } = details as Readonly<Record<string, unknown>>
  return typeof need === 'number' && typeof have === 'number' ? { need, have } : undefined
}

/** Events that are news to a person, as a sentence; the others only move the counts. */
function noticeOf({ type, task, node, reason, details }: JobEvent): string | undefined {
  switch (type) {
    case 'matched':
      return matchedText(Number(details.matching ?? 0), details.excluded)
    case 'resumed':
      return 'the node was started again; the job goes on where it was'
    case 'disagreed':
      return `${node} gave another result for ${task} than the others (${reason}); it is not paid for it`
    case 'strict':
      return `nodes differ on ${task}, perhaps in NaN bits only: nobody is blamed, they are asked again with strict floats (stead run --strict-floats asks for them at once)`
    case 'rejected':
      return `${node} is not paid for ${task}: ${reason}, ${textOf(details.detail)}`
    case 'node':
      return `${node} ${NODE_STATES[textOf(details.state)] ?? textOf(details.state)}: ${reason}`
    case 'problem':
      return `${textOf(details.message)} (${textOf(details.code)}); next: ${textOf(details.next)}`
    default:
      return undefined
  }
}

const NODE_STATES: Readonly<Record<string, string>> = {
  'backed-off': 'gets no work for a while',
  dropped: 'gets no more work',
  cleared: 'may get work again',
}

/** `12 match; 3 rtt; 1 price`. */
function matchedText(matching: number, excluded: unknown): string {
  const reasons = typeof excluded === 'object' && excluded !== null ? Object.entries(excluded) : []
  return [`${matching} nodes match`, ...reasons.map(([reason, count]) => `${String(count)} excluded: ${reason}`)].join(
    '; ',
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : String(value)
}

/** The progress in one line. */
export function progressLine(progress: JobProgress): string {
  const { tasks, placed, running, agreed, unfinished, paidMicroUsd } = progress
  const lost = unfinished === 0 ? '' : ` · ${unfinished} unfinished`
  return `${placed}/${tasks} placed · ${running} running · ${agreed} agreed · ${formatMicroUsd(paidMicroUsd)} paid${lost}`
}

/** `need 9 operators, have 5`, or what the node says about the cost cap; undefined where neither was the reason. */
export function shortfallText({ operators, why }: JobShortfall): string | undefined {
  if (why.has('fewer-operators') && operators !== undefined)
    return `need ${operators.need} operators, have ${operators.have}`
  return why.get('fewer-operators') ?? why.get('cost-cap')
}
