import { hasCode, type Network, type PeerId } from '@stead/core'
import { expect, it } from 'vitest'
import {
  addressOf,
  type Bench,
  bytesOf,
  codeOf,
  echo,
  errorOf,
  isConnected,
  LIMITS,
  PATIENT,
  PROTOCOL,
  textOf,
} from './bench.ts'

/** Connections. */
export function connectionTests(bench: Bench): void {
  it('have an identity before the start, and addresses only while they run', async () => {
    const network = bench.create()
    expect(network.self.length).toBeGreaterThan(3)
    expect(network.addresses()).toEqual([])
    await network.start()
    await network.start()
    expect(addressOf(network)).toMatch(new RegExp(`^/.*/p2p/${network.self}$`))
    await network.stop()
    await network.stop()
  })

  it('are seen and announced on both ends', async () => {
    const seen: string[] = []
    const first = await bench.start((network) =>
      network.listen({
        peerConnected: (peer) => seen.push(`+${peer}`),
        peerDisconnected: (peer) => seen.push(`-${peer}`),
      }),
    )
    const second = await bench.start()
    expect(await second.connect(addressOf(first), PATIENT.timeoutMs)).toBe(first.self)
    await bench.eventually('both see it', () => isConnected(first, second.self) && isConnected(second, first.self))
    await second.stop()
    await bench.eventually('the end is seen', () => !isConnected(first, second.self))
    expect(seen).toEqual([`+${second.self}`, `-${second.self}`])
  })

  it('know where their peers can be reached', async () => {
    const [first, second] = await bench.startPair(() => undefined)
    await bench.eventually('the address is known', () =>
      second.peers().some((info) => info.peer === first.self && info.addresses.includes(addressOf(first))),
    )
  })

  it('are not made where nobody listens', async () => {
    const gone = await bench.start()
    const address = addressOf(gone)
    await gone.stop()
    const network = await bench.start()
    expect(['NETWORK_UNREACHABLE', 'NETWORK_TIMEOUT']).toContain(await codeOf(network.connect(address, 2000)))
    expect(await codeOf(network.connect('/nonsense', 2000))).toBe('NETWORK_UNREACHABLE')
  })

  it('are closed and refused for a while when a peer is cut off, and then not any more', async () => {
    const [first, second] = await bench.startPair((network) => network.handle(PROTOCOL, LIMITS, echo))
    await bench.eventually('both see it', () => isConnected(first, second.self))
    const startMs = bench.clock.monotonicMs()
    await first.disconnect(second.self, 1500)
    await bench.eventually('it is closed', () => !isConnected(second, first.self) && !isConnected(first, second.self))
    const refused = await codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), { timeoutMs: 1000 }))
    if (bench.clock.monotonicMs() - startMs < 1400)
      expect(['NETWORK_UNREACHABLE', 'NETWORK_TIMEOUT']).toContain(refused)
    await bench.eventually('it is taken again', async () => {
      try {
        await second.connect(addressOf(first), 1000)
        return textOf(await second.request(first.self, PROTOCOL, bytesOf('x'), { timeoutMs: 1000 })) === 'x'
      } catch {
        return false
      }
    })
    expect(bench.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(1500)
  })

  it('are measured', async () => {
    const [first, second] = await bench.startPair(() => undefined)
    const rttMs = await second.ping(first.self, 5000)
    expect(rttMs).toBeGreaterThanOrEqual(0)
    expect(rttMs).toBeLessThan(5000)
    expect(second.peers().find(({ peer }) => peer === first.self)?.rttMs).toBeGreaterThanOrEqual(0)
  })
}

