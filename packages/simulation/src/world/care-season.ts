import type { Address } from '@stead/core'
import { hasCode, isSteadError, messageOf } from '@stead/core'
import type { RandomStreams } from '../engine/random-streams.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Tally } from '../engine/tally.ts'
import type { Trace } from '../engine/trace.ts'
import { type CarePlan, drawCarePlan } from './care-terms.ts'
import type { SimNode } from './sim-node.ts'

/** What a season stands on. */
export interface CareSeasonComponents {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly tally: Tally
  readonly streams: RandomStreams
  /** Nodes that sell care. */
  readonly caretakers: readonly SimNode[]
  /** Brings a node back. */
  readonly restart: (node: SimNode) => void
}

/** An honest payer that has somebody look after what it keeps. */
export interface CaredPayer {
  readonly node: SimNode
  readonly caretaker: SimNode
  readonly plan: CarePlan
}

/** Payers appoint caretakers in so long. */
const APPOINT_MS_MAX = 60_000
const AGAIN_MS = 10_000

/** Payers that appoint a caretaker, go away when they please, and come back. */
export class CareSeason {
  readonly all: readonly CaredPayer[]
  readonly #components: CareSeasonComponents
  readonly #appointed: Set<SimNode> = new Set()
  /** Whose last attempt has failed. */
  readonly #idle: Set<SimNode> = new Set()
  readonly #absences: Map<SimNode, number> = new Map()

  /** @param payers honest ones @param faultMinutes of the world */
  constructor(components: CareSeasonComponents, payers: readonly SimNode[], faultMinutes: number) {
    this.#components = components
    const { streams, caretakers } = components
    this.all = payers.flatMap((node) => {
      const random = streams.stream(`${node.plan.name} care`)
      const plan = drawCarePlan(random, faultMinutes)
      const caretaker = caretakers[Math.floor(random.fraction() * caretakers.length)]
      return caretaker === undefined ? [] : [{ node, caretaker, plan }]
    })
  }

  /** Payers with a caretaker that took what they handed over. */
  get appointed(): readonly CaredPayer[] {
    return this.all.filter(({ node }) => this.#appointed.has(node))
  }

  /** How a payer uses its caretaker; undefined for one that has none. */
  of(payer: Address): CaredPayer | undefined {
    return this.all.find(({ node }) => node.plan.signer.address === payer)
  }

  /** Whether a payer let its nodes give up what they kept for it. */
  wasGivenUp(payer: Address): boolean {
    const cared = this.of(payer)
    return cared?.plan.isGivenUp === true && this.absencesOf(cared.node) > 0
  }

  /** How often a payer was away. */
  absencesOf(node: SimNode): number {
    return this.#absences.get(node) ?? 0
  }

  start(): void {
    const { scheduler, streams } = this.#components
    for (const cared of this.all) {
      const random = streams.stream(`${cared.node.plan.name} appoints`)
      scheduler.at(scheduler.nowMs + random.fraction() * APPOINT_MS_MAX, () => this.#tryAgain(cared, 0))
    }
  }

  /** Until somebody is appointed; what a process that died was at does not come to an end. @param life that is at it */
  #tryAgain(cared: CaredPayer, life: number): void {
    const { scheduler } = this.#components
    const { node } = cared
    if (this.#appointed.has(node)) return
    if (node.lives !== life || this.#idle.delete(node)) void this.#appoint(cared)
    const { lives } = node
    scheduler.at(scheduler.nowMs + AGAIN_MS, () => this.#tryAgain(cared, lives))
  }

  /** A payer's process ends; nobody says so to anybody. */
  leave({ node, plan }: CaredPayer): void {
    const { trace, scheduler, tally } = this.#components
    tally.add('absences')
    trace.tell(scheduler.nowMs, node.plan.name, `goes away for ${Math.round(plan.awayMs / 1000)} s`)
    this.#absences.set(node, 1 + this.absencesOf(node))
    node.crash('kill', 0)
  }

  /** Its process dies soon after it came back. */
  die({ node }: CaredPayer): void {
    const { trace, scheduler } = this.#components
    trace.tell(scheduler.nowMs, node.plan.name, 'dies before it has told all')
    node.crash('kill', 0)
  }

  /** It is there again. */
  comeBack({ node }: CaredPayer): void {
    const { trace, scheduler, restart } = this.#components
    trace.tell(scheduler.nowMs, node.plan.name, 'comes back')
    restart(node)
  }

  async #appoint(cared: CaredPayer): Promise<void> {
    const { scheduler, trace } = this.#components
    const { node, caretaker, plan } = cared
    const { name } = node.plan
    const storage = node.payer?.storage
    try {
      if (storage !== undefined) {
        const { budgetMicroUsd, perDayMicroUsd } = plan
        const wish = { node: caretaker.plan.signer.address, budgetMicroUsd, perDayMicroUsd }
        // The process may have ended after it was noted.
        if (storage.consumer.care.appointed === undefined) await storage.consumer.care.appoint(wish)
        this.#appointed.add(node)
        trace.tell(scheduler.nowMs, name, `is looked after by ${caretaker.plan.name}`)
        return
      }
    } catch (error) {
      if (!isSteadError(error)) throw error
      const what = hasCode(error, 'STORAGE_CARE_NOT_OFFERED') ? error.code : messageOf(error)
      trace.tell(scheduler.nowMs, name, `could not appoint a caretaker: ${what}`)
    }
    this.#idle.add(node)
  }
}
