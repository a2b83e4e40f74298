import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { CoreError, messageOf, type PeerId } from '@stead/core'

/** What libp2p dials: a multiaddr that names its peer, or a peer. @throws Error for anything else */
export function dialTarget(target: string | PeerId): Multiaddr | Libp2pPeerId {
  if (!target.startsWith('/')) return peerIdFromString(target)
  if (!target.includes('/p2p/')) throw new Error('the address does not end in /p2p/<peer id>')
  return multiaddr(target)
}

/** An address that ends in `/p2p/<peer>`. */
export function withPeer(address: string, peer: string): string {
  return address.endsWith(`/p2p/${peer}`) ? address : `${address}/p2p/${peer}`
}

/** Aborts when a time is over. Node.js takes whole milliseconds only, and what is left of a time is seldom whole. */
export function abortAfter(timeoutMs: number): AbortSignal {
  return AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs)))
}

/** The peer that an address ends with; undefined when it names none. */
export function peerOfAddress(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}

/** The error before start and after stop. */
export function notRunning(): CoreError {
  return new CoreError('CORE_STOPPED', 'the network is not running')
}

/** The error for a peer that is refused. */
export function refused(peer: PeerId): CoreError {
  return new CoreError('NETWORK_UNREACHABLE', `${peer} is refused for a while`, { details: { peer } })
}

/** What a failure of libp2p to connect means. */
export function connectionError(target: string, cause: unknown, protocol?: string): CoreError {
  if (cause instanceof CoreError) return cause
  const name = cause instanceof Error ? cause.name : ''
  const options = { cause, details: { peer: target, ...(protocol === undefined ? {} : { protocol }) } }
  if (name === 'UnsupportedProtocolError') {
    return new CoreError('NETWORK_UNSUPPORTED', `${target} does not speak ${protocol}`, options)
  }
  if (name === 'TimeoutError' || name === 'AbortError') {
    return new CoreError('NETWORK_TIMEOUT', `no connection to ${target} in time`, options)
  }
  return new CoreError('NETWORK_UNREACHABLE', `cannot reach ${target}: ${messageOf(cause)}`, options)
}
