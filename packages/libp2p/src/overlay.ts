/**
 * The shape of the gossip overlay, by gossipsub's own names so that its specification can be read beside it. The values
 * are those that it advises (gossipsub v1.1 and v1.2); they stand here and not in the library's defaults because
 * the model of docs/scale.md counts with them, and an update must not change a network in silence.
 */
export const GOSSIP_OVERLAY = {
  /** Neighbours in a topic's mesh that a repair aims at. */
  D: 6,
  /** With fewer than this the mesh is repaired. */
  Dlo: 4,
  /** With more than this it is pruned. */
  Dhi: 12,
  /** Kept for their score when it is pruned. */
  Dscore: 4,
  /** Connections of a mesh that a node must have made itself. */
  Dout: 2,
  /** Peers outside the mesh that are told the ids of the last messages with each heartbeat, at least. */
  Dlazy: 6,
  /** …and at least this share of them. */
  gossipFactor: 0.25,
  /** Heartbeats for which a message can be asked for. */
  mcacheLength: 5,
  /** Heartbeats for which its id is told. */
  mcacheGossip: 3,
  /** Of messages from this size on, in bytes, a node tells its mesh at once that it needs no further copy. */
  idontwantMinDataSize: 512,
  /** Such words taken from one neighbour between two heartbeats. */
  idontwantMaxMessages: 512,
  /** Own messages go to every connected peer of the topic, not to the mesh alone. */
  floodPublish: true,
} as const

/** Most of each kind that one message between gossip neighbours may hold; one that holds more is dropped as a whole. */
export const GOSSIP_RPC_LIMITS = {
  maxSubscriptions: 256,
  maxMessages: 256,
  maxControlMessages: 256,
  maxIhaveMessageIDs: 1000,
  maxIwantMessageIDs: 1000,
  maxIdontwantMessageIDs: 256,
  maxPeerInfos: 16,
} as const

/** The shape of the provider table. */
export const TABLE_SHAPE = {
  /** Peers that keep a record, and most peers that an answer names. */
  kBucketSize: 20,
  /** Questions at once on each path of a search. */
  alpha: 3,
  /** Paths of a search that share no peer. */
  disjointPaths: 3,
} as const
