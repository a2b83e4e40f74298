import { type ContentId, hash } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import type { EpochNumber } from '@stead/rewards'
import type { SteadNode } from '../daemon/stead-node.ts'
import { NodeError } from '../errors.ts'
import { contentIdOfPath } from './content-id-of-path.ts'
import type { Handlers } from './handlers.ts'

type EpochRoutes = 'listEpochs' | 'runEpoch' | 'getEpochLogs' | 'getDocument' | 'claimRewards'

/** Epochs, for a node that takes part in them. */
export function epochHandlers(node: SteadNode): Pick<Handlers, EpochRoutes> {
  return {
    listEpochs: async () => {
      const service = serviceOf(node)
      // Loaded here: a node without a part in epochs does without rewards.
      const { epochOverview } = await import('../epochs/epoch-overview.ts')
      return await epochOverview(service)
    },
    runEpoch: async ({ id }) => {
      const service = serviceOf(node)
      const { epoch, attempt, root, evidence, result, logs } = await service.proposer.propose(await epochOf(id))
      return { epoch, attempt, root, evidence, result, logs }
    },
    getEpochLogs: async ({ id }) => {
      const { logs } = serviceOf(node)
      const epoch = await epochOf(id)
      return { epoch, owed: await logs.owed(epoch) }
    },
    getDocument: ({ id }) => document(serviceOf(node), contentIdOfPath(id)),
    claimRewards: async () => {
      const { claimer } = serviceOf(node)
      if (claimer === undefined) throw new NodeError('NODE_NOT_PROVIDING', 'no operator is named who is paid')
      const sent = await claimer.claim(true)
      return {
        transactions: sent.map(({ kind, transaction, gasCostWei }) => ({
          kind,
          transaction: hash(transaction),
          gasCostWei,
        })),
        reason: sent.length > 0 ? null : claimer.state.reason,
      }
    },
  }
}

async function epochOf(text: string): Promise<EpochNumber> {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text)) {
    throw new NodeError('NODE_ROUTE_UNKNOWN', `${text.slice(0, 20)} is no number of an epoch`)
  }
  // Loaded here: a node without a part in epochs does without rewards.
  const { epochNumber } = await import('@stead/rewards')
  return epochNumber(Number(text))
}

async function document(service: EpochService, id: ContentId): Promise<Uint8Array> {
  const { exchange, ports } = service
  const epoch = ports.time.head === undefined ? 0 : ports.time.epoch()
  const bytes = await exchange.load(id, { epoch })
  if (bytes !== undefined) return bytes
  // Loaded here: a node without a part in epochs does without them.
  const { EpochsError } = await import('@stead/epochs')
  throw new EpochsError('EPOCHS_DOCUMENT_UNKNOWN', `nobody who was asked has the document ${id}`, { details: { id } })
}

function serviceOf(node: SteadNode): EpochService {
  const service = node.epochs
  if (service !== undefined) return service
  throw new NodeError('NODE_EPOCHS_OFF', 'this node takes no part in epochs')
}
