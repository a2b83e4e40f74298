import { type Address, address, type ContentId, type Hash, hash, messageOf } from '@stead/core'
import { SdkError } from '@stead/sdk'
import { errorOfProblem, problemWire } from '@stead/sdk/api'
import { z } from 'zod'
import type { CommandContext } from '../command-context.ts'
import { daemonAccess } from '../daemon-access.ts'

const integer = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/)
  .transform(BigInt)
const hashes = z.string().transform((text): Hash => hash(text))
const addresses = z.string().transform((text): Address => address(text))
const contentIds = z
  .string()
  .regex(/^b[a-z2-7]{58}$/)
  .transform((text) => text as ContentId)
const epochs = z.int().min(0)

/** What the node knows of one epoch. */
export interface EpochState {
  readonly epoch: number
  /** `running`, `gathering`, `proposed`, `challenged`, `final`, `dropped`, `mismatch`. */
  readonly state: string
  readonly evidence: ContentId | null
  readonly root: Hash | null
  readonly reason: string | null
  /** Probe logs that were gathered. */
  readonly logs: number
  /** Nodes whose log is missing. */
  readonly missing: readonly unknown[]
}

/** What the node knows of epochs. */
export interface EpochList {
  /** The epoch that runs. */
  readonly now: number
  readonly epochs: readonly EpochState[]
  /** What does not work now: the chain's endpoint down, a policy that is not known. */
  readonly faults: readonly { readonly duty: string; readonly reason: string }[]
}

/** A root that the node has proposed. */
export interface EpochRun {
  readonly epoch: number
  readonly attempt: number
  readonly root: Hash
  readonly evidence: ContentId
  /** The published result. */
  readonly result: ContentId
  /** Probe logs that count in it. */
  readonly logs: number
}

/** One operator's epoch, by the node that works for it. `net = gross - fee`. */
export interface EarningsRow {
  readonly epoch: number
  readonly grossMicroUsd: bigint
  readonly feeMicroUsd: bigint
  readonly gasWei: bigint
  readonly netMicroUsd: bigint
  readonly mintedTokenUnits: bigint
  readonly sponsoredMicroUsd: bigint
  /** Why nothing was earned or minted; null when something was. */
  readonly reason: string | null
}

/** One operator's earnings by epoch. */
export interface EarningsByEpoch {
  readonly operator: Address
  readonly rows: readonly EarningsRow[]
}

const epochListSchema: z.ZodType<EpochList> = z.object({
  now: epochs,
  epochs: z.array(
    z.object({
      epoch: epochs,
      state: z.string().max(40),
      evidence: contentIds.nullable(),
      root: hashes.nullable(),
      reason: z.string().max(4096).nullable(),
      logs: z.int().min(0),
      missing: z.array(z.unknown()),
    }),
  ),
  faults: z.array(z.object({ duty: z.string(), reason: z.string() })),
})

const epochRunSchema: z.ZodType<EpochRun> = z.object({
  epoch: epochs,
  attempt: epochs,
  root: hashes,
  evidence: contentIds,
  result: contentIds,
  logs: z.int().min(0),
})

const earningsSchema: z.ZodType<EarningsByEpoch> = z.object({
  operator: addresses,
  rows: z.array(
    z.object({
      epoch: epochs,
      grossMicroUsd: integer,
      feeMicroUsd: integer,
      gasWei: integer,
      netMicroUsd: integer,
      mintedTokenUnits: integer,
      sponsoredMicroUsd: integer,
      reason: z.string().max(4096).nullable(),
    }),
  ),
})

/** The part of the node's HTTP API that is about epochs. Each function throws what the node threw, with its code. */
export interface EpochApi {
  listEpochs(signal?: AbortSignal): Promise<EpochList>
  runEpoch(epoch: number): Promise<EpochRun>
  getDocument(id: ContentId): Promise<Uint8Array>
  getEarnings(range: { readonly from?: number; readonly to?: number }): Promise<EarningsByEpoch>
}

/** The epochs of the daemon that a command talks to. */
export function epochApi(context: CommandContext): EpochApi {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const { url, token } = daemonAccess(context)
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${url}${path}`, { redirect: 'error', ...init, headers }).catch((cause: unknown) => {
      if (init.signal?.aborted === true) throw cause
      throw new SdkError('API_NO_DAEMON', `no node answers at ${url}`, { cause, details: { url } })
    })
    if (!response.ok) throw await failureOf(response)
    return response
  }
  const value = async <Value>(schema: z.ZodType<Value>, path: string, init?: RequestInit): Promise<Value> => {
    const response = await ask(path, init)
    const parsed = schema.safeParse(await response.json().catch(messageOf))
    if (parsed.success) return parsed.data
    throw new SdkError('API_BAD_RESPONSE', `the node's answer to ${path} cannot be read`, { cause: parsed.error })
  }
  return {
    listEpochs: (signal) => value(epochListSchema, '/v1/epochs', signal === undefined ? {} : { signal }),
    runEpoch: (epoch) => value(epochRunSchema, `/v1/epochs/${epoch}/run`, { method: 'POST' }),
    getDocument: async (id) => new Uint8Array(await (await ask(`/v1/documents/${id}`)).arrayBuffer()),
    getEarnings: ({ from, to }) => {
      const given = { ...(from === undefined ? {} : { from: `${from}` }), ...(to === undefined ? {} : { to: `${to}` }) }
      const query = new URLSearchParams(given).toString()
      return value(earningsSchema, query === '' ? '/v1/earnings' : `/v1/earnings?${query}`)
    },
  }
}

async function failureOf(response: Response): Promise<Error> {
  const problem = problemWire.safeDecode(await response.json().catch(() => undefined))
  if (problem.success) return errorOfProblem(problem.data)
  const message = `the node answered with status ${response.status} and no reason`
  return new SdkError('API_BAD_RESPONSE', message, { details: { status: response.status } })
}
