import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { CoreError, Network, PeerId } from '@stead/core'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from './support/attacker.ts'
import { createTestNetwork } from './support/test-networks.ts'

let networks: Network[] = []
let processes: ChildProcess[] = []

afterEach(async () => {
  for (const child of processes) child.kill('SIGKILL')
  await Promise.all(networks.map((network) => network.stop()))
  networks = []
  processes = []
})

async function startNetwork(bootstrap: readonly string[]): Promise<Network> {
  const network = createTestNetwork({ bootstrap })
  networks.push(network)
  await network.start()
  return network
}

/** A network in another process, which can be killed as a power cut would. */
async function startProcess(): Promise<{ child: ChildProcess; address: string; peer: PeerId }> {
  const child = fork(new URL('./support/network-process.ts', import.meta.url), {
    execArgv: ['--conditions=@stead/source'],
  })
  processes.push(child)
  const [{ address }] = (await once(child, 'message')) as [{ address: string }]
  return { child, address, peer: address.slice(address.lastIndexOf('/') + 1) as PeerId }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function connectedTo(network: Network): PeerId[] {
  return network.peers().flatMap(({ peer, connected }) => (connected ? [peer] : []))
}

describe('a time that is left of a longer one', () => {
  it('may be a part of a millisecond: who is looked for is found, and connected to', async () => {
    const first = await startNetwork([])
    await first.provide('stead:storage')
    const second = await startNetwork(first.addresses())
    await until('it is found', async () => (await second.findProviders('stead:storage', 8, 1998.859832)).length > 0)
    const [address = ''] = first.addresses()
    const third = await startNetwork([])
    expect(await third.connect(address, 4999.5)).toBe(first.self)
  })
})

describe('a network whose bootstrap node is killed', () => {
  it('has grown into a mesh, finds providers, gossips, and takes in a new node through any live one', async () => {
    const bootstrap = await startProcess()
    const five = await Promise.all(Array.from({ length: 5 }, () => startNetwork([bootstrap.address])))
    const [first, second] = five
    if (first === undefined || second === undefined) throw new Error('five were started')
    await second.provide('stead:compute')
    await until('each knows two others besides the bootstrap node', () =>
      five.every((network) => connectedTo(network).filter((peer) => peer !== bootstrap.peer).length >= 2),
    )
    await kill(bootstrap.child)
    await until('all have noticed', () => five.every((network) => !connectedTo(network).includes(bootstrap.peer)))

    const heard = new Map<Network, string>()
    for (const network of five.slice(1)) {
      network.subscribe('offers', (payload, from) => {
        heard.set(network, `${new TextDecoder().decode(payload)} ${from}`)
        return 'accept'
      })
    }
    await until('all hear it', async () => {
      await first.publish('offers', new TextEncoder().encode('still here'))
      return heard.size === 4
    })
    expect(new Set(heard.values())).toEqual(new Set([`still here ${first.self}`]))
    expect(await first.findProviders('stead:compute', 1, 5000)).toEqual([second.self])

    const [doorway] = first.addresses()
    const newcomer = await startNetwork([doorway ?? ''])
    await until('the newcomer has more than its doorway', () => connectedTo(newcomer).length >= 3)
    let found: readonly PeerId[] = []
    await until('the newcomer finds the provider', async () => {
      found = await newcomer.findProviders('stead:compute', 1, 2000)
      return found.length > 0
    })
    expect(found).toEqual([second.self])
  })

  it('finds its way back through another bootstrap peer when it was left alone', async () => {
    const first = await startProcess()
    const second = await startProcess()
    const network = await startNetwork([first.address, second.address])
    await until('it is connected', () => connectedTo(network).length === 2)
    await kill(first.child)
    await until('it has one left', () => connectedTo(network).join() === second.peer)
  })
})

describe('a peer that is killed', () => {
  it('in the middle of a request fails it at once as unreachable', async () => {
    const { child, address } = await startProcess()
    const network = await startNetwork([])
    const peer = await network.connect(address, 5000)
    const asked = network
      .request(peer, '/stead/deaf/1', new Uint8Array(1), { timeoutMs: 20_000 })
      .catch((error: CoreError) => error.code)
    await once(child, 'message')
    const startMs = performance.now()
    await kill(child)
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    expect(performance.now() - startMs).toBeLessThan(5000)
  })
})
