import { CoreError, type Network, type PeerId, type RequestOptions } from '@stead/core'
import { DOCUMENTS_PROTOCOL, PROBE_PROTOCOL } from '@stead/epochs'
import { decorated } from './decorated.ts'
import type { EpochCheat } from './epoch-cheats.ts'

/** The network of a cheat in epochs: who slanders asks nobody and reports that nobody answered; evidence is withheld. */
export function epochLyingNetwork(network: Network, cheat: EpochCheat): Network {
  const withheld = cheat === 'withholds-evidence' ? DOCUMENTS_PROTOCOL : undefined
  const unasked = cheat === 'slanders' ? PROBE_PROTOCOL : undefined
  return decorated(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, (request) => {
        if (protocol === withheld) throw new CoreError('NETWORK_BUSY', 'nothing is given out')
        return handler(request)
      }),
    request: (peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions) => {
      if (protocol === unasked) return Promise.reject(new CoreError('NETWORK_TIMEOUT', 'not asked at all'))
      return network.request(peer, protocol, payload, options)
    },
  })
}
