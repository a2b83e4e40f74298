import { type Address, messageOf } from '@stead/core'
import type { OfferEntry } from '@stead/market'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { checkBonds } from './epoch-checks.ts'
import { checkTokens } from './reward-checks.ts'
import { checkRunningJobs } from './running-job-checks.ts'
import type { Violations } from './violations.ts'

/**
 * Timers that one node may have waiting, a few for each request, channel and task in flight: three times the most that
 * hundreds of worlds had, and one more for each node.
 */
const TIMERS_MAX = 500
/** Rows on a node's disk, receipts and histories of the jobs of a run: three times the most that hundreds of worlds had. */
const ROWS_PER_MINUTE_MAX = 2000
const MINUTE_MS = 60_000
/** Looks between two at every structure: there are thousands in a large world. */
const LOOKS_PER_STRUCTURES = 10
/** Looks between two at the offers that one payer knows: what a node believes of another it believes for minutes. */
const LOOKS_PER_OFFERS = 5

interface KnownOffers {
  readonly newest: Map<Address, OfferEntry>
  readonly entries: readonly OfferEntry[]
}

/** What holds at every moment, looked at each simulated second. */
export class RunningChecks {
  readonly #world: World
  readonly #violations: Violations
  #looks = 0
  readonly #sellers: ReadonlyMap<Address, SimNode>
  readonly #accounts: ReadonlySet<Address>
  /** What a payer in one of its lives has seen: the newest offer of each node, and all at last. */
  readonly #known: WeakMap<LivePayer, KnownOffers> = new WeakMap()

  constructor(world: World, violations: Violations) {
    this.#world = world
    this.#violations = violations
    this.#sellers = new Map(world.nodes.map((node) => [node.plan.signer.address, node]))
    this.#accounts = new Set(world.nodes.flatMap(({ plan }) => [plan.operator, plan.signer.address]))
  }

  look(): void {
    const { scheduler } = this.#world.parts
    this.#violations.checkNone('no-own-fault', this.#world.bugs, (bug) => ({
      what: bug,
      who: namesIn(this.#world, bug),
    }))
    for (const [place, node] of this.#world.payers.entries())
      if (place % LOOKS_PER_OFFERS === this.#looks % LOOKS_PER_OFFERS) this.#checkOffers(node)
    this.#checkMoney()
    checkRunningJobs(this.#world, this.#violations)
    this.#checkStorageDocuments()
    if (this.#world.economy !== undefined) {
      checkTokens(this.#world, this.#violations)
      checkBonds(this.#world, this.#violations)
    }
    if (this.#looks++ % LOOKS_PER_STRUCTURES !== 0) return
    const rowsMax = ROWS_PER_MINUTE_MAX * (1 + scheduler.nowMs / MINUTE_MS)
    for (const node of this.#world.nodes) {
      if (!node.isHonest) continue
      this.#checkSizes(node, rowsMax)
      this.#checkStructures(node)
    }
  }

  #checkStorageDocuments(): void {
    const { storageWitness, careWitness } = this.#world.parts
    for (const [rule, faults] of [...storageWitness.looked, ...careWitness.looked])
      this.#violations.checkNone(rule, faults, ({ what, payer, node }) => ({
        what,
        who: namesOf(this.#world, [payer, node]),
      }))
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
    const timersMax = TIMERS_MAX + this.#world.nodes.length
    this.#violations.check(timers <= timersMax, 'timers-bounded', () => `${name} has ${timers} timers waiting`, [name])
    this.#violations.check(rows <= rowsMax, 'rows-bounded', () => `${name} has ${rows} rows on its disk`, [name])
  }

  /** Offers that an honest payer believes are of their nodes, and never older than what it knew. */
  #checkOffers({ plan, payer }: SimNode): void {
    if (payer === undefined) return
    const entries = payer.offers.list('compute')
    const known = this.#known.get(payer) ?? { newest: new Map<Address, OfferEntry>(), entries: [] }
    this.#known.set(payer, { newest: known.newest, entries })
    // A list is another one after any change, and so is an entry.
    if (entries === known.entries) return
    for (const entry of entries) {
      const before = known.newest.get(entry.offer.node)
      if (entry === before) continue
      this.#checkOffer(plan.name, entry, before?.offer.sequence ?? 0)
      known.newest.set(entry.offer.node, entry)
    }
  }

  #checkOffer(name: string, { offer, peer }: OfferEntry, before: number): void {
    const seller = this.#sellers.get(offer.node)
    // A key that a cheat made up is nobody's; nothing is said in another's name with it.
    const isGenuine =
      seller === undefined ||
      (seller.plan.peer === peer && (!seller.isHonest || seller.plan.operator === offer.operator))
    this.#violations.check(
      isGenuine,
      'offers-genuine',
      () => `${name} believes an offer of ${seller?.plan.name ?? offer.node} that it never made`,
      [name],
    )
    this.#violations.check(
      offer.sequence >= before,
      'offers-newest',
      () => `${name} took offer ${offer.sequence} of ${seller?.plan.name} after ${before}`,
      [name],
    )
  }

  /** No dollar, token or stake is made and none is lost, whichever fork wins: purses, debts to operators, fees and accounts add up to what was given. */
  #checkMoney(): void {
    const { ledger } = this.#world.parts
    const fault = faultIn(() => ledger.state.check())
    this.#violations.check(fault === undefined, 'value-conserved', () => fault ?? '', [])
    let sum: bigint = ledger.escrow.heldMicroUsd
    const others = this.#world.economy?.accounts ?? []
    for (const account of new Set([...this.#accounts, ...others])) sum += ledger.balances(account).dollarMicroUsd
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

function namesOf(world: World, nodes: readonly Address[]): readonly string[] {
  return world.nodes.filter(({ plan }) => nodes.includes(plan.signer.address)).map(({ plan }) => plan.name)
}

function namesIn(world: World, text: string): readonly string[] {
  return world.nodes
    .map(({ plan }) => plan.name)
    .filter((name) => text.startsWith(`${name} `) || text.startsWith(`${name}:`))
}
