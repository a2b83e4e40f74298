import { type Hash, hasCode, hash, isSteadError, microUsd, type Signer } from '@stead/core'
import { createSigner, nobleSecp256k1, signNodeConsent, signStatement } from '@stead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTestPurse, ManualClock, MemoryChain, type MemoryEconomy, MemoryLedger } from '../src/index.ts'

const TOKEN = 10n ** 18n
const UTILITY = hash(`0x${'a1'.repeat(32)}`)
const COVERAGE = hash(`0x${'c0'.repeat(32)}`)
const ECONOMY = {
  epochSeconds: 100,
  challengeSeconds: 50,
  decisionSeconds: 50,
  programs: [
    { id: UTILITY, source: 'minted' as const },
    { id: COVERAGE, source: 'sponsored' as const },
  ],
}
const ACTORS = 3

let made = 0
const newSigner = (): Signer => {
  const key = new Uint8Array(32).fill(0x19)
  new DataView(key.buffer).setUint32(0, ++made)
  return createSigner(nobleSecp256k1, key)
}
const newSalt = (): Hash => hash(`0x${(++made).toString(16).padStart(64, '0')}`)

interface Actor {
  readonly chain: MemoryChain
  readonly economy: MemoryEconomy
  readonly node: Signer
}

/** One thing that an actor tries, with a number that it may use. */
interface Step {
  readonly who: number
  readonly move: keyof typeof MOVES
  readonly number: number
}

/** Accounts on one chain that do what they like; much of it is refused. */
class Scene {
  readonly ledger: MemoryLedger = new MemoryLedger({ clock: new ManualClock() }, { economy: ECONOMY })
  readonly actors: Actor[] = []

  async start(): Promise<this> {
    for (let count = 0; count < ACTORS; count++) {
      const { address } = newSigner()
      this.ledger.give(address, { dollarMicroUsd: 10n ** 9n, gasWei: 10n ** 20n, tokenUnits: 100_000n * TOKEN })
      const chain = new MemoryChain(this.ledger, address)
      await chain.start()
      this.actors.push({ chain, economy: chain.economy(), node: newSigner() })
    }
    return this
  }

  actor(who: number): Actor {
    const actor = this.actors[who % ACTORS]
    if (actor === undefined) throw new TypeError('no actors')
    return actor
  }

  get dollars(): bigint {
    return this.ledger.contracts.dollars.supply
  }

  /** Everything that an account could notice. */
  async shown(): Promise<unknown> {
    const { economy } = this.actor(0)
    const accounts = this.actors.map(async ({ chain, node, economy: own }) => [
      (await chain.balances(chain.account)).dollarMicroUsd,
      await own.tokenBalance(chain.account),
      await own.bondOf(node.address),
      await own.rewardOf(UTILITY, chain.account),
      await own.rewardOf(COVERAGE, chain.account),
      await chain.owedMicroUsd(chain.account),
    ])
    return [await Promise.all(accounts), await economy.proposal(), await economy.finalRoot(), this.ledger.blocks.head]
  }
}

const resultOf = (number: number) => ({
  root: hash(`0x${(number % 2).toString().repeat(64)}`),
  evidence: hash(`0x${'e'.repeat(64)}`),
})
const units = (number: number): bigint => BigInt(number) * TOKEN

