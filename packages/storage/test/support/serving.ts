import type { Network, RequestHandler } from '@stead/core'
import { decorated } from '@stead/testkit'

/** What a node does in place of serving as it should. */
export type Serve = (handler: RequestHandler) => RequestHandler

/** A network whose node serves one protocol in another way. */
export function serving(network: Network, served: string, serve: Serve): Network {
  return decorated(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, protocol === served ? serve(handler) : handler),
  })
}
