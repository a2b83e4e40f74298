import { type Address, formatMicroUsd, formatTokenUnits } from '@stead/core'
import { NOBODY } from '@stead/evm'
import type { Role } from './cast.ts'
import type { PlayRecord } from './epoch-play.ts'
import { SELF_PAID_MICRO_USD } from './epoch-terms.ts'
import { moved, type OperatorBooks, type PlayBooks, type TokenBooks } from './play-books.ts'

/** Something that must be true after a play, and its numbers. */
export interface Check {
  readonly what: string
  readonly isTrue: boolean
}

/** Everything that a play is to show. All numbers are read from chain and evidence. */
export function checksOf(record: PlayRecord, books: PlayBooks): readonly Check[] {
  return [
    rootsFollow(record, books),
    slashed(books),
    lieLost(record, books),
    selfDealerPoorer(record, books),
    capsHold(books),
    tokensConserved(books),
    mintedLess(books),
    dollarsConserved(books),
    feesConserved(books),
  ]
}

function rootsFollow({ firstEpoch, epochs }: PlayRecord, books: PlayBooks): Check {
  const last = firstEpoch + epochs
  return {
    what: `the roots of epochs ${firstEpoch} .. ${last} follow from their evidence: ${books.epochs.map(() => 'MATCH').join(' ')}`,
    isTrue: books.epochs.length === epochs + 1,
  }
}

function slashed(books: PlayBooks): Check {
  const { stake } = books.places
  const liar = operatorOf(books, 'equivocating')
  const lost = moved(books.tokens, { from: liar.operator, to: stake })
  const burned = moved(books.tokens, { from: stake, to: NOBODY })
  const reward = moved(books.tokens, { from: stake }) - burned
  return {
    what: `the equivocating node lost its bond of ${tokens(lost)}: ${tokens(burned)} burned, ${tokens(reward)} to who reported it`,
    isTrue: liar.bond.expelled && liar.bond.bondedTokenUnits === 0n && lost > 0n && burned + reward === lost,
  }
}

function lieLost({ lie, roots }: PlayRecord, books: PlayBooks): Check {
  const { rewards } = books.places
  const { depositTokenUnits } = books.terms
  const liar = operatorOf(books, 'proposer-of-a-lie')
  const lost =
    moved(books.tokens, { from: liar.operator, to: rewards }) -
    moved(books.tokens, { from: rewards, to: liar.operator })
  const burned = moved(books.tokens, { from: rewards, to: NOBODY })
  const final = roots.find(({ epoch }) => epoch === lie.epoch)
  return {
    what: `the false root of epoch ${lie.epoch} is not final; its proposer lost its deposit of ${tokens(lost)}: ${tokens(burned)} burned, the rest to who challenged it`,
    isTrue:
      final !== undefined && final.root !== lie.root && lost === depositTokenUnits && burned === depositTokenUnits / 2n,
  }
}

/** With what its tokens would bring at the exchange's price, which nobody gets for so many, and for those of honest work as well. */
function selfDealerPoorer({ epochs, selfDealerStartMicroUsd }: PlayRecord, books: PlayBooks): Check {
  const dealer = operatorOf(books, 'self-dealing')
  const dealt = SELF_PAID_MICRO_USD * BigInt(epochs)
  const gross = dealer.earnings.reduce((sum, { grossMicroUsd }) => sum + grossMicroUsd, 0n)
  const fee = dealer.earnings.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n)
  const feeOfOthers = (fee * (gross - dealt)) / gross
  const earnedOfOthers = gross - dealt - feeOfOthers
  const { pool } = books
  const worth = (dealer.mintedTokenUnits * pool.dollarMicroUsd + pool.tokenUnits - 1n) / pool.tokenUnits
  const change = dealer.dollarMicroUsd + worth - earnedOfOthers - selfDealerStartMicroUsd
  return {
    what: `the self-dealer paid itself ${dollars(dealt)}; with ${tokens(dealer.mintedTokenUnits)} minted, worth ${dollars(worth)}, it is ${dollars(-change)} poorer than before`,
    isTrue: change < 0n && -change <= fee,
  }
}

