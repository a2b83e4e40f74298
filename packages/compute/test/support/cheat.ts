import type { Fuel, IncomingRequest, MicroUsd } from '@stead/core'
import { contentIdOf, type OutcomeRecord, outcomeRecordSchema, taskSchema } from '@stead/protocol'
import {
  amountOf,
  COMPUTE_PROTOCOL,
  type ComputeTerms,
  computeProviderOptionsSchema,
  computeTermsSchema,
  evidenceOf,
  outcomeOfTask,
  type RunTask,
  runTaskSchema,
  taskAnswerSchema,
} from '../../src/index.ts'
import { termsOf } from '../../src/provider/provider-terms.ts'
import type { ProviderParts, ServiceFactory } from './world.ts'

/** An answer as a cheat may bend it before it is billed and sent. */
export interface BentAnswer {
  record: OutcomeRecord
  blobs: Uint8Array[]
  amountMicroUsd: MicroUsd
  /** Sent instead of an answer. */
  raw?: Uint8Array
}

export type Bend = (
  answer: BentAnswer,
  facts: { readonly message: RunTask; readonly terms: ComputeTerms },
) => BentAnswer

/** How a node misbehaves. */
export interface Cheating {
  /** Bends the honest answer. @default sends it as it is */
  readonly bend?: Bend
  /** Instead of running anything. */
  readonly instead?: (request: IncomingRequest, parts: ProviderParts) => Promise<Uint8Array>
}

/** Output that differs from the right one. */
export function forged(record: OutcomeRecord, bytes: Uint8Array): { record: OutcomeRecord; blobs: Uint8Array[] } {
  return { record: { ...record, output: contentIdOf('raw', bytes) }, blobs: [bytes] }
}

/** A provider that quotes, admits and bills like a real one, and lies about results as told. */
export function cheat(cheating: Cheating): ServiceFactory {
  return (parts) => {
    const terms = termsOf(computeProviderOptionsSchema.parse(parts.options), parts.executor.meterVersion)
    const blobs = new Map<string, Uint8Array>()
    const serve = async (request: IncomingRequest): Promise<Uint8Array> => {
      if (cheating.instead !== undefined) return cheating.instead(request, parts)
      const message = runTaskSchema.decodeMessage(request.payload)
      const { channel, delivery, maximumMicroUsd } = message
      const admission = parts.market.admit({ peer: request.peer, channel, delivery, maximumMicroUsd })
      for (const bytes of message.blobs) blobs.set(contentIdOf('raw', bytes), bytes)
      const id = contentIdOf('dag-cbor', message.task)
      const { executor } = parts
      const outcome = await outcomeOfTask(taskSchema.decodeDocument(message.task), {
        executor,
        blobs: async (blob) =>
          blobs.get(blob) ?? parts.blobs.pull(request.peer, blob, { bytesMax: 1 << 26, timeoutMs: 5000 }),
      })
      const honest = evidenceOf(id, outcome)
      if (honest === undefined) throw new Error('tests of cheats use tasks that end')
      const amountMicroUsd = amountOf(terms, honest.record.fuel)
      const straight: BentAnswer = { record: honest.record, blobs: [...honest.blobs.values()], amountMicroUsd }
      const bent = cheating.bend?.(straight, { message, terms }) ?? straight
      const record = outcomeRecordSchema.encodeDocument(bent.record)
      const evidence = contentIdOf('dag-cbor', record)
      const quantity: Fuel = bent.record.fuel
      // Its own market bills no more than was reserved, whatever it claims.
      const isWithin = bent.amountMicroUsd <= maximumMicroUsd
      const billed = isWithin ? bent.amountMicroUsd : maximumMicroUsd
      await admission.deliver({ delivery, item: id, evidence, quantity, amountMicroUsd: billed })
      if (bent.raw !== undefined) return bent.raw
      return taskAnswerSchema.encodeMessage({ record, blobs: bent.blobs, amountMicroUsd: bent.amountMicroUsd })
    }
    return {
      async start() {
        parts.market.sell({
          resource: 'compute',
          terms: () => computeTermsSchema.encodeDocument(terms),
          quote: () => ({
            terms: computeTermsSchema.encodeDocument(terms),
            concurrency: terms.concurrency,
            leastUnitMicroUsd: terms.minimumMicroUsdPerTask,
          }),
        })
        const limits = { messageBytesMax: 1 << 21, inFlightPerPeerMax: 1024, handlerTimeoutMs: 600_000 }
        parts.network.handle(COMPUTE_PROTOCOL, limits, serve)
      },
      async stop() {
        return undefined
      },
    }
  }
}
