import type { Address, PeerId } from '@stead/core'
import type { OfferBook } from '@stead/market'
import { addressOfPeerId, nodeKey, type Resource } from '@stead/protocol'
import { resourceBits } from '@stead/rewards'
import type { EpochPorts } from './ports.ts'

const FIND_TIMEOUT_MS = 5000
const FOUND_MAX = 4
/** The resources that nodes sell today. */
const RESOURCES_SOLD: readonly Resource[] = ['compute']

/** What a prober can say of where a node is and what it sells. */
export interface NodePlace {
  /** 4 and a /24, or 6 and a /64; empty when it is not known. */
  readonly network: Uint8Array
  readonly region: string
  readonly resources: number
}

/** Finds nodes by their addresses: among peers, in offers, in the DHT. */
export class NodeDirectory {
  readonly #ports: Pick<EpochPorts, 'network'>
  readonly #offers: Pick<OfferBook, 'list'>

  constructor(ports: Pick<EpochPorts, 'network'>, offers: Pick<OfferBook, 'list'>) {
    this.#ports = ports
    this.#offers = offers
  }

  /** Lets others find this node by its address. */
  announce(self: Address): Promise<void> {
    return this.#ports.network.provide(nodeKey(self))
  }

  /** The peer with this address; undefined when it cannot be found now. */
  async peerOf(node: Address): Promise<PeerId | undefined> {
    const { network } = this.#ports
    const known = network.peers().find(({ peer }) => isNode(peer, node))
    if (known?.connected === true) return known.peer
    const offered = RESOURCES_SOLD.flatMap((resource) => this.#offers.list(resource)).find(
      ({ offer }) => offer.node === node,
    )
    if (offered !== undefined) return offered.peer
    if (known !== undefined) return known.peer
    const found = await network.findProviders(nodeKey(node), FOUND_MAX, FIND_TIMEOUT_MS)
    return found.find((peer) => isNode(peer, node))
  }

  /** What is known of a node's place now. */
  placeOf(node: Address): NodePlace {
    const info = this.#ports.network.peers().find(({ peer, connected }) => connected && isNode(peer, node))
    const offers = RESOURCES_SOLD.flatMap((resource) =>
      this.#offers.list(resource).filter(({ offer }) => offer.node === node),
    )
    return {
      network: networkOf(info?.addresses ?? []),
      region: offers[0]?.offer.region ?? '-',
      resources: resourceBits(new Set(offers.map(({ offer }) => offer.resource))),
    }
  }
}

function isNode(peer: PeerId, node: Address): boolean {
  try {
    return addressOfPeerId(peer) === node
  } catch {
    // A peer with a key of another kind is none of ours.
    return false
  }
}

/** The /24 or /64 of the first address that has one: 4 and 3 bytes, or 6 and 8 bytes. */
export function networkOf(addresses: readonly string[]): Uint8Array {
  for (const address of addresses) {
    const [, family, host = ''] = address.split('/')
    if (family === 'ip4') {
      const parts = host.split('.').map(Number)
      if (parts.length === 4 && parts.every((part) => part >= 0 && part <= 255)) {
        return Uint8Array.of(4, ...parts.slice(0, 3))
      }
    }
    const prefix = family === 'ip6' ? prefixOf(host) : undefined
    if (prefix !== undefined) return Uint8Array.of(6, ...prefix)
  }
  return new Uint8Array(0)
}

/** The first 64 bits of an IPv6 address, 8 bytes. */
function prefixOf(host: string): readonly number[] | undefined {
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - left.length - right.length
  if (missing < 0 || (tail === undefined && missing > 0)) return undefined
  const groups = [...left, ...new Array<string>(missing).fill('0'), ...right].slice(0, 4)
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}
