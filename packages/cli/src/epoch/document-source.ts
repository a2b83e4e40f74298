import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentId, hasCode } from '@stead/core'
import { type LoadDocument, openResult, RESULT_BYTES_MAX } from '@stead/rewards'
import type { DaemonClient } from '@stead/sdk'
import type { CommandContext } from '../command-context.ts'
import { clientFor } from '../daemon-access.ts'
import { CliError } from '../errors.ts'

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
export function documentSource(given: { readonly evidence?: string }, context: CommandContext): DocumentSource {
  const { evidence } = given
  if (evidence === undefined) return { load: fromNode(clientFor(context)), publishedResult: async () => undefined }
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

/** From a node's API; the node asks its peers. */
export function fromNode(client: DaemonClient): LoadDocument {
  return kept(async (id) => {
    try {
      return await client.getDocument(id)
    } catch (error) {
      // The node has asked its peers as well.
      if (hasCode(error, 'NODE_DOCUMENT_UNKNOWN')) return undefined
      throw error
    }
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
