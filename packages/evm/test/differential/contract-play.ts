import { type Address, type Hash, hash, isSteadError, microUsd, type RootResult, type Signer } from '@stead/core'
import { hashFromBytes, signNodeConsent, signStatement } from '@stead/protocol'
import { buildTestPurse, type SeededRandom, type TestPurse } from '@stead/testkit'
import {
  COMPLIANCE_TERMS,
  COVERAGE,
  decisionPayloadOf,
  type EconomyAccount,
  type EconomyFixture,
  rootOfClaim,
  UTILITY,
} from '@stead/testkit/compliance'
import { Names } from './names.ts'
import { observe } from './observe.ts'

/** One call, what came of it, and how everything stood after it. */
export interface PlayedStep {
  readonly call: string
  readonly answer: string
  readonly state: string
}

/** What a play knows of the world that it plays in. */
export interface PlayState {
  readonly accounts: readonly EconomyAccount[]
  readonly nodes: readonly Signer[]
  readonly purses: TestPurse[]
  readonly genesisAt: number
}

type Call = readonly [name: string, send: () => Promise<unknown>]

const TOKEN = 10n ** 18n
const ACCOUNTS = 3
const NODES = 4
/** Into which moment after the genesis both worlds are moved, in seconds: deploying took one of them some time. */
const BEGIN_SECONDS = 1500
const PASSES_SECONDS = [1, 30, 101, 500, 1000, 2000, 14 * 86_400]

/** Plays random calls on the contracts of one world. The same seed makes the same calls in every world. */
export class ContractPlay {
  readonly #fixture: EconomyFixture
  readonly #random: SeededRandom
  readonly #results: RootResult[] = []
  #state: PlayState | undefined
  #names: Names | undefined

  constructor(fixture: EconomyFixture, random: SeededRandom) {
    this.#fixture = fixture
    this.#random = random
  }

  async run(steps: number): Promise<readonly PlayedStep[]> {
    await this.#begin()
    const played: PlayedStep[] = []
    for (let step = 0; step < steps; step++) {
      const [call, send] = await this.#next()
      const answer = await this.#answerOf(send)
      played.push({ call, answer, state: this.#text(await observe(this.#known)) })
    }
    return played
  }

  get #known(): PlayState {
    if (this.#state === undefined) throw new TypeError('the play has not begun')
    return this.#state
  }

  #text(value: unknown): string {
    return this.#names?.text(value) ?? ''
  }

  async #begin(): Promise<void> {
    const { fixture } = { fixture: this.#fixture }
    const accounts: EconomyAccount[] = []
    for (let index = 0; index < ACCOUNTS; index++) accounts.push(await fixture.connect())
    const nodes = Array.from({ length: NODES }, () => fixture.newSigner())
    const [first] = accounts
    if (first === undefined) throw new TypeError('a play has accounts')
    const { genesisAt } = await first.economy.epochTerms()
    const names = new Names(genesisAt / 1000)
    for (const [index, { chain }] of accounts.entries()) names.name(chain.account, `account ${index}`)
    for (const [index, node] of nodes.entries()) names.name(node.address, `node ${index}`)
    this.#names = names
    this.#state = { accounts, nodes, purses: [], genesisAt }
    const sinceMs = (await first.chain.blockTime()) - genesisAt
    await fixture.passSeconds(BEGIN_SECONDS - sinceMs / 1000)
  }

  async #answerOf(send: () => Promise<unknown>): Promise<string> {
    try {
      await send()
      return 'done'
    } catch (error) {
      if (!isSteadError(error)) throw error
      return this.#text([error.code, error.details])
    }
  }

  async #next(): Promise<Call> {
    const calls: (() => Call | Promise<Call>)[] = [
      () => this.#pass(),
      () => this.#bond(),
      () => this.#unbond(),
      () => this.#pay(),
      () => this.#pay(),
      () => this.#buy(),
      () => this.#propose(),
      () => this.#propose(),
      () => this.#challenge(),
      () => this.#end(),
      () => this.#decide(),
      () => this.#accrue(),
      () => this.#claim(),
      () => this.#sponsor(),
      () => this.#lie(),
      () => this.#govern(),
      () => this.#settle(),
    ]
    return await (this.#pick(calls) ?? (() => this.#pass()))()
  }

