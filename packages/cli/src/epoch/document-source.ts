import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentId, hasCode } from '@stead/core'
import type { LoadDocument } from '@stead/rewards'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { epochApi } from './epoch-api.ts'

/** Where the documents of epochs come from: a folder of files that are named by their content id, else the node. */
export function documentSource(given: { readonly evidence?: string }, context: CommandContext): LoadDocument {
  const { evidence } = given
  return kept(evidence === undefined ? fromNode(context) : fromFolder(evidence))
}

/** @throws CliError CLI_USAGE when there is no such folder */
function fromFolder(folder: string): LoadDocument {
  if (!existsSync(folder)) throw new CliError('CLI_USAGE', `there is no folder ${folder}`)
  return async (id) => {
    const path = join(folder, id)
    return existsSync(path) ? new Uint8Array(await readFile(path)) : undefined
  }
}

function fromNode(context: CommandContext): LoadDocument {
  const api = epochApi(context)
  return async (id) => {
    try {
      return await api.getDocument(id)
    } catch (error) {
      // The node has asked its peers as well.
      if (hasCode(error, 'NODE_DOCUMENT_MISSING')) return undefined
      throw error
    }
  }
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
