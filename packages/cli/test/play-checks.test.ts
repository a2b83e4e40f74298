import { type Address, address, type Hash, hash, microUsd } from '@stead/core'
import { NOBODY, type TokenTransfer } from '@stead/evm'
import type { EpochEarnings } from '@stead/rewards'
import { describe, expect, it } from 'vitest'
import type { Role } from '../src/play/cast.ts'
import type { PlayRecord } from '../src/play/epoch-play.ts'
import { SELF_PAID_MICRO_USD } from '../src/play/epoch-terms.ts'
import type { OperatorBooks, PlayBooks, TokenBooks } from '../src/play/play-books.ts'
import { checksOf } from '../src/play/play-checks.ts'

const TOKEN = 10n ** 18n
const account = (number: number): Address => address(`0x${number.toString(16).padStart(40, '0')}`)
const word = (number: number): Hash => hash(`0x${number.toString(16).padStart(64, '0')}`)
const [STAKE, REWARDS, ESCROW, HOLDER, PAYER, REPORTER] = [101, 102, 103, 104, 105, 106].map(account) as [
  Address,
  Address,
  Address,
  Address,
  Address,
  Address,
]
const LIE = word(1)
const TRUTH = word(2)
const FEE_BPS = 500n

let places = 0
function transfer(from: Address, to: Address, units: bigint): TokenTransfer {
  places++
  return { from, to, units, blockNumber: places, logIndex: 0, transaction: word(1000 + places) }
}

function booksOf(transfers: readonly TokenTransfer[]): TokenBooks {
  const balances = new Map<Address, bigint>()
  let supplyUnits = 0n
  for (const { from, to, units } of transfers) {
    if (from === NOBODY) supplyUnits += units
    else balances.set(from, (balances.get(from) ?? 0n) - units)
    if (to === NOBODY) supplyUnits -= units
    else balances.set(to, (balances.get(to) ?? 0n) + units)
  }
  return { transfers, supplyUnits, balances }
}

function earningsOf(epoch: number, gross: bigint, minted: bigint): EpochEarnings {
  const fee = (gross * FEE_BPS) / 10_000n
  const amounts = { grossMicroUsd: gross, feeMicroUsd: fee, netMicroUsd: gross - fee, mintedTokenUnits: minted }
  return { epoch, ...amounts, sponsoredMicroUsd: 0n, programs: [] } as unknown as EpochEarnings
}

interface Figures {
  readonly role: Role
  readonly gross: bigint
  readonly minted: bigint
  readonly dollars?: bigint
  readonly isExpelled?: boolean
}

function operatorOf(figures: Figures, number: number): OperatorBooks {
  const { role, gross, minted, dollars = 0n, isExpelled = false } = figures
  return {
    role,
    does: 'plays',
    name: `provider-${number}`,
    node: account(number),
    operator: account(20 + number),
    earnings: [earningsOf(1, gross, minted)],
    qualityPpm: [1_000_000],
    mintedTokenUnits: minted,
    bond: {
      operator: account(20 + number),
      bondedTokenUnits: isExpelled ? 0n : 2000n * TOKEN,
      unbondings: [],
      expelled: isExpelled,
    },
    dollarMicroUsd: microUsd(dollars),
  }
}

/** A play of one epoch in which everything is as it should be. */
function goodPlay(): { readonly record: PlayRecord; readonly books: PlayBooks } {
  const start = 2n * SELF_PAID_MICRO_USD
  const gross = 1_000_000n
  // The self-dealer's fee is a quarter of a dollar; a fifth of a dollar of tokens is what it can be minted at most.
  const dealt = SELF_PAID_MICRO_USD
  const fees = ((gross + dealt) * FEE_BPS) / 10_000n
  const burned = (fees * 10n * TOKEN) / 1_000_000n
  const [mintedHonest, mintedDealer] = [TOKEN / 10n, 2n * TOKEN]
  const operators = [
    operatorOf({ role: 'honest', gross, minted: mintedHonest }, 1),
    operatorOf({ role: 'equivocating', gross: 0n, minted: 0n, isExpelled: true }, 2),
    operatorOf(
      { role: 'self-dealing', gross: dealt, minted: mintedDealer, dollars: start - (dealt * FEE_BPS) / 10_000n },
      3,
    ),
    operatorOf({ role: 'proposer-of-a-lie', gross: 0n, minted: 0n }, 4),
  ]
  const [honest, equivocator, dealer, liar] = operators.map(({ operator }) => operator) as [
    Address,
    Address,
    Address,
    Address,
  ]
  const tokens = booksOf([
    transfer(NOBODY, HOLDER, 1_000_000n * TOKEN),
    ...[honest, equivocator, dealer, liar].map((each) => transfer(HOLDER, each, 3000n * TOKEN)),
    ...[honest, equivocator, dealer, liar].map((each) => transfer(each, STAKE, 2000n * TOKEN)),
    transfer(STAKE, REPORTER, 200n * TOKEN),
    transfer(STAKE, NOBODY, 1800n * TOKEN),
    transfer(liar, REWARDS, 100n * TOKEN),
    transfer(honest, REWARDS, 100n * TOKEN),
    transfer(REWARDS, honest, 150n * TOKEN),
    transfer(REWARDS, NOBODY, 50n * TOKEN),
    transfer(HOLDER, NOBODY, burned),
    transfer(NOBODY, honest, mintedHonest),
    transfer(NOBODY, dealer, mintedDealer),
  ])
  const dollars = booksOf([transfer(NOBODY, PAYER, 10_000_000n), transfer(PAYER, ESCROW, gross)])
  const place = { blockNumber: 1, logIndex: 0, transaction: word(9) }
  const claim = (operator: Address, amount: bigint) => ({
    ...place,
    node: operator,
    operator,
    grossMicroUsd: microUsd(amount),
    feeMicroUsd: microUsd((amount * FEE_BPS) / 10_000n),
  })
  const reward = (operator: Address, amountUnits: bigint) => ({
    ...place,
    program: word(7),
    operator,
    amountUnits,
    cumulativeUnits: amountUnits,
  })
  const lot = {
    ...place,
    lot: 0n,
    buyer: HOLDER,
    lastEpoch: 1,
    feesMicroUsd: microUsd(fees),
    burnedTokenUnits: burned,
    worthMicroUsd: fees,
  }
  const record: PlayRecord = {
    firstEpoch: 1,
    epochs: 1,
    lots: [lot],
    lie: { ...place, epoch: 1, attempt: 1, root: LIE, evidence: word(3) },
    roots: [{ epoch: 1, root: TRUTH, evidence: word(3) }],
    selfDealerStartMicroUsd: start,
  }
  const books: PlayBooks = {
    epochs: [{}, {}] as unknown as PlayBooks['epochs'],
    operators,
    claims: [claim(honest, gross), claim(dealer, dealt)],
    lots: [lot],
    rewards: [reward(honest, mintedHonest), reward(dealer, mintedDealer)],
    caps: [honest, dealer].map((operator) => ({ ...place, operator, epoch: 1, tokenUnits: 2n * TOKEN })),
    tokens,
    dollars,
    pool: { dollarMicroUsd: microUsd(100_000_000_000n), tokenUnits: 1_000_000n * TOKEN },
    terms: {
      challengeSeconds: 1,
      decisionSeconds: 1,
      minimumStakeTokenUnits: 1000n * TOKEN,
      depositTokenUnits: 100n * TOKEN,
    },
    places: { stake: STAKE, rewards: REWARDS },
  }
  return { record, books }
}

