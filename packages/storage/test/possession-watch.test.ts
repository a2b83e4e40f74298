import {
  type Address,
  address,
  type PossessionChallenge,
  type SignedRevision,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { hexToBytes } from '@stead/protocol'
import { type AgreementDriver, BLOCK_BYTES, ChallengeWatch, encodePossessionAnswer, ProofTree } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { provePossession } from '../src/provider/prove-possession.ts'
import { failure, MemoryAdjudicator } from './support/memory-adjudicator.ts'
import { hasher, pieceOf, TradeWorld } from './support/trade-world.ts'

const OPERATOR: Address = address(`0x${'0f'.repeat(20)}`)
const STRANGER: Address = address(`0x${'bb'.repeat(20)}`)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** A node that keeps three pieces and faces challenges. */
class Court {
  readonly world: TradeWorld
  readonly chain: MemoryAdjudicator
  readonly channel: PayerChannel
  readonly driver: AgreementDriver
  readonly warnings: string[] = []
  watch: ChallengeWatch
  #hasOperatorKey = true

  static async of(): Promise<Court> {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1), pieceOf(2, 70_000), pieceOf(3))
    const court = new Court(world, channel, driver)
    await court.watch.start()
    return court
  }

  constructor(world: TradeWorld, channel: PayerChannel, driver: AgreementDriver) {
    this.world = world
    this.channel = channel
    this.driver = driver
    this.chain = new MemoryAdjudicator(world.clock)
    this.chain.operator = OPERATOR
    this.chain.expectedProof = (challenge) => this.#proofOf(challenge)
    this.watch = this.#newWatch()
  }

  withoutOperatorKey(): void {
    this.#hasOperatorKey = false
  }

  #newWatch(): ChallengeWatch {
    const { clock, nodeKey, nodeStore, node } = this.world
    const self = nodeKey.signer.address
    return new ChallengeWatch(
      {
        node: self,
        adjudicator: this.chain.of(self),
        operator: this.#hasOperatorKey ? this.chain.of(OPERATOR) : undefined,
        chain: { operatorOf: async () => OPERATOR, blockTime: async () => this.chain.now() },
        answerTo: (agreement, seed) => node.storage.answerTo(agreement, seed),
        store: nodeStore,
        clock,
        logger: { ...silentLogger, warn: (message) => void this.warnings.push(message) },
        metrics: silentMetrics,
      },
      { deployedAtBlock: 0 },
    )
  }

  /** The node's process dies and comes back. */
  async restart(): Promise<void> {
    await this.watch.stop()
    await this.world.restartNode()
    this.watch = this.#newWatch()
    await this.watch.start()
  }

  revision(): SignedRevision {
    const { signed } = this.driver
    if (signed === undefined) throw new TypeError('nothing is signed')
    return signed
  }

  announce(revision: SignedRevision = this.revision()): Promise<{ readonly challenge: bigint }> {
    return this.chain.of(STRANGER).announce(revision)
  }

  pass(ms: number): Promise<void> {
    return this.world.clock.advance(ms)
  }

  state(): string | undefined {
    return this.watch.status().challenges[0]?.state
  }

  end(): string | undefined {
    return this.chain.challenges[0]?.end?.kind
  }

  /** By the payer's own copy of the pieces. */
  async #proofOf({ drawn }: PossessionChallenge): Promise<Uint8Array> {
    if (drawn === undefined) throw new TypeError('no seed')
    const proveLeaf = async (piece: string, index: number) => {
      const found = [pieceOf(1), pieceOf(2, 70_000), pieceOf(3), pieceOf(4)].find((each) => each.piece === piece)
      if (found === undefined) throw new TypeError('no such piece')
      const block = Math.floor((index * 32) / BLOCK_BYTES) * BLOCK_BYTES
      return ProofTree.of(hasher, found.bytes).proveLeaf(index, found.bytes.subarray(block, block + BLOCK_BYTES))
    }
    return encodePossessionAnswer(await provePossession({ set: this.driver.set, proveLeaf }, hexToBytes(drawn.seed)))
  }
}

