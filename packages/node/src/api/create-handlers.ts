import type { SteadNode } from '../daemon/stead-node.ts'
import { blobHandlers } from './blob-handlers.ts'
import { epochHandlers } from './epoch-handlers.ts'
import { grantHandlers } from './grant-handlers.ts'
import type { Handlers } from './handlers.ts'
import { jobHandlers } from './job-handlers.ts'
import { moneyHandlers } from './money-handlers.ts'
import { nodeHandlers } from './node-handlers.ts'
import { objectHandlers } from './object-handlers.ts'
import { shareHandlers } from './share-handlers.ts'

/** What a node does for each route of its API. */
export function createHandlers(node: SteadNode): Handlers {
  return {
    ...blobHandlers(node),
    ...jobHandlers(node),
    ...moneyHandlers(node),
    ...epochHandlers(node),
    ...objectHandlers(node),
    ...shareHandlers(node),
    ...grantHandlers(node),
    ...nodeHandlers(node),
  }
}
