import { createHash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import type { Network } from '@stead/core'
import { createLibp2p } from 'libp2p'
import { wireProtocolOf } from '../../src/frame.ts'

/** A libp2p node that follows no rule of ours. */
export type Attacker = Libp2p<{ readonly identify: Identify; readonly pubsub: GossipSub }>

/** Starts an attacker on loopback. */
export async function startAttacker(
  keyType: 'secp256k1' | 'Ed25519' = 'secp256k1',
  addresses: { readonly listen: string[]; readonly announce?: string[] } = { listen: ['/ip4/127.0.0.1/tcp/0'] },
): Promise<Attacker> {
  const privateKey = keyType === 'secp256k1' ? await generateKeyPair('secp256k1') : await generateKeyPair('Ed25519')
  return await createLibp2p({
    privateKey,
    addresses,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ protocolPrefix: 'stead' }),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: ({ data }) => createHash('sha256').update(data).digest(),
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        scoreParams: { IPColocationFactorWeight: 0 },
      }),
    },
  })
}

/** Opens a stream of one of our protocols to a victim. */
export async function openStream(attacker: Attacker, victim: Network, protocol: string): Promise<Stream> {
  const [address] = victim.addresses()
  return await attacker.dialProtocol(multiaddr(address), wireProtocolOf(protocol), {
    signal: AbortSignal.timeout(5000),
  })
}

/** Sends as long as the stream takes it; a broken stream ends it in silence. */
export async function sendAll(stream: Stream, chunks: Iterable<Uint8Array>): Promise<void> {
  try {
    for (const chunk of chunks) {
      if (stream.writeStatus !== 'writable') return
      if (!stream.send(chunk)) await stream.onDrain({ signal: AbortSignal.timeout(10_000) })
    }
  } catch (error) {
    stream.log('attack ended: %e', error)
  }
}

/** Waits until something holds, at most 10 seconds. */
export async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
