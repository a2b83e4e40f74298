import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { checkBonds } from './epoch-checks.ts'
import { checkTokens } from './reward-checks.ts'
import type { Violations } from './violations.ts'

/** Timers that one node may have waiting: a few for each request, channel and task in flight. */
const TIMERS_MAX = 20_000
/** Rows on a node's disk: receipts and histories of the jobs of a run. */
const ROWS_PER_MINUTE_MAX = 20_000
const MINUTE_MS = 60_000

/** What holds at every moment, looked at each simulated second. */
export class RunningChecks {
  readonly #world: World
  readonly #violations: Violations
  /** The newest offer of each node that a payer in one of its lives has seen. */
  readonly #sequences: Map<string, number> = new Map()

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
    if (this.#world.economy === undefined) return
    checkTokens(this.#world, this.#violations)
    checkBonds(this.#world, this.#violations)
  }

  #checkSizes(node: SimNode, rowsMax: number): void {
    const { timers, rows } = node.sizes()
    const { name, concurrency } = node.plan
    this.#violations.check(timers <= TIMERS_MAX, 'timers-bounded', () => `${name} has ${timers} timers waiting`, [name])
    this.#violations.check(rows <= rowsMax, 'rows-bounded', () => `${name} has ${rows} rows on its disk`, [name])
    const running = node.provider?.compute.status().running ?? 0
    this.#violations.check(
      running <= concurrency,
      'runs-bounded',
      () => `${name} runs ${running} tasks at once, it has room for ${concurrency}`,
      [name],
    )
  }

  /** Offers that an honest payer believes are of their nodes, and never older than what it knew. */
  #checkOffers({ plan, payer, lives }: SimNode): void {
    for (const { offer, peer } of payer?.offers.list('compute') ?? []) {
      const seller = this.#world.nodes.find((node) => node.plan.signer.address === offer.node)
      const isGenuine = seller?.plan.peer === peer && (!seller.isHonest || seller.plan.operator === offer.operator)
      this.#violations.check(
        isGenuine,
        'offers-genuine',
        () => `${plan.name} believes an offer of ${seller?.plan.name ?? offer.node} that it never made`,
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

  /** No dollar is made and none is lost: purses, debts to operators, fees and accounts add up to what was given. */
  #checkMoney(): void {
    const { ledger } = this.#world.parts
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

function namesIn(world: World, text: string): readonly string[] {
  return world.nodes.map(({ plan }) => plan.name).filter((name) => text.startsWith(`${name} `))
}
