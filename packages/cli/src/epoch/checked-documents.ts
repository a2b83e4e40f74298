import { type ContentId, hasCode, isSteadError, type SteadError } from '@stead/core'
import { checkContent } from '@stead/protocol'
import type { LoadDocument } from '@stead/rewards'
import { CliError } from '../errors.ts'

/** Bytes that somebody says are a document, and who. */
export interface OfferedDocument {
  readonly bytes: Uint8Array
  /** For messages: a file's path, a node. */
  readonly from: string
}

/** Asks one place for a document; undefined where it has none. @throws SteadError saying why it gives none */
export type AskForDocument = (id: ContentId) => Promise<OfferedDocument | undefined>

/** An audit of an epoch and of the one after it opens the same documents. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024

/**
 * Documents from one place, each checked against its content id as it comes in. Wrong bytes, and a place that fails, say
 * nothing about the root that is audited: for the audit the document is missing, and {@link faultOf} says why.
 */
export class CheckedDocuments {
  readonly #ask: AskForDocument
  readonly #kept: Map<ContentId, Uint8Array> = new Map()
  readonly #faults: Map<ContentId, SteadError> = new Map()
  #keptBytes = 0

  constructor(ask: AskForDocument) {
    this.#ask = ask
  }

  readonly load: LoadDocument = async (id) => {
    const known = this.#kept.get(id)
    if (known !== undefined) return known
    this.#faults.delete(id)
    try {
      const offered = await this.#ask(id)
      return offered === undefined ? undefined : this.#keep(id, checked(id, offered))
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#faults.set(id, error)
      return undefined
    }
  }

  /** Why a document was not given when it was asked for last; undefined where it is just not there. */
  readonly faultOf = (id: ContentId): SteadError | undefined => this.#faults.get(id)

  #keep(id: ContentId, bytes: Uint8Array): Uint8Array {
    if (this.#keptBytes + bytes.length > KEPT_BYTES_MAX) return bytes
    this.#keptBytes += bytes.length
    this.#kept.set(id, bytes)
    return bytes
  }
}

function checked(id: ContentId, { bytes, from }: OfferedDocument): Uint8Array {
  try {
    checkContent(id, bytes)
    return bytes
  } catch (cause) {
    if (!hasCode(cause, 'PROTOCOL_CONTENT')) throw cause
    const message = `the document ${id} cannot be had: ${from} has other bytes under its id`
    throw new CliError('CLI_EVIDENCE_MISSING', message, {
      details: { id, from },
      next: 'Get it again from another node or copy: damaged bytes say nothing about the root',
      cause,
    })
  }
}
