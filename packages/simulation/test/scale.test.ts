import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { figuresOfTheCode, runScale, type ScaleOptions } from '../src/index.ts'
import { connectAtRandom } from '../src/scale/connections.ts'
import { GossipMesh } from '../src/scale/gossip-mesh.ts'
import { knownFromBefore, searchNear } from '../src/scale/near-search.ts'
import { NeighbourLists } from '../src/scale/neighbour-lists.ts'
import { idsTold, trafficOf } from '../src/scale/node-traffic.ts'
import { Places } from '../src/scale/places.ts'
import { Spread } from '../src/scale/spread.ts'
import { Table } from '../src/scale/table-search.ts'
import { MEASURE_TRIPS } from '../src/scale/trips.ts'

const OPTIONS: ScaleOptions = {
  seed: 1,
  nodes: 400,
  connections: 40,
  wish: { count: 5, roundTripMsMax: 30 },
  lostShare: 0.3,
}

const figures = figuresOfTheCode(OPTIONS.nodes)

function linked(nodes: number, links: readonly (readonly [number, number])[]): NeighbourLists {
  const lists = new NeighbourLists(nodes, nodes)
  for (const [left, right] of links) lists.join(left, right)
  return lists
}

describe('a run', () => {
  it('is the same for the same seed and another one for any other', () => {
    const first = runScale(OPTIONS, figures)
    expect(runScale(OPTIONS, figures)).toEqual(first)
    expect(runScale({ ...OPTIONS, seed: 2 }, figures)).not.toEqual({ ...first, options: { ...OPTIONS, seed: 2 } })
  })

  it('reaches everybody, and all survivors again after three tenths of the nodes are gone', () => {
    const { reachedShare, recovery } = runScale(OPTIONS, figures)
    expect(reachedShare).toBe(1)
    expect(recovery.looks.at(-1)).toMatchObject({ reachedShare: 1, poorNodes: 0 })
    // Two pings in a row are missed before anybody knows: one interval at least, and the time-out of the second.
    const { pingMs, pingTimeoutMs } = figures.connections
    expect(recovery.meshWholeMs).toBeGreaterThan(0.75 * pingMs + pingTimeoutMs)
    expect(recovery.meshWholeMs).toBeLessThan(2.25 * pingMs + pingTimeoutMs + 2000)
    expect(recovery.deadOffers[0]?.share).toBeCloseTo(0.3)
    expect(recovery.deadOffers.at(-1)).toEqual({ atMs: figures.offers.lifeMs, share: 0 })
  })
})

