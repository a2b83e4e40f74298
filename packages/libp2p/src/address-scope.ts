import { BlockList, isIP, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '@stead/core'

/** Ranges that are not the public Internet: private, loopback, link-local, shared, translated, multicast, reserved. */
const SPECIAL_RANGES: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['::ffff:0:0', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
]
// Apart, because a list takes an IPv4 address for the IPv6 one that it maps to.
const special4 = listOf(SPECIAL_RANGES.filter(([, , family]) => family === 'ipv4'))
const special6 = listOf(SPECIAL_RANGES.filter(([, , family]) => family === 'ipv6'))
const loopback = listOf([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
])
const linkLocal = listOf([
  ['169.254.0.0', 16, 'ipv4'],
  ['fe80::', 10, 'ipv6'],
])

const HOST_PROTOCOLS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6', 'dnsaddr'])
const HOSTS_MAX = 1000
const SUBNETS_AGE_MAX_MS = 60_000

/**
 * Says which addresses that *others* name may be dialled: public ones; private ones only within a subnet of this machine;
 * loopback only where this node itself was told to listen on it. Otherwise any stranger could make a home node knock on
 * the doors of its LAN. Addresses that the operator gave, or from which a peer has reached us, are always fine.
 */
export class AddressScope {
  readonly #clock: Clock
  readonly #listensOnLoopback: boolean
  readonly #trustedHosts = new Set<string>()
  #subnets = new BlockList()
  #subnetsReadAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, listen: readonly Multiaddr[]) {
    this.#clock = clock
    this.#listensOnLoopback = listen.some((address) => {
      const host = hostOf(address)
      return host !== undefined && isIP(host) !== 0 && contains(loopback, host)
    })
  }

  /** Takes addresses of this one's host from now on. */
  trust(address: Multiaddr): void {
    const host = hostOf(address)
    if (host === undefined) return
    this.#trustedHosts.delete(host)
    this.#trustedHosts.add(host)
    if (this.#trustedHosts.size <= HOSTS_MAX) return
    const [oldest] = this.#trustedHosts
    if (oldest !== undefined) this.#trustedHosts.delete(oldest)
  }

  /** True when an address that somebody named may be dialled. Names are not: they can turn into any address later. */
  allows(address: Multiaddr): boolean {
    const host = hostOf(address)
    if (host === undefined) return false
    if (this.#trustedHosts.has(host)) return true
    if (isIP(host) === 0) return false
    if (!contains(isIPv4(host) ? special4 : special6, host)) return true
    if (contains(loopback, host)) return this.#listensOnLoopback
    return !contains(linkLocal, host) && contains(this.#ownSubnets(), host)
  }

  #ownSubnets(): BlockList {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#subnetsReadAtMs < SUBNETS_AGE_MAX_MS) return this.#subnets
    // Read again now and then: laptops change networks.
    this.#subnetsReadAtMs = nowMs
    this.#subnets = new BlockList()
    for (const { internal, cidr, address, family } of Object.values(networkInterfaces()).flatMap((one) => one ?? [])) {
      const prefixLength = Number(cidr?.split('/')[1])
      if (internal || !Number.isInteger(prefixLength)) continue
      this.#subnets.addSubnet(address, prefixLength, family === 'IPv4' ? 'ipv4' : 'ipv6')
    }
    return this.#subnets
  }
}

function listOf(ranges: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[]): BlockList {
  const list = new BlockList()
  for (const [network, prefixLength, family] of ranges) list.addSubnet(network, prefixLength, family)
  return list
}

function contains(list: BlockList, host: string): boolean {
  return list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6')
}

/** The IP address or DNS name that a multiaddr begins with; undefined when it begins with anything else. */
export function hostOf(address: Multiaddr): string | undefined {
  const [first, second] = address.getComponents()
  const host = first?.name === 'ip6zone' ? second : first
  return host !== undefined && HOST_PROTOCOLS.has(host.name) ? host.value : undefined
}
