import type { SeededRandom } from '@stead/testkit'
import type { ScaleFigures } from './figures.ts'
import type { GossipMesh } from './gossip-mesh.ts'
import type { NeighbourLists } from './neighbour-lists.ts'
import type { Places } from './places.ts'
import { Spread, type SpreadOptions } from './spread.ts'

/** A network that loses nodes. */
export interface RecoveryComponents {
  readonly places: Places
  readonly connections: NeighbourLists
  readonly mesh: GossipMesh
  readonly random: SeededRandom
  readonly figures: ScaleFigures
}

/** What is lost, and how. */
export interface RecoveryOptions extends SpreadOptions {
  readonly lostShare: number
  /** Messages that are followed at each look. */
  readonly messagesPerLook: number
}

/** How gossip fared after the loss. */
export interface Recovery {
  /** Share of the survivors that a message reached, at each look, ms after the loss. */
  readonly looks: readonly { readonly atMs: number; readonly reachedShare: number; readonly poorNodes: number }[]
  /** Until nobody who lives has too few neighbours that live; infinite when that never was. */
  readonly meshWholeMs: number
  /** Until no survivor takes a dead node for connected. */
  readonly noticedMs: number
  /** Shares of dead nodes' offers among those that are listed, by time: a list holds them until they expire. */
  readonly deadOffers: readonly { readonly atMs: number; readonly share: number }[]
}

const STEP_MS = 1000
const END_MS = 120_000
const LOOKS_MS: readonly number[] = [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 90_000]
/** Looks at what is still offered by the dead, in parts of an offer's life. */
const DEAD_LOOKS: readonly number[] = [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1]
/** Pings are spread by a quarter of their interval to both sides; libp2p/src/round-trips.ts. */
const JITTER = 0.25

/**
 * Nodes vanish without a word, as in a power cut: no connection is closed. Their neighbours find out by pings, mend
 * the mesh with their other connections at the next heartbeat, and dial where connections have become few.
 */
export function loseNodes(components: RecoveryComponents, options: RecoveryOptions): Recovery {
  const { places, connections, mesh, random, figures } = components
  const isDead = Uint8Array.from({ length: places.nodes }, () => (random.fraction() < options.lostShare ? 1 : 0))
  const spread = new Spread({ places, connections, mesh: mesh.lists, isDead }, options)
  const alive = Int32Array.from({ length: places.nodes }, (_, node) => node).filter((node) => isDead[node] === 0)
  const noticing = new Noticing(components, isDead)
  const looks: { atMs: number; reachedShare: number; poorNodes: number }[] = []
  let meshWholeMs = Number.POSITIVE_INFINITY
  for (let atMs = 0; atMs <= END_MS; atMs += STEP_MS) {
    noticing.until(atMs)
    mesh.heartbeat(isDead)
    if (atMs % figures.connections.roundMs === 0) dialRound(components, alive, isDead)
    const poorNodes = countPoor(mesh.lists, alive, isDead, figures.gossip.meshMin)
    if (poorNodes > 0) meshWholeMs = Number.POSITIVE_INFINITY
    else if (meshWholeMs === Number.POSITIVE_INFINITY) meshWholeMs = atMs
    if (!LOOKS_MS.includes(atMs)) continue
    let reached = 0
    for (let message = 0; message < options.messagesPerLook; message++) {
      reached += spread.publish(alive[Math.floor(random.fraction() * alive.length)] ?? 0).reached
    }
    looks.push({ atMs, reachedShare: reached / ((alive.length - 1) * options.messagesPerLook), poorNodes })
  }
  return { looks, meshWholeMs, noticedMs: noticing.lastMs, deadOffers: deadOffers(options.lostShare, figures.offers) }
}

/** When each survivor finds out about each dead neighbour of its mesh; other connections only matter when dialled. */
class Noticing {
  readonly #mesh: GossipMesh
  readonly #due: readonly { readonly atMs: number; readonly node: number; readonly other: number }[]
  readonly lastMs: number
  #next = 0

  constructor({ mesh, random, figures }: RecoveryComponents, isDead: Uint8Array) {
    this.#mesh = mesh
    const { pingMs, pingTimeoutMs, pingsMissedMax } = figures.connections
    const due: { atMs: number; node: number; other: number }[] = []
    for (let node = 0; node < mesh.lists.nodes; node++) {
      if (isDead[node] === 1) continue
      // All connections are pinged in one round, so a node finds out about all of its dead at once.
      const jittered = (): number => pingMs * (1 - JITTER + 2 * JITTER * random.fraction())
      let lastPingMs = random.fraction() * pingMs
      for (let missed = 1; missed < pingsMissedMax; missed++) lastPingMs += jittered()
      for (const other of mesh.lists.of(node)) {
        if (isDead[other] === 1) due.push({ atMs: lastPingMs + pingTimeoutMs, node, other })
      }
    }
    this.#due = due.sort((left, right) => left.atMs - right.atMs)
    this.lastMs = this.#due.at(-1)?.atMs ?? 0
  }

  until(nowMs: number): void {
    for (;;) {
      const next = this.#due[this.#next]
      if (next === undefined || next.atMs > nowMs) return
      this.#mesh.forget(next.node, next.other)
      this.#next++
    }
  }
}

/** Survivors with too few connections dial others at random; the dead do not answer. */
function dialRound(
  { connections, random, places, figures }: RecoveryComponents,
  alive: Int32Array,
  isDead: Uint8Array,
): void {
  const { target, dialsPerRound } = figures.connections
  for (const node of alive) {
    let living = 0
    for (const other of connections.of(node)) if (isDead[other] === 0) living++
    const dials = Math.min(dialsPerRound, target - living)
    for (let dial = 0; dial < dials; dial++) {
      const other = Math.floor(random.fraction() * places.nodes)
      if (isDead[other] === 0) makeRoomFor(connections, node, other, isDead)
    }
  }
}

/** Connections to the dead are gone by then; their places in the list are taken. */
function makeRoomFor(connections: NeighbourLists, node: number, other: number, isDead: Uint8Array): void {
  for (const side of [node, other]) {
    if (!connections.isFull(side)) continue
    const dead = connections.of(side).find((peer) => isDead[peer] === 1)
    if (dead !== undefined) connections.part(side, dead)
  }
  connections.join(node, other)
}

function countPoor(mesh: NeighbourLists, alive: Int32Array, isDead: Uint8Array, least: number): number {
  let poor = 0
  for (const node of alive) {
    let living = 0
    for (const other of mesh.of(node)) if (isDead[other] === 0) living++
    if (living < least) poor++
  }
  return poor
}

/** Offers were signed evenly over the last refresh before the loss, so they expire evenly at the end of their life. */
function deadOffers(
  lostShare: number,
  { lifeMs, refreshMs }: ScaleFigures['offers'],
): readonly { readonly atMs: number; readonly share: number }[] {
  return DEAD_LOOKS.map((part) => {
    const atMs = Math.round(part * lifeMs)
    const left = Math.min(1, Math.max(0, (lifeMs - atMs) / refreshMs))
    const dead = lostShare * left
    return { atMs, share: dead / (dead + 1 - lostShare) }
  })
}
