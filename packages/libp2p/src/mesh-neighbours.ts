import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId } from '@stead/core'

/** Peers with which messages of some topic are passed on unasked, as gossipsub tells of them. */
export class MeshNeighbours {
  readonly #topics: Map<PeerId, Set<string>> = new Map()

  /** Follows a gossipsub from before it has any. */
  follow(pubsub: GossipSub): void {
    pubsub.addEventListener('gossipsub:graft', ({ detail: { peerId, topic } }) => {
      const peer = peerId as PeerId
      const topics = this.#topics.get(peer)
      if (topics === undefined) this.#topics.set(peer, new Set([topic]))
      else topics.add(topic)
    })
    pubsub.addEventListener('gossipsub:prune', ({ detail: { peerId, topic } }) => {
      const peer = peerId as PeerId
      const topics = this.#topics.get(peer)
      topics?.delete(topic)
      if (topics?.size === 0) this.#topics.delete(peer)
    })
  }

  has(peer: PeerId): boolean {
    return this.#topics.has(peer)
  }

  /** A peer that is gone is in no mesh, and gossipsub says nothing of it. */
  forget(peer: PeerId): void {
    this.#topics.delete(peer)
  }
}
