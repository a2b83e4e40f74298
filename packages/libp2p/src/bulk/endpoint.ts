import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** Where a data listener is, or may be. */
export interface Endpoint {
  /** An IP address. */
  readonly host: string
  /** 0 .. 65535; 0 lets the system choose. */
  readonly port: number
}

/** Reads `192.0.2.7:4802` or `[2001:db8::7]:4802`; undefined for anything else, names included: they can turn into any address. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  const family = isIP(host)
  if (family === 0 || (family === 6) !== (bracketed !== undefined) || port > 65_535) return undefined
  return { host, port }
}

/** The same as a multiaddr. */
export function multiaddrOf({ host, port }: Endpoint): Multiaddr {
  return multiaddr(`/ip${isIP(host)}/${host}/tcp/${port}`)
}

/** Where to listen beside the first plain TCP address of these; undefined when there is none. */
export function endpointBeside(listen: readonly string[]): Endpoint | undefined {
  for (const address of listen) {
    const [, host] = /^\/ip[46]\/([^/]+)\/tcp\/[0-9]+(?:\/p2p\/[^/]+)?$/.exec(address) ?? []
    if (host !== undefined && isIP(host) !== 0) return { host, port: 0 }
  }
  return undefined
}