const MOVES = {
  pass: async (scene: Scene, _: Actor, number: number) => scene.ledger.passSeconds(number % 120),
  pay: async ({ ledger, actors }: Scene, { chain }: Actor, number: number) => {
    const to = actors[number % ACTORS]
    if (to === undefined) throw new TypeError('no actors')
    const allocationMicroUsd = microUsd(BigInt(1 + number * 7919))
    const leaf = { node: to.node.address, operator: to.chain.account, allocationMicroUsd }
    const parties = { payer: chain.account, voucherKey: newSigner(), salt: newSalt() }
    const purse = buildTestPurse(ledger.identity, parties, [leaf])
    await chain.fund(purse)
    await chain.claim([purse.claimOf(0, allocationMicroUsd)])
  },
  payout: (_: Scene, { chain }: Actor) => chain.payout(chain.account),
  bond: ({ ledger }: Scene, { chain, economy, node }: Actor, number: number) =>
    economy.bond(node.address, units(number), signNodeConsent(node, chain.account, ledger.identity)),
  unbond: (_: Scene, { economy, node }: Actor, number: number) => economy.unbond(node.address, units(number)),
  withdraw: (_: Scene, { economy, node }: Actor) => economy.withdraw(node.address),
  lie: (scene: Scene, { economy }: Actor, number: number) => {
    const { node } = scene.actor(number)
    const slot = newSalt()
    const [first, second] = [signStatement(node, slot, newSalt()), signStatement(node, slot, newSalt())]
    return economy.reportEquivocation(slot, first, second)
  },
  buy: async (_: Scene, { economy }: Actor, number: number) => {
    const { lot, costTokenUnits } = await economy.lotForSale()
    return economy.buyLot(lot, costTokenUnits - BigInt(number % 2))
  },
  propose: (_: Scene, { economy, node }: Actor, number: number) =>
    economy.propose(number % 4, resultOf(number), node.address),
  challenge: async (_: Scene, { economy, node }: Actor, number: number) =>
    economy.challenge((await economy.proposal())?.attempt ?? 0, resultOf(number), node.address),
  finalize: async (_: Scene, { economy }: Actor) => economy.finalize((await economy.proposal())?.attempt ?? 0),
  drop: async (_: Scene, { economy }: Actor) => economy.drop((await economy.proposal())?.attempt ?? 0),
  accrue: (_: Scene, { chain, economy }: Actor, number: number) => economy.accrue(chain.account, [number % 4]),
  claim: (_: Scene, { chain, economy }: Actor, number: number) =>
    economy.claimReward({ program: UTILITY, operator: chain.account, cumulative: units(number), proof: [] }),
  sponsor: (_: Scene, { economy }: Actor, number: number) => economy.sponsor(COVERAGE, microUsd(BigInt(number))),
}

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(ACTORS - 1),
  move: fc.constantFrom(...(Object.keys(MOVES) as (keyof typeof MOVES)[])),
  number: fc.nat(5000),
})

describe('value in a simulated economy', () => {
  it('comes and goes by the rules alone, and what is refused changes nothing', async () => {
    const run = async (steps: readonly Step[]): Promise<void> => {
      const scene = await new Scene().start()
      for (const { who, move, number } of steps) {
        const before = await scene.shown()
        try {
          // The chain checks all its books after each transaction.
          await MOVES[move](scene, scene.actor(who), number)
        } catch (error) {
          if (!isSteadError(error)) throw error
          if (move !== 'pay') expect(await scene.shown()).toEqual(before)
        }
        expect(scene.dollars).toBe(BigInt(ACTORS) * 10n ** 9n)
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), run), { numRuns: 60 })
  }, 60_000)

  it('that is taken past the rules is missed after the next transaction', async () => {
    for (const thief of ['stake', 'escrow', 'rewards'] as const) {
      const scene = await new Scene().start()
      const { ledger } = scene
      const { chain, economy, node } = scene.actor(0)
      await MOVES.bond(scene, scene.actor(0), 2000)
      await MOVES.pay(scene, scene.actor(0), 3)
      await economy.sponsor(COVERAGE, microUsd(5n))
      const { tokens, dollars, rewardsAddress } = ledger.contracts
      if (thief === 'stake') tokens.move(ledger.identity.stake, chain.account, 1n)
      if (thief === 'escrow') dollars.move(ledger.identity.escrow, chain.account, 1n)
      if (thief === 'rewards') dollars.move(rewardsAddress, chain.account, 1n)
      await expect(economy.unbond(node.address, TOKEN)).rejects.toThrow(TypeError)
    }
  })

  it('is where it was when an adapter is cut off, or an answer is lost', async () => {
    const scene = await new Scene().start()
    const { ledger } = scene
    const [left, right] = [scene.actor(0), scene.actor(1)]
    left.chain.setCutOff(true)
    await expect(left.economy.tokenBalance(left.chain.account)).rejects.toSatisfy((error) =>
      hasCode(error, 'CHAIN_UNREACHABLE'),
    )
    await MOVES.bond(scene, right, 10)
    left.chain.setCutOff(false)
    expect((await left.economy.bondOf(right.node.address)).bondedTokenUnits).toBe(10n * TOKEN)
    ledger.setOutage('answers-lost')
    await expect(MOVES.bond(scene, right, 10)).rejects.toThrow('lost the answer')
    ledger.setOutage('none')
    expect((await right.economy.bondOf(right.node.address)).bondedTokenUnits).toBe(20n * TOKEN)
  })
})
