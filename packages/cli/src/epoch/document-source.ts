import { type ContentId, hasCode, type SteadError } from '@stead/core'
import type { LoadDocument } from '@stead/rewards'
import type { DaemonClient } from '@stead/sdk'
import { CliError } from '../errors.ts'
import { clientOf, type NodePlace } from '../node-place.ts'
import { CheckedDocuments, type OfferedDocument } from './checked-documents.ts'
import { DocumentFolder } from './document-folder.ts'

/** Where the documents of epochs come from. */
export interface DocumentSource {
  readonly load: LoadDocument
  /**
   * A result that somebody published for this evidence with this root. The chain does not name it, and nothing follows
   * from it; but it says in which line a wrong root differs. Undefined where none is known.
   */
  readonly publishedResult: (result: PublishedResult) => Promise<Uint8Array | undefined>
  /** Why `load` did not give a document; undefined where it is just not there. */
  readonly faultOf?: (id: ContentId) => SteadError | undefined
  /**
   * Probe logs that every proposer of an epoch owed. Only who listened then can know: undefined, or none, where nobody
   * who is asked did. Left out altogether where there is nobody to ask.
   */
  readonly owedLogs?: (epoch: number) => Promise<readonly ContentId[] | undefined>
}

/** What names a published result. */
export interface PublishedResult {
  readonly evidence: ContentId
  readonly root: string
}

/** A folder of files that are named by their content id, else the node. @throws CliError CLI_USAGE for no folder */
export function documentSource({ evidence }: { readonly evidence?: string }, node: NodePlace): DocumentSource {
  if (evidence === undefined) return nodeDocuments(clientOf(node))
  const folder = new DocumentFolder(evidence)
  const { load, faultOf } = new CheckedDocuments((id) => folder.ask(id))
  return { load, faultOf, publishedResult: (wanted) => folder.publishedResult(wanted) }
}

/** From a node's API; the node asks its peers. */
export function nodeDocuments(client: DaemonClient): DocumentSource {
  const { load, faultOf } = new CheckedDocuments((id) => askNode(client, id))
  return { load, faultOf, publishedResult: async () => undefined, owedLogs: (epoch) => askForLogs(client, epoch) }
}

/** @throws CliError CLI_EVIDENCE_MISSING while it does not run or takes no part in epochs; SdkError of the connection */
async function askNode(client: DaemonClient, id: ContentId): Promise<OfferedDocument | undefined> {
  try {
    return { bytes: await client.getDocument(id), from: 'the node' }
  } catch (error) {
    // The node has asked its peers as well.
    if (hasCode(error, 'EPOCHS_DOCUMENT_UNKNOWN')) return undefined
    if (hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'NODE_EPOCHS_OFF')) throw nodeNeeded(error, id)
    throw error
  }
}

/** Without a node that listens, or with one of an older version, the audit goes on and says that it did not look. */
async function askForLogs(client: DaemonClient, epoch: number): Promise<readonly ContentId[] | undefined> {
  try {
    return (await client.getEpochLogs(epoch)).owed
  } catch (error) {
    const isUnheard = ['API_NO_DAEMON', 'NODE_EPOCHS_OFF', 'NODE_ROUTE_UNKNOWN'].some((code) => hasCode(error, code))
    if (isUnheard) return undefined
    throw error
  }
}

function nodeNeeded(cause: SteadError, id: ContentId): CliError {
  const how = cause.code === 'API_NO_DAEMON' ? 'stead up' : 'stead up --watch-epochs'
  return new CliError('CLI_EVIDENCE_MISSING', `the evidence of the epoch comes from a node: ${cause.message}`, {
    details: { id },
    next: `Start one: ${how}; or name a folder with the documents: --evidence <folder>`,
    cause,
  })
}
