import { networkInterfaces } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { AddressScope } from '../src/address-scope.ts'

function scopeOf(...listen: string[]): AddressScope {
  return new AddressScope(
    new ManualClock(),
    listen.map((address) => multiaddr(address)),
  )
}

const own = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .filter(({ internal, family, address }) => !internal && family === 'IPv4' && !address.startsWith('169.254.'))

describe('an address that a stranger names', () => {
  const home = scopeOf('/ip4/0.0.0.0/tcp/0')

  it.each(['/ip4/203.0.114.7/tcp/4801', '/ip6/2a00:1450::1/tcp/4801', '/ip4/8.8.8.8/tcp/1/ws'])(
    'is dialled when it is public: %s',
    (address) => expect(home.allows(multiaddr(address))).toBe(true),
  )

  it.each([
    '/ip4/127.0.0.1/tcp/6379',
    '/ip4/127.9.9.9/tcp/6379',
    '/ip6/::1/tcp/6379',
    '/ip6/::ffff:127.0.0.1/tcp/6379',
    '/ip6/::ffff:10.0.0.1/tcp/80',
    '/ip6/64:ff9b::a00:1/tcp/80',
    '/ip4/0.0.0.0/tcp/80',
    '/ip4/10.250.251.252/tcp/80',
    '/ip4/100.100.100.100/tcp/80',
    '/ip4/169.254.169.254/tcp/80',
    '/ip4/224.0.0.1/tcp/80',
    '/ip4/255.255.255.255/tcp/80',
    '/ip6/fdab:cdef:1::1/tcp/80',
    '/ip6/fe80::1/tcp/80',
    '/dns4/router.lan/tcp/80',
    '/dnsaddr/example.com',
    '/unix/%2Fvar%2Frun%2Fdocker.sock',
  ])('is not dialled when it is at home or nowhere: %s', (address) => {
    expect(home.allows(multiaddr(address))).toBe(false)
  })

  it('is dialled on loopback where this node listens on loopback', () => {
    expect(scopeOf('/ip4/127.0.0.1/tcp/0').allows(multiaddr('/ip4/127.0.0.1/tcp/1'))).toBe(true)
  })

  it.runIf(own.length > 0)('is dialled in a subnet of this machine', () => {
    for (const { address } of own) expect(home.allows(multiaddr(`/ip4/${address}/tcp/1`))).toBe(true)
  })

  it('is dialled when the operator named that host, or a peer came from it; such hosts are bounded', () => {
    const scope = scopeOf()
    const address = multiaddr('/ip4/10.250.251.252/tcp/80')
    scope.trust(multiaddr('/ip4/10.250.251.252/tcp/1'))
    expect(scope.allows(address)).toBe(true)
    for (let i = 0; i < 1000; i++) scope.trust(multiaddr(`/ip4/10.9.${i >> 8}.${i & 255}/tcp/1`))
    expect(scope.allows(address)).toBe(false)
    scope.trust(multiaddr('/dns4/bootstrap.example.org/tcp/1'))
    expect(scope.allows(multiaddr('/dns4/bootstrap.example.org/tcp/1'))).toBe(true)
  })
})
