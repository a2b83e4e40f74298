import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentId, hasCode, type SteadError } from '@stead/core'
import { type LoadDocument, openResult, RESULT_BYTES_MAX } from '@stead/rewards'
import type { DaemonClient } from '@stead/sdk'
import { CliError } from '../errors.ts'
import { clientOf, type NodePlace } from '../node-place.ts'

/** Where the documents of epochs come from. */
export interface DocumentSource {
  readonly load: LoadDocument
  /**
   * A result that somebody published for this evidence with this root. The chain does not name it, and nothing follows
   * from it; but it says in which line a wrong root differs. Undefined where none is known.
   */
  readonly publishedResult: (result: PublishedResult) => Promise<Uint8Array | undefined>
}

/** What names a published result. */
export interface PublishedResult {
  readonly evidence: ContentId
  readonly root: string
}

/** A folder of files that are named by their content id, else the node. @throws CliError CLI_USAGE for no folder */
export function documentSource({ evidence }: { readonly evidence?: string }, node: NodePlace): DocumentSource {
  if (evidence === undefined) return { load: fromNode(clientOf(node)), publishedResult: async () => undefined }
  return { load: kept(fromFolder(evidence)), publishedResult: (wanted) => resultIn(evidence, wanted) }
}

async function resultIn(folder: string, { evidence, root }: PublishedResult): Promise<Uint8Array | undefined> {
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    if ((await stat(path)).size > RESULT_BYTES_MAX) continue
    const bytes = new Uint8Array(await readFile(path))
    try {
      const result = openResult(bytes)
      if (result.evidence === evidence && result.root === root) return bytes
    } catch {
      // Another kind of document.
    }
  }
  return undefined
}

/** @throws CliError CLI_USAGE when there is no such folder */
function fromFolder(folder: string): LoadDocument {
  if (!existsSync(folder)) throw new CliError('CLI_USAGE', `there is no folder ${folder}`)
  return async (id) => {
    const path = join(folder, id)
    return existsSync(path) ? new Uint8Array(await readFile(path)) : undefined
  }
}

/** From a node's API; the node asks its peers. @throws CliError CLI_EVIDENCE_MISSING while it does not run or takes no part in epochs */
export function fromNode(client: DaemonClient): LoadDocument {
  return kept(async (id) => {
    try {
      return await client.getDocument(id)
    } catch (error) {
      // The node has asked its peers as well.
      if (hasCode(error, 'NODE_DOCUMENT_UNKNOWN')) return undefined
      if (hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'NODE_EPOCHS_OFF')) throw nodeNeeded(error, id)
      throw error
    }
  })
}

function nodeNeeded(cause: SteadError, id: ContentId): CliError {
  const how = cause.code === 'API_NO_DAEMON' ? 'stead up' : 'stead up --watch-epochs'
  return new CliError('CLI_EVIDENCE_MISSING', `the evidence of the epoch comes from a node: ${cause.message}`, {
    details: { id },
    next: `Start one: ${how}; or name a folder with the documents: --evidence <folder>`,
    cause,
  })
}

/** An audit of an epoch and of the one after it opens the same documents. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024

function kept(load: LoadDocument): LoadDocument {
  const documents = new Map<ContentId, Uint8Array>()
  let bytesKept = 0
  return async (id) => {
    const known = documents.get(id)
    if (known !== undefined) return known
    const bytes = await load(id)
    if (bytes === undefined || bytesKept + bytes.length > KEPT_BYTES_MAX) return bytes
    bytesKept += bytes.length
    documents.set(id, bytes)
    return bytes
  }
}
