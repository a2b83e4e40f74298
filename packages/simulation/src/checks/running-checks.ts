import { messageOf } from '@stead/core'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { checkBonds } from './epoch-checks.ts'
import { checkTokens } from './reward-checks.ts'
import type { Violations } from './violations.ts'

/** Timers that one node may have waiting: a few for each request, channel and task in flight. */
const TIMERS_MAX = 3000
/** Rows on a node's disk: receipts and histories of the jobs of a run. */
const ROWS_PER_MINUTE_MAX = 5000
const MINUTE_MS = 60_000
/** Looks between two at every structure: there are thousands in a large world. */
const LOOKS_PER_STRUCTURES = 10

/** What holds at every moment, looked at each simulated second. */
export class RunningChecks {
  readonly #world: World
  readonly #violations: Violations
  /** The newest offer of each node that a payer in one of its lives has seen. */
  readonly #sequences: Map<string, number> = new Map()
  #looks = 0

  constructor(world: World, violations: Violations) {
    this.#world = world
    this.#violations = violations
  }

  look(): void {
    const { scheduler } = this.#world.parts
    for (const bug of this.#world.bugs)
      this.#violations.check(false, 'no-own-fault', () => bug, namesIn(this.#world, bug))
    const rowsMax = ROWS_PER_MINUTE_MAX * (1 + scheduler.nowMs / MINUTE_MS)
    for (const node of this.#world.nodes) if (node.isHonest) this.#checkSizes(node, rowsMax)
    for (const node of this.#world.payers) this.#checkOffers(node)
    this.#checkMoney()
    if (this.#world.economy !== undefined) {
      checkTokens(this.#world, this.#violations)
      checkBonds(this.#world, this.#violations)
    }
    if (this.#looks++ % LOOKS_PER_STRUCTURES === 0)
      for (const node of this.#world.nodes) if (node.isHonest) this.#checkStructures(node)
  }

  #checkStructures(node: SimNode): void {
    const { name } = node.plan
    for (const { what, have, max } of node.structures())
      this.#violations.check(
        have <= max,
        'structures-bounded',
        () => `${name} holds ${have} ${what}, at most ${max} are allowed`,
        [name],
      )
  }

  #checkSizes(node: SimNode, rowsMax: number): void {
    const { timers, rows } = node.sizes()
    const { name } = node.plan
    this.#violations.check(timers <= TIMERS_MAX, 'timers-bounded', () => `${name} has ${timers} timers waiting`, [name])
    this.#violations.check(rows <= rowsMax, 'rows-bounded', () => `${name} has ${rows} rows on its disk`, [name])
  }

  /** Offers that an honest payer believes are of their nodes, and never older than what it knew. */
  #checkOffers({ plan, payer, lives }: SimNode): void {
    for (const { offer, peer } of payer?.offers.list('compute') ?? []) {
      const seller = this.#world.nodes.find((node) => node.plan.signer.address === offer.node)
      // A key that a cheat made up is nobody's; nothing is said in another's name with it.
      const isGenuine =
        seller === undefined ||
        (seller.plan.peer === peer && (!seller.isHonest || seller.plan.operator === offer.operator))
      this.#violations.check(
        isGenuine,
        'offers-genuine',
        () => `${plan.name} believes an offer of ${seller?.plan.name} that it never made`,
        [plan.name],
      )
      const key = `${plan.name}/${lives}/${offer.node}`
      const before = this.#sequences.get(key) ?? 0
      this.#violations.check(
        offer.sequence >= before,
        'offers-newest',
        () => `${plan.name} took offer ${offer.sequence} of ${seller?.plan.name} after ${before}`,
        [plan.name],
      )
      this.#sequences.set(key, Math.max(before, offer.sequence))
    }
  }

  /** No dollar, token or stake is made and none is lost, whichever fork wins: purses, debts to operators, fees and accounts add up to what was given. */
  #checkMoney(): void {
    const { ledger } = this.#world.parts
    const fault = faultIn(() => ledger.state.check())
    this.#violations.check(fault === undefined, 'value-conserved', () => fault ?? '', [])
    let sum: bigint = ledger.escrow.heldMicroUsd
    const nodes = this.#world.nodes.flatMap(({ plan }) => [plan.operator, plan.signer.address])
    const accounts = new Set([...nodes, ...(this.#world.economy?.accounts ?? [])])
    for (const account of accounts) sum += ledger.balances(account).dollarMicroUsd
    const given = this.#world.givenMicroUsd
    this.#violations.check(
      sum === given,
      'value-conserved',
      () => `there are ${sum} micro-dollars, ${given} were given`,
      [],
    )
  }
}

function faultIn(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function namesIn(world: World, text: string): readonly string[] {
  return world.nodes.map(({ plan }) => plan.name).filter((name) => text.startsWith(`${name} `))
}