type Play = ReturnType<typeof goodPlay>

function failing({ record, books }: Play): readonly string[] {
  return checksOf(record, books).flatMap(({ what, isTrue }) => (isTrue ? [] : [what]))
}

function withOperator({ record, books }: Play, role: Role, change: Partial<OperatorBooks>): Play {
  const operators = books.operators.map((each) => (each.role === role ? { ...each, ...change } : each))
  return { record, books: { ...books, operators } }
}

describe('what a play must show', () => {
  it('is shown by books that are in order', () => {
    expect(failing(goodPlay())).toEqual([])
  })

  it.each<[string, (play: Play) => Play, string]>([
    [
      'an epoch was not audited',
      ({ record, books }) => ({ record, books: { ...books, epochs: books.epochs.slice(1) } }),
      'follow from their evidence',
    ],
    [
      'the equivocating node keeps its bond',
      (play) =>
        withOperator(play, 'equivocating', {
          bond: { operator: undefined, bondedTokenUnits: 1n, unbondings: [], expelled: true },
        }),
      'the equivocating node',
    ],
    [
      'the false root became final',
      ({ record, books }) => ({ record: { ...record, roots: [{ ...record.lie, epoch: 1 }] }, books }),
      'the false root',
    ],
    [
      'the liar has its deposit back',
      ({ record, books }) => {
        const back = transfer(REWARDS, account(24), 100n * TOKEN)
        return { record, books: { ...books, tokens: booksOf([...books.tokens.transfers, back]) } }
      },
      'the false root',
    ],
    [
      'the self-dealer has gained',
      (play) => withOperator(play, 'self-dealing', { dollarMicroUsd: 3n * SELF_PAID_MICRO_USD }),
      'the self-dealer',
    ],
    [
      'tokens are worth so much that the self-dealer has gained',
      ({ record, books }) => ({ record, books: { ...books, pool: { ...books.pool, tokenUnits: TOKEN } } }),
      'the self-dealer',
    ],
    [
      'somebody was minted more than its cap',
      ({ record, books }) => ({ record, books: { ...books, caps: books.caps.slice(1) } }),
      'nobody more than its cap',
    ],
    [
      'a token came from nowhere',
      ({ record, books }) => {
        const balances = new Map([...books.tokens.balances, [HOLDER, 10n ** 30n] as const])
        return { record, books: { ...books, tokens: { ...books.tokens, balances } } }
      },
      'tokens:',
    ],
    [
      'more was minted than was burned',
      ({ record, books }) => ({
        record,
        books: { ...books, rewards: books.rewards.map((each) => ({ ...each, amountUnits: 10n * TOKEN })) },
      }),
      'minted',
    ],
    [
      'a dollar is gone',
      ({ record, books }) => ({
        record,
        books: { ...books, dollars: { ...books.dollars, supplyUnits: books.dollars.supplyUnits - 1n } },
      }),
      'dollars:',
    ],
    [
      'fees went somewhere else',
      ({ record, books }) => ({
        record,
        books: { ...books, lots: books.lots.map((lot) => ({ ...lot, feesMicroUsd: microUsd(lot.feesMicroUsd - 1n) })) },
      }),
      'of fees that were sold',
    ],
  ])('is not when %s', (_, change, expected) => {
    expect(failing(change(goodPlay())).join('\n')).toContain(expected)
  })
})
