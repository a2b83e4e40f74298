import {
  type Address,
  type Hash,
  hash,
  type PossessionAdjudicator,
  type PossessionChallenge,
  type PossessionEnd,
  type SignedRevision,
  SteadError,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { bytesToHex, equalBytes, hashFromBytes, sha256, uintToBytes } from '@stead/protocol'
import { agreementSchema } from '@stead/storage'
import type { ManualClock } from '@stead/testkit'
import { agreementIdOf } from '../../src/agreement/agreement.ts'

const BLOCK_MS = 12_000
const DAY_MS = 86_400_000
const SEED_DELAY_BLOCKS = 8
const DRAW_BLOCKS = 256

interface Kept {
  challenge: PossessionChallenge
  announcedAtBlock: number
  end: PossessionEnd | undefined
}

/** The adjudicator's contract as tests need it: its rules, its blocks by a simulated clock, and endpoints that fail. */
export class MemoryAdjudicator {
  readonly #clock: ManualClock
  readonly #answerMs: number
  readonly #challenges: Kept[] = []
  /** What a proof has to be. */
  expectedProof: (challenge: PossessionChallenge) => Promise<Uint8Array> = async () => new Uint8Array(0)
  /** Before a call: throws what the endpoint fails with. */
  fault: (call: string) => void = () => undefined
  /** After a transaction: its answer is lost. */
  isAnswerLost: (call: string) => boolean = () => false
  operator: Address | undefined
  punishRefusal: string | undefined
  readonly calls: string[] = []

  /** @param answerMs time to answer in */
  constructor(clock: ManualClock, answerMs: number = DAY_MS) {
    this.#clock = clock
    this.#answerMs = answerMs
  }

  get block(): number {
    return 1 + Math.floor(this.#clock.monotonicMs() / BLOCK_MS)
  }

  get challenges(): readonly Kept[] {
    return this.#challenges
  }

  now(): UnixMs {
    return this.#clock.now()
  }

  /** The port of one account. */
  of(account: Address): PossessionAdjudicator {
    const transact = (call: string, work: () => void): TransactionOutcome => {
      this.fault(call)
      this.calls.push(call)
      work()
      if (this.isAnswerLost(call)) throw failure('CHAIN_TIMEOUT')
      const transaction = hashFromBytes(sha256(uintToBytes(BigInt(this.calls.length), 8)))
      return { transaction, blockNumber: BigInt(this.block), gasUsed: 100_000n, gasCostWei: 100_000n as Wei }
    }
    return {
      account,
      head: async () => this.#read('head', () => this.block),
      terms: async () => ({ answerSeconds: this.#answerMs / 1000, depositTokenUnits: 10n }),
      challenge: async (number) => this.#read('challenge', () => this.#openOf(number)?.challenge),
      openChallenges: async (node, { fromBlock, toBlock }) =>
        this.#read('search', () =>
          this.#challenges
            .filter(({ end, challenge }) => end === undefined && challenge.node === node)
            .filter(({ announcedAtBlock }) => announcedAtBlock >= fromBlock && announcedAtBlock <= toBlock)
            .map(({ challenge }) => challenge),
        ),
      announcements: async (agreement, { fromBlock, toBlock }) =>
        this.#read('search', () =>
          this.#challenges
            .filter(({ challenge }) => challenge.agreement === agreement)
            .filter(({ announcedAtBlock }) => announcedAtBlock >= fromBlock && announcedAtBlock <= toBlock)
            .map(({ challenge: { number, node, revision, challenger }, announcedAtBlock: block }) => {
              return { number, node, agreement, revision, challenger, block }
            }),
        ),
      endOf: async (number) => this.#read('end', () => this.#challenges[Number(number) - 1]?.end),
      announce: async (revision) => {
        const number = BigInt(this.#challenges.length + 1)
        const outcome = transact('announce', () => this.#announce(account, revision))
        return { ...outcome, challenge: number }
      },
      draw: async (number) => transact('draw', () => this.#draw(number)),
      answer: async (number, proof) => {
        const expected = await this.expectedProof(this.#require(number).challenge)
        return transact('answer', () => {
          if (this.now() > this.#drawnOf(number).endsAt) throw reverted('TooLate')
          if (!equalBytes(proof, expected)) throw reverted('LeafWrong')
          this.#end(number, { kind: 'answered', transaction: NOTHING })
        })
      },
      supersede: async (number, revision) => transact('supersede', () => this.#supersede(account, number, revision)),
      punish: async (number) =>
        transact('punish', () => {
          if (this.now() <= this.#drawnOf(number).endsAt) throw reverted('TooEarly')
          if (this.punishRefusal !== undefined) throw reverted(this.punishRefusal)
          this.#end(number, { kind: 'missed', transaction: NOTHING, takenTokenUnits: 200n })
        }),
      reclaim: async (number) =>
        transact('reclaim', () => this.#end(number, { kind: 'reclaimed', transaction: NOTHING })),
    }
  }

  #read<Value>(call: string, look: () => Value): Value {
    this.fault(call)
    return look()
  }

  #announce(challenger: Address, { document }: SignedRevision): void {
    const agreement = agreementSchema.decodeDocument(document)
    const challenge: PossessionChallenge = {
      number: BigInt(this.#challenges.length + 1),
      challenger,
      node: agreement.node,
      agreement: agreementIdOf(agreement),
      ...aboutOf(document),
      seedBlock: this.block + SEED_DELAY_BLOCKS,
      drawn: undefined,
    }
    this.#challenges.push({ challenge, announcedAtBlock: this.block, end: undefined })
  }

  #draw(number: bigint): void {
    const kept = this.#require(number)
    const { seedBlock, drawn } = kept.challenge
    if (drawn !== undefined) throw reverted('AlreadyDrawn')
    if (this.block <= seedBlock) throw reverted('SeedNotThere')
    if (this.block > seedBlock + DRAW_BLOCKS) throw reverted('SeedGone')
    const seed = hash(bytesToHex(sha256(uintToBytes(BigInt(seedBlock), 8))))
    kept.challenge = { ...kept.challenge, drawn: { seed, endsAt: (this.now() + this.#answerMs) as UnixMs } }
  }

  #supersede(account: Address, number: bigint, { document }: SignedRevision): void {
    const kept = this.#require(number)
    if (account !== this.operator) throw reverted('NotTheNodesOperator')
    const about = aboutOf(document)
    if (about.revision <= kept.challenge.revision) throw reverted('NotLater')
    kept.challenge = { ...kept.challenge, ...about }
    if (about.leaves === 0) this.#end(number, { kind: 'answered', transaction: NOTHING })
  }

  #drawnOf(number: bigint): { readonly endsAt: UnixMs } {
    const { drawn } = this.#require(number).challenge
    if (drawn === undefined) throw reverted('NotDrawn')
    return drawn
  }

  #openOf(number: bigint): Kept | undefined {
    const kept = this.#challenges[Number(number) - 1]
    return kept?.end === undefined ? kept : undefined
  }

  #require(number: bigint): Kept {
    const kept = this.#openOf(number)
    if (kept === undefined) throw reverted('ChallengeUnknown')
    return kept
  }

  #end(number: bigint, end: PossessionEnd): void {
    this.#require(number).end = end
  }
}

const NOTHING: Hash = hash(`0x${'00'.repeat(32)}`)

function aboutOf(document: Uint8Array): Pick<PossessionChallenge, 'revision' | 'root' | 'leaves'> {
  const { revision, root, leaves } = agreementSchema.decodeDocument(document)
  return { revision, root: hashFromBytes(root), leaves }
}

/** An error as the chain adapter throws it. */
export function failure(code: string, details: Readonly<Record<string, string>> = {}): SteadError<string> {
  const meaning = { kind: 'system', retryable: true, meaning: code, next: '' } as const
  return new SteadError({ [code]: meaning }, code, code, { details })
}

function reverted(error: string): SteadError<string> {
  return failure('CHAIN_REVERTED', { error })
}
