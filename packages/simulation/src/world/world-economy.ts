import type { Address } from '@stead/core'
import { signNodeConsent } from '@stead/protocol'
import { MemoryChain, type SeededRandom } from '@stead/testkit'
import { BLOCK_MS, CHEAT_DEPOSITS, HONEST_DEPOSITS } from './epoch-terms.ts'
import { LotBuyer } from './lot-buyer.ts'
import type { SimNode } from './sim-node.ts'
import type { WorldParts } from './world-parts.ts'

const GAS_WEI = 10n ** 20n
/** Governance changes κ for lots that are sold later, at most so far apart. */
const KAPPA_MS_MAX = 300_000
const KAPPAS_BPS = [1000, 5000, 8000, 9000] as const

/** What came of the epochs of a world. */
export interface EconomyCounts {
  readonly roots: number
  readonly lots: number
  readonly rewards: number
  readonly expelled: number
}

/** What epochs need beside the nodes: bonds, blocks that are made without transactions, somebody who buys fees. */
export class WorldEconomy {
  readonly buyer: LotBuyer
  readonly #parts: WorldParts
  readonly #bonded: readonly SimNode[]
  readonly #random: SeededRandom

  constructor(parts: WorldParts, nodes: readonly SimNode[]) {
    this.#parts = parts
    this.#bonded = nodes.filter(({ plan }) => plan.epochs !== undefined)
    this.#random = parts.streams.stream('governance')
    this.buyer = new LotBuyer({ ...parts, random: parts.streams.stream('lots') })
  }

  /** Token units that were given out of nothing at the beginning. */
  get givenTokenUnits(): bigint {
    return this.#bonded.reduce((sum, node) => sum + giftOf(node), this.buyer.givenTokenUnits)
  }

  /** Every account that may hold tokens or dollars beside those of the contracts. */
  get accounts(): readonly Address[] {
    return [this.buyer.account, ...this.#bonded.flatMap(({ plan }) => [plan.signer.address, plan.operator])]
  }

  get counts(): EconomyCounts {
    const { contracts, blocks } = this.#parts.ledger
    const all = { fromBlock: 0, toBlock: blocks.head.number }
    const count = (kind: 'final' | 'lots' | 'rewards'): number => contracts.events.of(kind, all).length
    const expelled = this.#bonded.filter(({ plan }) => contracts.stake.isExpelled(plan.signer.address)).length
    return { roots: count('final'), lots: count('lots'), rewards: count('rewards'), expelled }
  }

  /** Bonds the nodes, then lets time make blocks. */
  async start(): Promise<void> {
    for (const node of this.#bonded) await this.#bond(node)
    this.#mine()
    this.#govern()
    await this.buyer.start()
  }

  async #bond(node: SimNode): Promise<void> {
    const { ledger } = this.#parts
    const { signer, operator, epochs } = node.plan
    ledger.give(signer.address, { gasWei: GAS_WEI })
    ledger.give(operator, { tokenUnits: giftOf(node) })
    const chain = new MemoryChain(ledger, operator)
    await chain.start()
    const consent = signNodeConsent(signer, operator, ledger.identity)
    await chain.economy().bond(signer.address, epochs?.stakeTokenUnits ?? 0n, consent)
    await chain.stop()
  }

  #govern(): void {
    const { scheduler, ledger } = this.#parts
    const draw = (): number => this.#random.fraction()
    scheduler.at(scheduler.nowMs + draw() * KAPPA_MS_MAX, () => {
      ledger.setKappaBps(KAPPAS_BPS[Math.floor(draw() * KAPPAS_BPS.length)] ?? KAPPAS_BPS[0])
      this.#govern()
    })
  }

  #mine(): void {
    const { scheduler, ledger } = this.#parts
    scheduler.at(scheduler.nowMs + BLOCK_MS, () => {
      ledger.mine()
      this.#mine()
    })
  }
}

function giftOf({ plan, isHonest }: SimNode): bigint {
  return (plan.epochs?.stakeTokenUnits ?? 0n) + (isHonest ? HONEST_DEPOSITS : CHEAT_DEPOSITS)
}
