import type { Network } from '@stead/core'

/** The same network, with every protocol served and asked as bulk. */
export function inBulk(network: Network): Network {
  const handle: Network['handle'] = (protocol, limits, handler) =>
    network.handle(protocol, { ...limits, bulk: true }, handler)
  const request: Network['request'] = (peer, protocol, payload, options) =>
    network.request(peer, protocol, payload, { ...options, bulk: true })
  return new Proxy(network, {
    get(target, name) {
      if (name === 'handle') return handle
      if (name === 'request') return request
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