function capsHold(books: PlayBooks): Check {
  const isWithin = books.operators.every(({ operator, mintedTokenUnits, earnings }) => {
    const cap = sum(books.caps.filter((each) => each.operator === operator).map(({ tokenUnits }) => tokenUnits))
    const earned = sum(earnings.map((each) => each.mintedTokenUnits))
    return mintedTokenUnits <= cap && mintedTokenUnits === earned
  })
  return { what: 'everybody was minted what its epochs add up to, and nobody more than its cap', isTrue: isWithin }
}

function tokensConserved({ tokens: books, lots, rewards, places }: PlayBooks): Check {
  const [genesis] = books.transfers
  const made = genesis?.units ?? 0n
  const minted = sum(rewards.map(({ amountUnits }) => amountUnits))
  const sold = sum(lots.map(({ burnedTokenUnits }) => burnedTokenUnits))
  const fines = moved(books, { from: places.stake, to: NOBODY }) + moved(books, { from: places.rewards, to: NOBODY })
  return {
    what: `tokens: ${tokens(made)} at the genesis + ${tokens(minted)} minted - ${tokens(sold)} burned for fees - ${tokens(fines)} in fines = ${tokens(books.supplyUnits)} held by ${books.balances.size} accounts`,
    isTrue: made + minted - sold - fines === books.supplyUnits && isConserved(books),
  }
}

function mintedLess({ lots, rewards }: PlayBooks): Check {
  const minted = sum(rewards.map(({ amountUnits }) => amountUnits))
  const burned = sum(lots.map(({ burnedTokenUnits }) => burnedTokenUnits))
  return {
    what: `minted ${tokens(minted)} of ${tokens(burned)} burned for fees: ${burned === 0n ? 0 : Number((minted * 1000n) / burned) / 10} %, at most 80 %`,
    isTrue: minted * 10n <= burned * 8n,
  }
}

function dollarsConserved({ dollars: books }: PlayBooks): Check {
  const made = moved(books, { from: NOBODY })
  return {
    what: `dollars: ${dollars(made)} of test money made = ${dollars(books.supplyUnits)} held by ${books.balances.size} accounts`,
    isTrue: made === books.supplyUnits && moved(books, { to: NOBODY }) === 0n && isConserved(books),
  }
}

function feesConserved({ claims, lots, operators }: PlayBooks): Check {
  const gross = sum(claims.map(({ grossMicroUsd }) => grossMicroUsd))
  const fees = sum(claims.map(({ feeMicroUsd }) => feeMicroUsd))
  const earnings = operators.flatMap((each) => each.earnings)
  const nets = sum(earnings.map(({ netMicroUsd }) => netMicroUsd))
  const sold = sum(lots.map(({ feesMicroUsd }) => feesMicroUsd))
  const soldUpTo = lots.at(-1)?.lastEpoch ?? -1
  const unsold = sum(earnings.map(({ epoch, feeMicroUsd }) => (epoch > soldUpTo ? feeMicroUsd : 0n)))
  return {
    what: `paid ${dollars(gross)} = ${dollars(nets)} to operators + ${dollars(sold)} of fees that were sold + ${dollars(unsold)} that wait for the next lot`,
    isTrue: gross === nets + fees && fees === sold + unsold,
  }
}

/** Each account has what came in less what went out, and all accounts together have what there is. */
function isConserved({ transfers, balances, supplyUnits }: TokenBooks): boolean {
  const expected = new Map<Address, bigint>()
  for (const { from, to, units } of transfers) {
    expected.set(from, (expected.get(from) ?? 0n) - units)
    expected.set(to, (expected.get(to) ?? 0n) + units)
  }
  const isEach = [...balances].every(([account, units]) => expected.get(account) === units)
  return isEach && sum([...balances.values()]) === supplyUnits
}

/** The first operator with a role. */
function operatorOf({ operators }: Pick<PlayBooks, 'operators'>, role: Role): OperatorBooks {
  const found = operators.find((each) => each.role === role)
  if (found === undefined) throw new TypeError(`nobody in the play is ${role}`)
  return found
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}

const tokens = formatTokenUnits
const dollars = formatMicroUsd
