import { type Address, type Chain, hasCode, isSteadError, microUsd, type Signer } from '@stead/core'
import { hashFromBytes } from '@stead/protocol'
import { buildTestPurse, type SeededRandom, type TestPurse } from '@stead/testkit'
import type { PlayedStep } from './contract-play.ts'
import { Names } from './names.ts'

/** One world in which the Escrow lives. */
export interface EscrowWorld {
  /** An adapter for a new account with gas and 1000 dollars. */
  connect(): Promise<Chain>
  newSigner(): Signer
  passSeconds(seconds: number): Promise<void>
  /** Undoes the last blocks for good, makes two more than were undone, and lets a second pass. */
  reorganise(depth: number): Promise<void>
  stop(): Promise<void>
}

interface Known {
  readonly accounts: readonly Chain[]
  readonly keys: readonly Signer[]
  readonly purses: TestPurse[]
}

type Call = readonly [name: string, send: () => Promise<unknown>]

const ACCOUNTS = 3
const KEYS = 4
const LEAVES_MAX = 3
const CLAIMS_MAX = 3
const DEPTH_MAX = 3
/** Long enough for a thaw of a day to begin, go on, and end. */
const PASSES_SECONDS = [1, 40_000, 86_402]

/**
 * Plays random calls on the Escrow of one world, reorganisations among them. The same seed makes the same calls in every
 * world: it takes chance for the calls alone, and its keys in the same order.
 */
export class EscrowPlay {
  readonly #world: EscrowWorld
  readonly #random: SeededRandom
  readonly #names: Names = new Names(0)
  #known: Known = { accounts: [], keys: [], purses: [] }
  #beganAt = 0

