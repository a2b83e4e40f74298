import { describe, expect, it } from 'vitest'
import { endpointBeside, multiaddrOf, parseEndpoint } from '../../src/bulk/endpoint.ts'

describe('parseEndpoint', () => {
  it.each([
    ['192.0.2.7:4802', { host: '192.0.2.7', port: 4802 }],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['[2001:db8::7]:65535', { host: '2001:db8::7', port: 65_535 }],
  ])('reads %s', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint)
  })

  it.each([
    '',
    'localhost:1',
    'example.org:443',
    '1.2.3.4',
    '1.2.3.4:65536',
    '1.2.3.4.5:1',
    '2001:db8::7:1',
    '[1.2.3.4]:1',
    '[fe80::1%eth0]:1',
    '1.2.3.4:1/../',
  ])('refuses %j: a name, no address, or no port', (text) => {
    expect(parseEndpoint(text)).toBeUndefined()
  })

  it('gives what can be turned into a multiaddr', () => {
    expect(multiaddrOf({ host: '2001:db8::7', port: 1 }).toString()).toBe('/ip6/2001:db8::7/tcp/1')
  })
})

describe('endpointBeside', () => {
  it('is a free port beside the first plain TCP address', () => {
    const listen = ['/ip4/10.0.0.1/tcp/80/ws', '/dns4/example.org/tcp/1', '/ip6/::1/tcp/4801', '/ip4/10.0.0.2/tcp/1']
    expect(endpointBeside(listen)).toEqual({ host: '::1', port: 0 })
    expect(endpointBeside(['/ip4/10.0.0.1/tcp/80/ws', '/p2p-circuit'])).toBeUndefined()
  })
})
