import type { Address, Network } from '@stead/core'
import { addressOfPeerId } from '@stead/protocol'
import { decodePossession, encodePossession, STORAGE_PROTOCOL, storageReplySchema } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryAdjudicator } from './support/memory-adjudicator.ts'
import { NetworkWorld } from './support/network-world.ts'
import { serving } from './support/serving.ts'

const KEY = new Uint8Array(32).fill(9)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const STRANGER: Address = `0x${'77'.repeat(20)}` as Address

/** Nodes that show other leaves than they signed for. */
const liars = new Set<Address>()
/** Requests that a node was asked since the world began. */
const asked = new Map<Address, number>()

const watched = (network: Network): Network =>
  serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
    const self = addressOfPeerId(network.self)
    asked.set(self, (asked.get(self) ?? 0) + 1)
    const answer = await handler(request)
    const reply = storageReplySchema.decodeMessage(answer)
    if (reply.proof === undefined || !liars.has(self)) return answer
    const proof = decodePossession(reply.proof)
    const leaves = proof.leaves.map((each) => ({ ...each, leaf: { ...each.leaf, leaf: new Uint8Array(32) } }))
    return storageReplySchema.encodeMessage({ ...reply, proof: encodePossession({ ...proof, leaves }) })
  })

/** Auditors say of some nodes that they do not have what they signed for. */
describe('a payer whose nodes others found without what they signed for', () => {
  let world: NetworkWorld
  let nodes: readonly Address[]
  beforeEach(async () => {
    liars.clear()
    asked.clear()
    world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    world.court = new MemoryAdjudicator(world.clock, 3 * HOUR_MS)
    for (let number = 0; number < 5; number++) await world.addSeller({ decorate: watched })
    await world.startPayer()
    await world.within(world.payer.segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    nodes = world.payer.consumer.status().map(({ node }) => node)
    await world.clock.advance(10 * MINUTE_MS)
  })

  const examined = async (...which: Address[]): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries(await world.within(world.payer.consumer.examine(which)))
  const challenges = () => world.payer.consumer.challenger?.list() ?? []
  const first = (): Address => {
    const [node] = nodes
    if (node === undefined) throw new TypeError('nobody keeps anything')
    return node
  }

  it('asks them for a proof itself, and pays no deposit for what only others say', async () => {
    const before = asked.get(first()) ?? 0
    for (let time = 0; time < 100; time++) await examined(...nodes, STRANGER)
    expect(challenges()).toEqual([])
    expect(world.court?.calls).toEqual([])
    // A hundred false audits in a minute are one more proof.
    expect((asked.get(first()) ?? 0) - before).toBe(1)
    expect(world.payer.consumer.status().map(({ lastOutcome }) => lastOutcome)).toEqual(['paid', 'paid', 'paid'])
  })

  it('has those asked on chain at once that lie to it as well, and not the others', async () => {
    liars.add(first())
    expect(await examined(...nodes)).toMatchObject({ [first()]: 'lied' })
    expect(challenges()).toMatchObject([{ node: first(), why: 'lied', state: 'waiting' }])
    expect(world.court?.calls).toEqual(['announce'])
  })

  it('asks nobody on chain who is merely away', async () => {
    const gone = world.sellers.find(({ node }) => node === first())
    if (gone === undefined) throw new TypeError('no such node')
    world.kill(gone)
    expect(await examined(first())).toEqual({ [first()]: 'offline' })
    expect(challenges()).toEqual([])
  })

  it('asks nobody with whom it agreed on nothing', async () => {
    expect(await examined(STRANGER)).toEqual({})
    expect(asked.get(STRANGER)).toBeUndefined()
  })
})
