import type { Store, StoreOperation } from '@stead/core'
import type { EpochBegin } from '@stead/rewards'

/** Tables of epochs. Epochs are 8 hexadecimal digits in keys, so that they sort as numbers. */
export const EPOCH_TABLES = {
  /** content id -> bytes */
  documents: 'epoch-documents',
  /** content id -> the last epoch that needs it, 8 digits */
  documentEpochs: 'epoch-document-epochs',
  /** epoch/beacon -> 32 bytes that the nonces of own probes come from */
  seeds: 'epoch-seeds',
  /** epoch/beacon/node -> what was measured: latencies, then 65 bytes of the last answer */
  probes: 'epoch-probes',
  /** epoch/beacon/node -> what the own audit of it found: an AuditReport */
  audits: 'epoch-audits',
  /** epoch/beacon -> the own log as it was signed */
  ownLogs: 'epoch-own-logs',
  /** epoch/content id of a valid log -> 1 when it came in time, 0 later */
  logs: 'epoch-logs',
  /** epoch -> content ids of the own evidence's previous result (or nothing) and evidence, as text */
  results: 'epoch-results',
  /** slot -> the notice of the own vote */
  votes: 'epoch-votes',
  /** name -> number, as text */
  marks: 'epoch-marks',
  /** epoch/transaction -> what was claimed, JSON */
  claims: 'epoch-claims',
  /** kind -> what is about to be claimed, or was without an answer, JSON */
  claimIntents: 'epoch-claim-intents',
} as const

type Table = (typeof EPOCH_TABLES)[keyof typeof EPOCH_TABLES]

/** The spelling of an epoch in keys. */
export function epochKey(epoch: number): string {
  return epoch.toString(16).padStart(8, '0')
}

/**
 * The spelling of an epoch on one fork of the chain. What was asked and answered on another one is no evidence here: it
 * is signed with the other beacon.
 */
export function forkKey({ epoch, beacon }: Pick<EpochBegin, 'epoch' | 'beacon'>): string {
  return `${epochKey(epoch)}/${beacon}`
}

/** A row to write. */
export function put(table: Table, key: string, value: Uint8Array): StoreOperation {
  return { kind: 'put', table, key, value }
}

/** Deletes rows whose key begins with an epoch before `epoch`. @throws CoreError of the store */
export async function deleteBefore(store: Store, table: Table, epoch: number): Promise<void> {
  const rows = await store.scan(table, { before: epochKey(epoch), limit: 1024 })
  if (rows.length === 0) return
  await store.write(
    rows.map(({ key }) => ({ kind: 'delete', table, key })),
    'process',
  )
}

/** Text as bytes and back; rows of texts. */
export const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const bytesText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
