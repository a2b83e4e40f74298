import { StorageError } from '../errors.ts'

/** How many nodes there are for a segment. */
export interface NodesFound {
  readonly needNodes: number
  /** That share neither operator nor place. */
  readonly haveNodes: number
  /** That share no operator, wherever they are. */
  readonly haveAnywhere: number
}

/**
 * That a segment has too few nodes, and what helps: where places are too few, a person with all nodes on one machine need
 * not wait for any offer.
 */
export function tooFewNodes({ needNodes, haveNodes, haveAnywhere }: NodesFound): StorageError {
  const details = { needNodes, haveNodes }
  const message = `${needNodes} nodes of different operators and places are needed, ${haveNodes} can be had`
  if (haveAnywhere <= haveNodes) return new StorageError('STORAGE_TOO_FEW_NODES', message, { details })
  const flags = haveAnywhere < needNodes ? '--no-storage-spread --storage-profile 2-of-3' : '--no-storage-spread'
  return new StorageError(
    'STORAGE_TOO_FEW_NODES',
    `${message}; ${haveAnywhere} without regard to their places (/24 or /64)`,
    {
      details: { ...details, haveAnywhere },
      next: `Where all nodes are in one place, as on one machine, start this one with: stead up ${flags}; else wait for offers from other places.`,
    },
  )
}
