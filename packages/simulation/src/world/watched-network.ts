import { isSteadError, messageOf, type Network, type RequestHandler } from '@stead/core'
import { decorated } from '@stead/testkit'

/**
 * The network of an honest node, with an eye on its handlers: whatever a peer sends, what they throw must be an answer
 * with a code. The network would hide anything else from everybody as an internal failure.
 */
export function watchedNetwork(network: Network, onBug: (what: string) => void): Network {
  const watch = (protocol: string, error: unknown): void => {
    if (!isSteadError(error)) onBug(`its handler of ${protocol} failed by its own fault: ${messageOf(error)}`)
  }
  return decorated(network, {
    handle: (protocol, limits, handler: RequestHandler) =>
      network.handle(protocol, limits, async (request) => {
        try {
          return await handler(request)
        } catch (error) {
          watch(protocol, error)
          throw error
        }
      }),
    subscribe: (topic, handler) =>
      network.subscribe(topic, (payload, from) => {
        try {
          return handler(payload, from)
        } catch (error) {
          watch(topic, error)
          throw error
        }
      }),
  })
}
