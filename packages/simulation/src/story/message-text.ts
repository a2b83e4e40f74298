import { COMPUTE_PROTOCOL, runTaskSchema, taskAnswerSchema } from '@stead/compute'
import type { ChainIdentity } from '@stead/core'
import { isSteadError } from '@stead/core'
import {
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketRequestSchema,
  payReplySchema,
  quoteReplySchema,
} from '@stead/market'
import { bytesToHex, channelIdOf, incrementSchema, outcomeRecordSchema, purseIdOf, quoteSchema } from '@stead/protocol'
import {
  agreementSchema,
  STORAGE_PROTOCOL,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '@stead/storage'
import type { Answer, Message } from './conversations.ts'

/** Protocols whose messages a story tells of: those by which work is done, pieces are agreed on, and both are paid. */
export const TOLD_PROTOCOLS: ReadonlySet<string> = new Set([MARKET_PROTOCOL, COMPUTE_PROTOCOL, STORAGE_PROTOCOL])

/** A message in a sentence with its amounts. Names are whole. */
export function messageText(message: Message, identity: ChainIdentity): string {
  const { protocol, payload, answer } = message
  const [what, answered] = told(protocol, payload, identity)
  return `${what} => ${answer === undefined ? 'no answer' : answerText(answer, answered)}`
}

function told(protocol: string, payload: Uint8Array, identity: ChainIdentity): Told {
  if (protocol === COMPUTE_PROTOCOL) return taskText(payload)
  return protocol === STORAGE_PROTOCOL ? storageText(payload) : marketText(payload, identity)
}

type Answered = (payload: Uint8Array) => string
type Told = readonly [what: string, answered: Answered]

function answerText(answer: Answer, answered: Answered): string {
  if ('code' in answer) return answer.code
  return readable(() => answered(answer.payload), `${answer.payload.length} bytes that cannot be read`)
}

function taskText(payload: Uint8Array): Told {
  const what = readable(() => {
    const { channel, delivery, maximumMicroUsd } = runTaskSchema.decodeMessage(payload)
    return `run a task as delivery ${bytesToHex(delivery)} on ${channel}, at most ${maximumMicroUsd} micro-dollars`
  }, `a task of ${payload.length} bytes that cannot be read`)
  return [
    what,
    (bytes) => {
      const { record, amountMicroUsd } = taskAnswerSchema.decodeMessage(bytes)
      const { fuel, status } = outcomeRecordSchema.decodeDocument(record)
      return `${status} for ${amountMicroUsd} micro-dollars, ${fuel} fuel`
    },
  ]
}

function storageText(payload: Uint8Array): Told {
  const what = readable(
    () => askText(storageRequestSchema.decodeMessage(payload)),
    `a storage request of ${payload.length} bytes that cannot be read`,
  )
  return [
    what,
    (bytes) => {
      const { agreement, amountMicroUsd } = storageReplySchema.decodeMessage(bytes)
      const { revision, pieces } = agreementSchema.decodeDocument(agreement.document)
      const bill = amountMicroUsd === undefined ? '' : `, ${amountMicroUsd} micro-dollars are due`
      return `signed revision ${revision} of ${pieces} pieces${bill}`
    },
  ]
}

function askText({ revise, settle, standing, audit }: StorageRequest): string {
  if (revise !== undefined) return `agree on ${revisionText(revise.document)}, ${revise.changes.length} slots change`
  if (settle !== undefined)
    return `prove ${revisionText(settle.document)} as delivery ${bytesToHex(settle.delivery)} on ${settle.channel}`
  if (standing !== undefined) return `how does agreement ${standing.agreement} stand?`
  return audit === undefined ? 'nothing' : `prove agreement ${audit.agreement}`
}

function revisionText(document: Uint8Array): string {
  const { revision, pieces, bytes, dueByteSeconds } = agreementSchema.decodeDocument(document)
  return `revision ${revision} of ${pieces} pieces with ${bytes} bytes, ${dueByteSeconds} byte-seconds due`
}

function marketText(payload: Uint8Array, identity: ChainIdentity): Told {
  const unread: Told = [`a market request of ${payload.length} bytes that cannot be read`, () => 'an answer']
  return readable(() => requestText(marketRequestSchema.decodeMessage(payload), identity), unread)
}

function requestText({ quote, open, pay, reject, sync }: MarketRequest, identity: ChainIdentity): Told {
  if (quote !== undefined) return [`what does ${quote.resource} cost?`, quoteText]
  if (open !== undefined) {
    const { seed, allocationMicroUsd } = open
    const { node, operator } = quoteSchema.decodeDocument(open.quote.document)
    const purse = purseIdOf(identity, seed)
    const channel = channelIdOf({ purse, node, operator, allocationMicroUsd })
    return [`open ${channel} of ${purse}, ${allocationMicroUsd} micro-dollars`, channelText]
  }
  if (pay !== undefined) {
    const { channel, index, entries, cumulativeMicroUsd } = incrementSchema.decodeDocument(pay.increment)
    const added = entries.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n)
    const bill = `${counted(entries.length)} for ${added} micro-dollars`
    const voucher = `increment ${index}, a voucher over ${cumulativeMicroUsd} in all`
    return [`pays ${bill} (${voucher}) on ${channel}${rejected(pay.rejections)}`, payText]
  }
  if (reject !== undefined) return [`does not pay on ${reject.channel}${rejected(reject.rejections)}`, () => 'noted']
  return sync === undefined ? ['nothing', () => 'an answer'] : [`how does ${sync.channel} stand?`, channelText]
}

function quoteText(bytes: Uint8Array): string {
  const { quote, refusal } = quoteReplySchema.decodeMessage(bytes)
  if (quote === undefined) return `no quote: ${refusal?.code ?? 'no reason'}`
  const { prepayMicroUsd, startMicroUsd } = quoteSchema.decodeDocument(quote.document).credit
  return `a quote: ${prepayMicroUsd} micro-dollars ahead, then ${startMicroUsd} of credit`
}

function channelText(bytes: Uint8Array): string {
  const { lastIndex, cumulativeMicroUsd, windowMicroUsd, outstanding } = channelReplySchema.decodeMessage(bytes)
  const bill =
    lastIndex === undefined
      ? 'nothing paid yet'
      : `${cumulativeMicroUsd} micro-dollars paid up to increment ${lastIndex}`
  const unpaid = outstanding.length === 0 ? 'nothing' : counted(outstanding.length / DELIVERY_BYTES)
  return `${bill}, ${unpaid} unpaid, ${windowMicroUsd} of credit`
}

function payText(bytes: Uint8Array): string {
  return `a receipt, ${payReplySchema.decodeMessage(bytes).windowMicroUsd} of credit`
}

function rejected(rejections: readonly { readonly delivery: Uint8Array; readonly reason: string }[]): string {
  const [first] = rejections
  if (first === undefined) return ''
  const more = rejections.length === 1 ? '' : ` and ${rejections.length - 1} more`
  return `; refuses the delivery ${bytesToHex(first.delivery)} (${first.reason})${more}`
}

function counted(deliveries: number): string {
  return deliveries === 1 ? '1 delivery' : `${deliveries} deliveries`
}

const DELIVERY_BYTES = 16

/** Cheats send what nobody can read. */
function readable<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read()
  } catch (error) {
    if (isSteadError(error)) return otherwise
    throw error
  }
}