  #pick<Value>(values: readonly Value[]): Value | undefined {
    return values[this.#below(values.length)]
  }

  #below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit)
  }

  #account(): EconomyAccount {
    const account = this.#pick(this.#known.accounts)
    if (account === undefined) throw new TypeError('a play has accounts')
    return account
  }

  #node(): Signer {
    const node = this.#pick(this.#known.nodes)
    if (node === undefined) throw new TypeError('a play has nodes')
    return node
  }

  #salt(): Hash {
    return hashFromBytes(this.#random.bytes(32))
  }

  #epochNear(): number {
    return 1 + this.#below(8)
  }

  #pass(): Call {
    const seconds = this.#pick(PASSES_SECONDS) ?? 1
    return [`${seconds} s pass`, () => this.#fixture.passSeconds(seconds)]
  }

  #bond(): Call {
    const [{ economy, chain }, node] = [this.#account(), this.#node()]
    const tokens = BigInt(this.#below(3)) * 700n * TOKEN
    const consent = this.#below(4) === 0 ? new Uint8Array(65) : signNodeConsent(node, chain.account, chain.identity)
    return [`bond ${tokens}`, () => economy.bond(node.address, tokens, consent)]
  }

  #unbond(): Call {
    const [{ economy }, node] = [this.#account(), this.#node()]
    if (this.#below(3) === 0) return ['withdraw', () => economy.withdraw(node.address)]
    const tokens = BigInt(this.#below(3)) * 350n * TOKEN
    return [`unbond ${tokens}`, () => economy.unbond(node.address, tokens)]
  }

  /** Funds a purse for one node, or claims a part of one that there is, again perhaps. */
  #pay(): Call {
    const [{ chain }, { chain: operator }, node] = [this.#account(), this.#account(), this.#node()]
    const allocationMicroUsd = microUsd(BigInt(1 + this.#below(40_000_000)))
    const known = this.#pick(this.#known.purses)
    if (known !== undefined && this.#below(2) === 0) {
      const part = this.#below(5)
      const amount = microUsd((known.totalMicroUsd * BigInt(part)) / 4n)
      const isFirst = this.#below(3) > 0
      return [`claim ${part}/4`, () => chain.claim([known.claimOf(0, amount, isFirst)])]
    }
    const leaf = { node: node.address, operator: operator.account, allocationMicroUsd }
    const parties = { payer: chain.account, voucherKey: this.#node(), salt: this.#salt() }
    const purse = buildTestPurse(chain.identity, parties, [leaf])
    this.#known.purses.push(purse)
    return [`fund ${allocationMicroUsd}`, () => chain.fund(purse)]
  }

  /** Thaws and closes, and pays out. */
  #settle(): Call {
    const [{ chain }, { chain: other }] = [this.#account(), this.#account()]
    const purse = this.#pick(this.#known.purses)
    const choice = this.#below(3)
    if (choice === 0 || purse === undefined) return ['payout', () => chain.payout(other.account)]
    return choice === 1 ? ['thaw', () => chain.thaw(purse.purse)] : ['close', () => chain.close(purse.purse)]
  }

  #buy(): Call {
    const { economy } = this.#account()
    const isWrong = this.#below(5) === 0
    const isPoor = this.#below(4) === 0
    return [
      'buy the lot',
      async () => {
        const { lot, costTokenUnits } = await economy.lotForSale()
        await economy.buyLot(isWrong ? lot + 1n : lot, isPoor ? costTokenUnits / 2n : costTokenUnits)
      },
    ]
  }

  #result(): RootResult {
    const known = this.#pick(this.#results)
    if (known !== undefined && this.#below(2) === 0) return known
    const [{ chain }, program] = [this.#account(), this.#below(3) === 0 ? COVERAGE : UTILITY]
    const cumulative = BigInt(this.#below(1_000_000)) * 10n ** BigInt(this.#below(20))
    const root = rootOfClaim({ program, operator: chain.account, cumulative, proof: [] })
    const result = { root, evidence: this.#salt() }
    this.#names?.name(root, `root ${this.#results.length}`)
    this.#results.push(result)
    this.#claims.push({ program, operator: chain.account, cumulative, proof: [] })
    return result
  }

  readonly #claims: { program: Hash; operator: Address; cumulative: bigint; proof: Hash[] }[] = []

  #propose(): Call {
    const [{ economy }, node, result, back] = [this.#account(), this.#node(), this.#result(), this.#below(3)]
    return [
      `propose ${back} back`,
      async () => economy.propose(Math.max(0, (await this.#epochNow()) - back), result, node.address),
    ]
  }

  #challenge(): Call {
    const [{ economy }, node, result] = [this.#account(), this.#node(), this.#result()]
    return ['challenge', async () => economy.challenge(await this.#attempt(economy), result, node.address)]
  }

  #end(): Call {
    const [{ economy }, isDrop] = [this.#account(), this.#below(2) === 0]
    return [
      isDrop ? 'drop' : 'finalize',
      async () => {
        const attempt = await this.#attempt(economy)
        await (isDrop ? economy.drop(attempt) : economy.finalize(attempt))
      },
    ]
  }

  #decide(): Call {
    const [{ economy }, count, choice] = [this.#account(), this.#below(NODES + 1), this.#below(3)]
    const other = this.#result()
    return [
      `decide by ${count}`,
      async () => {
        const open = await economy.proposal()
        const result = choice === 0 ? open?.proposed : choice === 1 ? open?.challenge?.other : other
        const slot = open?.decisionSlot ?? hash(`0x${'0'.repeat(64)}`)
        const votes = this.#known.nodes.slice(0, count).map((node) => ({
          node: node.address,
          signature: signStatement(node, slot, decisionPayloadOf(result ?? other)).signature,
        }))
        await economy.decide(open?.attempt ?? 0, result ?? other, votes)
      },
    ]
  }

  #accrue(): Call {
    const [{ economy }, { chain }] = [this.#account(), this.#account()]
    const epochs = Array.from({ length: 1 + this.#below(2) }, () => this.#epochNear())
    return [`accrue ${epochs}`, () => economy.accrue(chain.account, epochs)]
  }

  #claim(): Call {
    const { economy } = this.#account()
    const claim = this.#pick(this.#claims)
    if (claim === undefined) return this.#pass()
    const cumulative = this.#below(6) === 0 ? claim.cumulative + 1n : claim.cumulative
    return ['claim a reward', () => economy.claimReward({ ...claim, cumulative })]
  }

  #sponsor(): Call {
    const [{ economy }, program] = [this.#account(), this.#below(3) === 0 ? UTILITY : COVERAGE]
    const amount = microUsd(BigInt(this.#below(20_000_000)))
    return [`sponsor ${amount}`, () => economy.sponsor(program, amount)]
  }

  #lie(): Call {
    const [{ economy }, node, slot] = [this.#account(), this.#node(), this.#salt()]
    const [first, second] = [this.#salt(), this.#below(4) === 0 ? undefined : this.#salt()]
    // A lie is the end of a node's bond: not too often.
    if (this.#below(3) > 0) return this.#pass()
    const said = signStatement(node, slot, first)
    return ['report', () => economy.reportEquivocation(slot, said, signStatement(node, slot, second ?? first))]
  }

  #govern(): Call {
    const kappaBps = this.#below(10) * 1000
    const [isProgram, isEnabled] = [this.#below(2) === 0, this.#below(3) > 0]
    if (isProgram) return ['program', () => this.#fixture.setProgram(COVERAGE, 'sponsored', isEnabled)]
    return [`κ ${kappaBps}`, () => this.#fixture.setKappaBps(kappaBps)]
  }

  async #attempt(economy: EconomyAccount['economy']): Promise<number> {
    return (await economy.proposal())?.attempt ?? 0
  }

  async #epochNow(): Promise<number> {
    const [first] = this.#known.accounts
    const at = (await first?.chain.blockTime()) ?? 0
    return Math.floor((at - this.#known.genesisAt) / 1000 / COMPLIANCE_TERMS.epochSeconds)
  }
}
