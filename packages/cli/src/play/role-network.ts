import { type Address, CoreError, type Network, type RequestHandler } from '@stead/core'
import { PROBE_PROTOCOL } from '@stead/epochs'
import { addressOfPeerId } from '@stead/protocol'
import { SLOW_LINE_MS, STRANGERS_ANSWERED_PART } from './cast.ts'

/** Everything that a node answers leaves it later. */
export function slowNetwork(network: Network, sleep: (delayMs: number) => Promise<void>): Network {
  return withMethods(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, async (request) => {
        const answer = await handler(request)
        await sleep(SLOW_LINE_MS)
        return answer
      }),
  })
}

/**
 * A node that has an agreement with another one: it probes nobody else, so that its signed log says that all others were
 * silent; and of the probes of strangers it answers only some, because its partner will say that it answers all.
 */
export function colludingNetwork(network: Network, partner: Address): Network {
  let asked = 0
  return withMethods(network, {
    request: async (peer, protocol, payload, options) => {
      if (protocol === PROBE_PROTOCOL && addressOfPeerId(peer) !== partner)
        throw new CoreError('NETWORK_TIMEOUT', 'not asked: it is to look silent')
      return await network.request(peer, protocol, payload, options)
    },
    handle: (protocol, limits, handler) => {
      const choosy: RequestHandler = async (request) => {
        if (addressOfPeerId(request.peer) === partner || asked++ % STRANGERS_ANSWERED_PART === 0)
          return await handler(request)
        throw new CoreError('NETWORK_BUSY', 'strangers are answered now and then')
      }
      network.handle(protocol, limits, protocol === PROBE_PROTOCOL ? choosy : handler)
    },
  })
}

/** A network some of whose methods are others. */
function withMethods(network: Network, methods: Partial<Network>): Network {
  return new Proxy(network, {
    get: (target, name) => {
      const other: unknown = Reflect.get(methods, name)
      const own: unknown = Reflect.get(target, name)
      return other ?? (typeof own === 'function' ? own.bind(target) : own)
    },
  })
}