  constructor(world: EscrowWorld, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  async run(steps: number): Promise<readonly PlayedStep[]> {
    await this.#begin()
    const played: PlayedStep[] = []
    for (let step = 0; step < steps; step++) {
      const [call, send] = this.#next()
      const answer = await this.#answerOf(send)
      played.push({ call, answer, state: this.#names.text(await this.#observe()) })
    }
    return played
  }

  /** Everybody funds once, so that real dollars are approved; a few blocks more, so that no fork undoes that. */
  async #begin(): Promise<void> {
    const accounts: Chain[] = []
    for (let index = 0; index < ACCOUNTS; index++) accounts.push(await this.#world.connect())
    const keys = Array.from({ length: KEYS }, () => this.#world.newSigner())
    for (const [index, { account }] of accounts.entries()) this.#names.name(account, `account ${index}`)
    for (const [index, { address }] of keys.entries()) this.#names.name(address, `key ${index}`)
    this.#known = { accounts, keys, purses: [] }
    for (const account of accounts) await account.fund(this.#newPurse(account))
    for (let block = 0; block <= DEPTH_MAX; block++) await this.#world.passSeconds(1)
    this.#beganAt = (await accounts[0]?.blockTime()) ?? 0
  }

  async #answerOf(send: () => Promise<unknown>): Promise<string> {
    try {
      await send()
      return 'done'
    } catch (error) {
      if (!isSteadError(error)) throw error
      const { thawEndsAt: _end, nowSeconds: _now, ...details } = error.details
      return this.#names.text([error.code, hasCode(error, 'CHAIN_REVERTED') ? details : {}])
    }
  }

  #next(): Call {
    const calls: (() => Call)[] = [
      () => this.#fund(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#thaw(),
      () => this.#close(),
      () => this.#close(),
      () => this.#payout(),
      () => this.#pass(),
      () => this.#reorganise(),
    ]
    return this.#pick(calls)()
  }

  #pick<Value>(values: readonly Value[]): Value {
    const value = values[this.#below(values.length)]
    if (value === undefined) throw new TypeError('nothing to choose from')
    return value
  }

  #below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit)
  }

  #newPurse({ account, identity }: Chain): TestPurse {
    const { accounts, keys, purses } = this.#known
    const leaves = Array.from({ length: 1 + this.#below(LEAVES_MAX) }, () => ({
      node: this.#pick(keys).address,
      operator: this.#pick(accounts).account,
      allocationMicroUsd: microUsd(BigInt(1 + this.#below(40_000_000))),
    }))
    const parties = { payer: account, voucherKey: this.#pick(keys), salt: hashFromBytes(this.#random.bytes(32)) }
    const purse = buildTestPurse(identity, parties, leaves)
    purses.push(purse)
    return purse
  }

  /** A new purse, or one from before: funding it again changes nothing, unless a fork undid it. */
  #fund(): Call {
    const payer = this.#pick(this.#known.accounts)
    const again = this.#pick(this.#known.purses)
    if (this.#below(3) > 0) {
      const purse = this.#newPurse(payer)
      return [`fund ${purse.totalMicroUsd}`, () => payer.fund(purse)]
    }
    return ['fund again', () => payer.fund(again)]
  }

  #claim(): Call {
    const { accounts, purses } = this.#known
    const claims = Array.from({ length: 1 + this.#below(CLAIMS_MAX) }, () => {
      const purse = this.#pick(purses)
      const leaf = this.#below(purse.leaves.length)
      const part = BigInt(this.#below(6))
      const amount = microUsd((purse.termsOf(leaf).allocationMicroUsd * part) / 4n)
      return purse.claimOf(leaf, amount, this.#below(5) > 0)
    })
    const sender = this.#pick(accounts)
    return [`claim ${claims.map(({ cumulativeMicroUsd }) => cumulativeMicroUsd)}`, () => sender.claim(claims)]
  }

  #thaw(): Call {
    const [sender, { purse }] = [this.#pick(this.#known.accounts), this.#pick(this.#known.purses)]
    return ['thaw', () => sender.thaw(purse)]
  }

  #close(): Call {
    const [sender, { purse }] = [this.#pick(this.#known.accounts), this.#pick(this.#known.purses)]
    return ['close', () => sender.close(purse)]
  }

  #payout(): Call {
    const [sender, { account }] = [this.#pick(this.#known.accounts), this.#pick(this.#known.accounts)]
    return ['payout', () => sender.payout(account)]
  }

  #pass(): Call {
    const seconds = this.#pick(PASSES_SECONDS)
    return [`${seconds} s pass`, () => this.#world.passSeconds(seconds)]
  }

  #reorganise(): Call {
    const depth = 1 + this.#below(DEPTH_MAX)
    return [`${depth} blocks are undone`, () => this.#world.reorganise(depth)]
  }

  async #observe(): Promise<unknown> {
    const { accounts, purses } = this.#known
    const [first] = accounts
    if (first === undefined) throw new TypeError('a play has accounts')
    const since = (at: number | undefined): number | undefined => (at === undefined ? undefined : at - this.#beganAt)
    const states = await Promise.all(purses.map(({ purse }) => first.purse(purse)))
    const channels = purses.flatMap((purse) => purse.leaves.map((_, leaf) => purse.termsOf(leaf)))
    const claims = await first.claimsOf(channels)
    return {
      now: since(await first.blockTime()),
      accounts: await Promise.all(accounts.map(({ account }) => this.#account(first, account))),
      purses: states.map((state) => state && { ...state, thawEndsAt: since(state.thawEndsAt) }),
      channels: await Promise.all(
        purses.flatMap((purse) => purse.leaves.map((_, leaf) => first.claimedMicroUsd(purse.channelOf(leaf)))),
      ),
      claims: claims.map(({ grossMicroUsd, feeMicroUsd, cumulativeMicroUsd, operator }) => {
        return { grossMicroUsd, feeMicroUsd, cumulativeMicroUsd, operator }
      }),
    }
  }

  async #account(chain: Chain, account: Address): Promise<unknown> {
    const { dollarMicroUsd } = await chain.balances(account)
    return { dollarMicroUsd, owed: await chain.owedMicroUsd(account) }
  }
}
