import { type MicroUsd, microUsd, type Random, type Signer, type UnixMs } from '@stead/core'
import {
  type ChannelReply,
  channelReplySchema,
  MarketError,
  type MarketRequest,
  payReplySchema,
  quoteReplySchema,
} from '@stead/market'
import { incrementSchema, type Quote, quoteSchema, signIncrement, signQuote } from '@stead/protocol'
import type { CheatName } from './cheats.ts'

/** What a bent answer is made with. */
export interface BentParts {
  readonly random: Random
  /** The cheat's own key: it can sign what it likes in its own name. */
  readonly signer: Signer
}

const PREPAY_MICRO_USD: MicroUsd = microUsd(500_000n)
const LIE_MICRO_USD_MAX = 100_000

/** What a cheating provider answers to a message of the market in place of its honest answer. */
export function bentAnswer(
  cheat: CheatName,
  parts: BentParts,
  asked: { readonly request: MarketRequest; readonly answer: Uint8Array },
): Uint8Array {
  const { request, answer } = asked
  const { open, sync, pay, quote } = request
  if (pay !== undefined && cheat === 'equivocates') return equivocated(parts, pay, answer)
  if (pay !== undefined) return bentReceipt(cheat, parts, answer)
  if (open !== undefined || sync !== undefined) return bentStanding(cheat, parts, answer)
  return quote === undefined ? answer : bentQuote(cheat, parts, answer)
}

function bentReceipt(cheat: CheatName, { random }: BentParts, answer: Uint8Array): Uint8Array {
  if (cheat === 'no-receipts') throw new MarketError('MARKET_BUSY', 'come back tomorrow')
  if (cheat !== 'forged-receipts') return answer
  const reply = payReplySchema.decodeMessage(answer)
  return payReplySchema.encodeMessage({ ...reply, providerSignature: random.bytes(65) })
}

/** A second payload for a slot in which the cheat has just said another: its own signature, over a bill that nobody sent. */
function equivocated(
  { random, signer }: BentParts,
  pay: NonNullable<MarketRequest['pay']>,
  answer: Uint8Array,
): Uint8Array {
  if (random.fraction() < 0.5) return answer
  const reply = payReplySchema.decodeMessage(answer)
  const increment = incrementSchema.decodeDocument(pay.increment)
  const cumulativeMicroUsd = microUsd(increment.cumulativeMicroUsd + 1n)
  const bytes = incrementSchema.encodeDocument({ ...increment, cumulativeMicroUsd })
  return payReplySchema.encodeMessage({ ...reply, providerSignature: signIncrement(signer, increment, bytes) })
}

function bentStanding(cheat: CheatName, { random }: BentParts, answer: Uint8Array): Uint8Array {
  const reply = channelReplySchema.decodeMessage(answer)
  if (cheat === 'greedy') return channelReplySchema.encodeMessage({ ...reply, prepayMicroUsd: PREPAY_MICRO_USD })
  if (cheat !== 'wrong-books') return answer
  return channelReplySchema.encodeMessage({ ...reply, ...lieOf(reply, random) })
}

/** One of the numbers that both sides must agree on. */
function lieOf(reply: ChannelReply, random: Random): Partial<ChannelReply> {
  const amount = microUsd(BigInt(Math.floor(random.fraction() * LIE_MICRO_USD_MAX)))
  const lies: readonly Partial<ChannelReply>[] = [
    { lastIndex: (reply.lastIndex ?? 0) + 1, cumulativeMicroUsd: amount, deliveredMicroUsd: amount },
    { cumulativeMicroUsd: amount },
    { windowMicroUsd: microUsd(0n) },
    { windowMicroUsd: microUsd(10n ** 15n) },
    { outstanding: random.bytes(16 * (1 + Math.floor(random.fraction() * 8))) },
    { outstanding: new Uint8Array(0) },
  ]
  return lies[Math.floor(random.fraction() * lies.length)] ?? {}
}

function bentQuote(cheat: CheatName, { random, signer }: BentParts, answer: Uint8Array): Uint8Array {
  const { quote: signed } = quoteReplySchema.decodeMessage(answer)
  if (signed === undefined || (cheat !== 'greedy' && cheat !== 'wrong-quotes')) return answer
  const quote = quoteSchema.decodeDocument(signed.document)
  const changes: readonly Partial<Quote>[] = [
    { credit: { ...quote.credit, prepayMicroUsd: PREPAY_MICRO_USD } },
    { operator: `0x${'99'.repeat(20)}` as Quote['operator'] },
    { payer: quote.node },
    { chainId: quote.chainId + 1 },
    { expiresAt: (quote.issuedAt - 1) as UnixMs },
    { terms: random.bytes(40) },
  ]
  const change = cheat === 'greedy' ? {} : changes[Math.floor(random.fraction() * changes.length)]
  return quoteReplySchema.encodeMessage({ quote: signQuote(signer, { ...quote, ...change }) })
}