/** Gossip. */
export function gossipTests(bench: Bench): void {
  it('reaches the subscribers with its author, and nobody else', async () => {
    const heard: string[] = []
    const subscribed = (label: string) => (network: Network) =>
      network.subscribe('offers', (payload, from) => {
        heard.push(`${label} ${textOf(payload)} ${from}`)
        return 'accept'
      })
    const first = await bench.start(subscribed('first'))
    const second = await bench.start((network) => network.subscribe('other', () => expect.fail('not its topic')))
    const third = await bench.start(subscribed('third'))
    await second.connect(addressOf(first), PATIENT.timeoutMs)
    await third.connect(addressOf(first), PATIENT.timeoutMs)
    await bench.eventually('both hear it', async () => {
      await second.publish('offers', bytesOf('cheap'))
      return new Set(heard).size === 2
    })
    expect(new Set(heard)).toEqual(new Set([`first cheap ${second.self}`, `third cheap ${second.self}`]))
  })

  it('ends with the subscription', async () => {
    let heard = 0
    const first = await bench.start()
    const leave = first.subscribe('offers', () => {
      heard += 1
      return 'accept'
    })
    const second = await bench.start()
    await second.connect(addressOf(first), PATIENT.timeoutMs)
    await bench.eventually('it is heard', async () => {
      await second.publish('offers', bytesOf('one'))
      return heard > 0
    })
    leave()
    await bench.clock.sleep(200)
    const before = heard
    await second.publish('offers', bytesOf('two'))
    await bench.clock.sleep(300)
    expect(heard).toBe(before)
  })

  it('is at most 64 KiB, and that much', async () => {
    const sizes: number[] = []
    const [, second] = await bench.startPair((network) =>
      network.subscribe('offers', (payload) => {
        sizes.push(payload.length)
        return 'accept'
      }),
    )
    expect(await codeOf(second.publish('offers', new Uint8Array(64 * 1024 + 1)))).toBe('NETWORK_TOO_LARGE')
    await bench.eventually('it is heard', async () => {
      await second.publish('offers', new Uint8Array(64 * 1024))
      return sizes.includes(64 * 1024)
    })
  })

  it('cuts off a neighbour that keeps sending what is rejected, and not one that is ignored', async () => {
    const first = await bench.start()
    first.subscribe('offers', (payload) => (textOf(payload).startsWith('bad') ? 'reject' : 'ignore'))
    const rude = await bench.start()
    const dull = await bench.start()
    for (const network of [rude, dull]) await network.connect(addressOf(first), PATIENT.timeoutMs)
    let sent = 0
    await bench.eventually('the rude one is cut off', async () => {
      sent += 1
      await rude.publish('offers', bytesOf(`bad ${sent}`))
      await dull.publish('offers', bytesOf(`dull ${sent}`))
      return !isConnected(first, rude.self)
    })
    expect(isConnected(first, dull.self)).toBe(true)
  })

  it('survives a handler that throws', async () => {
    let heard = 0
    const [, second] = await bench.startPair((network) =>
      network.subscribe('offers', () => {
        heard += 1
        throw new Error('broken handler')
      }),
    )
    await bench.eventually('it goes on', async () => {
      await second.publish('offers', bytesOf('x'))
      return heard > 2
    })
  })
}

/** Who provides what. */
export function providerTests(bench: Bench): void {
  it('are found over other nodes, as many as wanted, without oneself', async () => {
    const first = await bench.start()
    const others = [await bench.start(), await bench.start(), await bench.start()]
    for (const network of others) await network.connect(addressOf(first), PATIENT.timeoutMs)
    const [seeker, ...providers] = others
    if (seeker === undefined) expect.fail('there is a seeker')
    for (const network of others) await network.provide('compute')
    let found: readonly PeerId[] = []
    await bench.eventually('both are found', async () => {
      found = await seeker.findProviders('compute', 10, 2000)
      return found.length === 2
    })
    expect(new Set(found)).toEqual(new Set(providers.map(({ self }) => self)))
    expect(await seeker.findProviders('compute', 1, 5000)).toHaveLength(1)
    expect(await seeker.findProviders('storage', 10, 1000)).toEqual([])
  })

  it('may announce themselves before they know anybody', async () => {
    const first = await bench.start()
    const provider = await bench.start()
    await provider.provide('compute')
    await provider.connect(addressOf(first), PATIENT.timeoutMs)
    await bench.eventually('it is found', async () => {
      const found = await first.findProviders('compute', 1, 1000)
      return found[0] === provider.self
    })
    expect(await first.connect(provider.self, PATIENT.timeoutMs)).toBe(provider.self)
  })

  it('are none when nobody is there to ask', async () => {
    const alone = await bench.start()
    expect(await alone.findProviders('compute', 5, 300)).toEqual([])
    expect(hasCode(await errorOf(alone.connect('nobody' as PeerId, 300)), 'NETWORK_UNREACHABLE')).toBe(true)
  })
}