describe('a node that is asked on chain', () => {
  it('draws the seed that nobody draws, answers once, and tells how it ended', async () => {
    const court = await Court.of()
    const { challenge } = await court.announce()
    await court.pass(2 * MINUTE_MS)
    expect(court.watch.status().challenges).toMatchObject([{ number: challenge, state: 'waiting' }])
    await court.pass(10 * MINUTE_MS)
    expect(court.end()).toBe('answered')
    expect(court.chain.calls).toEqual(['announce', 'draw', 'answer'])
    expect(court.watch.status().challenges).toMatchObject([{ state: 'answered', gasUsed: 200_000n }])
  })

  it('answers after an outage of most of the day, and has warned of it', async () => {
    const court = await Court.of()
    const { challenge } = await court.announce()
    await court.pass(3 * MINUTE_MS)
    await court.chain.of(STRANGER).draw(challenge)
    let isDown = true
    court.chain.fault = () => {
      if (isDown) throw failure('CHAIN_UNREACHABLE')
    }
    await court.pass(20 * HOUR_MS)
    expect(court.watch.status()).toMatchObject({ fault: 'CHAIN_UNREACHABLE', challenges: [{ state: 'offline' }] })
    expect(court.warnings.filter((line) => line.includes('at risk')).length).toBeGreaterThan(10)
    isDown = false
    await court.pass(MINUTE_MS)
    expect(court.end()).toBe('answered')
    expect(court.watch.status()).not.toHaveProperty('fault')
  })

  it('answers all that is asked through an endpoint that fails six times out of ten', async () => {
    const court = await Court.of()
    const random = new SeededRandom(3)
    let isFlaky = true
    court.chain.fault = () => {
      if (isFlaky && random.fraction() < 0.6) throw failure('CHAIN_REFUSED')
    }
    for (let each = 0; each < 24; each++) {
      isFlaky = false
      await court.announce()
      isFlaky = true
      await court.pass(HOUR_MS)
    }
    expect(court.chain.challenges.map(({ end }) => end?.kind)).toEqual(Array.from({ length: 24 }, () => 'answered'))
  })

  it('goes on after it was killed, and finds what was announced meanwhile', async () => {
    const court = await Court.of()
    await court.announce()
    await court.pass(2 * MINUTE_MS)
    await court.watch.stop()
    await court.announce()
    await court.pass(3 * HOUR_MS)
    // The first one was known, and nobody drew its seed in time: it lapses as the second does.
    await court.restart()
    await court.announce()
    await court.pass(HOUR_MS)
    expect(court.chain.challenges.map(({ end }) => end?.kind)).toEqual([undefined, undefined, 'answered'])
    expect(court.watch.status().challenges.map(({ number }) => number)).toEqual([3n])
  })

  it('is not sent twice when the answer of a transaction was lost', async () => {
    const court = await Court.of()
    court.chain.isAnswerLost = (call) => call === 'answer'
    await court.announce()
    await court.pass(HOUR_MS)
    expect(court.chain.calls).toEqual(['announce', 'draw', 'answer'])
    expect(court.state()).toBe('answered')
  })

  it('shows the later revision first when pieces came or went, and needs the operator for it', async () => {
    const court = await Court.of()
    const old = court.revision()
    await court.world.keep(court.driver, court.channel, pieceOf(4))
    await court.world.within(court.driver.agree(court.channel, { drop: [pieceOf(1).piece] }))
    await court.announce(old)
    await court.pass(HOUR_MS)
    expect(court.chain.calls).toEqual(['announce', 'draw', 'supersede', 'answer'])
    expect(court.end()).toBe('answered')

    court.withoutOperatorKey()
    await court.restart()
    await court.announce(old)
    await court.pass(HOUR_MS)
    expect(court.watch.status().challenges).toMatchObject([
      { state: 'offline', reason: expect.stringContaining("only the operator's key") },
    ])
  })

  it('needs no later revision when the pieces are still the same', async () => {
    const court = await Court.of()
    const old = court.revision()
    await court.pass(HOUR_MS)
    expect(await court.world.within(court.driver.settle(court.channel))).toMatchObject({ kind: 'paid' })
    await court.announce(old)
    await court.pass(HOUR_MS)
    expect(court.chain.calls).toEqual(['announce', 'draw', 'answer'])
    expect(court.end()).toBe('answered')
  })

  it('ends a challenge about what the payer gave up', async () => {
    const court = await Court.of()
    const old = court.revision()
    const drop = [pieceOf(1), pieceOf(2), pieceOf(3)].map(({ piece }) => piece)
    await court.world.within(court.driver.agree(court.channel, { drop }))
    await court.announce(old)
    await court.pass(HOUR_MS)
    expect([court.chain.calls.at(-1), court.end()]).toEqual(['supersede', 'answered'])
  })

  it('says lost with the deadline while its disk does not give the leaves back, then lied, then what it lost', async () => {
    const court = await Court.of()
    for (const number of [1, 2, 3]) await court.world.rot(court.driver.id, pieceOf(number).piece)
    const { challenge } = await court.announce()
    await court.pass(HOUR_MS)
    const [lost] = court.watch.status().challenges
    expect(lost).toMatchObject({ state: 'lost', endsAt: expect.any(Number) })
    await court.pass(24 * HOUR_MS)
    expect(court.state()).toBe('lied')
    await court.chain.of(STRANGER).punish(challenge)
    await court.pass(HOUR_MS)
    expect(court.watch.status().challenges).toMatchObject([{ state: 'missed', takenTokenUnits: 200n }])
    expect(court.chain.calls).not.toContain('answer')
  })
})