describe('a message', () => {
  it('is received as often as it is sent, less what went to nodes that are gone', () => {
    const random = new SeededRandom(3)
    const places = new Places(200, random)
    const connections = connectAtRandom(200, 20, random)
    const mesh = new GossipMesh(connections, figures.gossip, random)
    const isDead = Uint8Array.from({ length: 200 }, (_, node) => (node % 4 === 3 ? 1 : 0))
    const options = { floodsOwn: true, saysDontWant: true, checkMs: 0.2 }
    const spread = new Spread({ places, connections, mesh: mesh.lists, isDead }, options)
    for (let author = 0; author < 200; author += 4) {
      const counts = spread.publish(author)
      expect(counts.copiesSent).toBe(counts.copiesReceived + counts.copiesLost)
      expect(counts.copiesLost).toBeGreaterThan(0)
      for (const [node, from] of spread.firstFrom.entries()) {
        if (from < 0) continue
        expect(isDead[node]).toBe(0)
        const heardMs = spread.arrivedMs[node] ?? 0
        expect(heardMs).toBeGreaterThanOrEqual((spread.arrivedMs[from] ?? 0) + places.wayMs(from, node))
      }
    }
  })

  it('goes along a line once, and twice over each side of a square that is left', () => {
    const places = new Places(4, new SeededRandom(1))
    const publish = (links: readonly (readonly [number, number])[]) => {
      const mesh = linked(4, links)
      const options = { floodsOwn: false, saysDontWant: true, checkMs: 0 }
      const spread = new Spread({ places, connections: mesh, mesh, isDead: new Uint8Array(4) }, options)
      return { ...spread.publish(0), arrivedMs: [...spread.arrivedMs] }
    }
    const line = publish([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
    expect(line).toMatchObject({ copiesSent: 3, copiesReceived: 3, reached: 3 })
    // 1 tells 2, 2 tells 3, and 3 has nobody to tell but who sent it.
    expect(line.dontWants).toBe(2)
    expect(line.arrivedMs[3]).toBeCloseTo(places.wayMs(0, 1) + places.wayMs(1, 2) + places.wayMs(2, 3))
    // 0 sends to 1, 2 and 3; each of these passes it on to the two others, who cannot have said a word before.
    const all = publish([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ])
    expect(all.reached).toBe(3)
    expect(all.dontWants).toBe(6)
    expect(all.copiesSent).toBeLessThanOrEqual(9)
    expect(all.copiesSent).toBeGreaterThanOrEqual(6)
  })
})

describe('traffic', () => {
  // The pace of a network of a few hundred nodes.
  const figures = figuresOfTheCode(300)
  const facts = {
    nodes: 900,
    connectionsPerNode: 16,
    meshPerNode: 6,
    copiesPerMessage: 3000,
    dontWantsPerMessage: 2000,
    questionsPerSearch: 0,
    namedPerSearch: 0,
    refusedPerSearch: 0,
    keepersPerSearch: 0,
    bucketsPerNode: 0,
  }

  it('is what a person counts', () => {
    // 900 nodes publish every 90 s: 10 a second, 30 in three heartbeats, told to 6 of 10 peers 60 times a minute.
    expect(idsTold(facts, figures)).toEqual({ lazyPeers: 6, messages: expect.closeTo(360), ids: 360 * 30 })
    const rows = new Map(trafficOf(facts, figures, sizesOf(1)).map((row) => [row.what, row]))
    // Two thirds of an offer a minute; four pings a minute to each of 16, and as many answers to theirs.
    expect(rows.get('offers')?.messages).toBeCloseTo(2000)
    expect(rows.get('dont-wants')?.messages).toBeCloseTo(4000 / 3)
    expect(rows.get('pings')).toMatchObject({ messages: 128, bytes: 64 * 2 + 128 * 70 })
    expect(rows.get('table')?.bytes).toBe(0)
  })

  function sizesOf(bytes: number): Parameters<typeof trafficOf>[2] {
    return {
      offerPayloadBytes: bytes,
      offerGossipBytes: bytes,
      offerCopyBytes: bytes,
      dontWantBytes: bytes,
      idsTellBytes: bytes,
      idBytes: bytes,
      pingBytes: bytes,
      pongBytes: bytes,
      offersRequestBytes: bytes,
      offerAnswerBytes: bytes,
      tableQuestionBytes: bytes,
      tablePeerBytes: bytes,
      tableRecordBytes: bytes,
    }
  }
})

describe('a search', () => {
  it('of the table finds the nodes that are nearest to a key, unless nobody answers strangers', () => {
    const random = new SeededRandom(5)
    const places = new Places(2000, random)
    const open = new Table(2000, { places, random, reach: () => 1, known: undefined }, figures.table)
    for (const key of [1, 2 ** 31, 2 ** 32 - 1, 123_456_789]) {
      expect(open.search(1500, key).nearest).toEqual(open.keepers(key))
    }
    const connections = connectAtRandom(2000, 50, random)
    const reach = (from: number, to: number): number | undefined => (connections.has(from, to) ? 1 : undefined)
    const known = (node: number): Int32Array => connections.of(node)
    const closed = new Table(2000, { places, random: new SeededRandom(5), reach, known }, figures.table)
    const { nearest, refused } = closed.search(7, 2 ** 31)
    expect(nearest.every((node) => connections.has(7, node))).toBe(true)
    expect(refused).toBeGreaterThan(0)
  })

  it('for near nodes waits for the slowest of all that it pings, and longer for the dead', () => {
    const nodes = 10
    const places = new Places(nodes, new SeededRandom(9))
    const hearing = knownFromBefore(nodes, 0, 100, new SeededRandom(1))
    expect([...hearing.authors].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const trips = Array.from({ length: nodes - 1 }, (_, index) => places.roundTripMs(0, index + 1))
    const wish = { count: 3, roundTripMsMax: trips.toSorted((left, right) => left - right)[2] ?? 0 }
    const found = searchNear({ places, isDead: new Uint8Array(nodes), figures: figures.search }, 0, hearing, wish)
    expect(found).toMatchObject({ measured: 9, near: 3 })
    expect(found.tookMs).toBeCloseTo(MEASURE_TRIPS * Math.max(...trips) + 2 * wish.roundTripMsMax)
    const isDead = Uint8Array.from({ length: nodes }, (_, node) =>
      places.roundTripMs(0, node) > wish.roundTripMsMax ? 1 : 0,
    )
    const slow = searchNear({ places, isDead, figures: figures.search }, 0, hearing, wish)
    expect(slow.tookMs).toBeCloseTo(Math.max(1000, MEASURE_TRIPS * wish.roundTripMsMax) + 2 * wish.roundTripMsMax)
  })
})
