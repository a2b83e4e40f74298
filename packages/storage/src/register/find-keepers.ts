import { type Hash, hasCode, type Network, type PeerId } from '@stead/core'
import { publicKeyOfPeerId } from '@stead/protocol'
import { registerTableKey } from './register-record.ts'

/** How long the network's table is searched. */
const FIND_TIMEOUT_MS = 5000
const FOUND_MAX = 16

/**
 * Who says in the network's table that it keeps a register; each may be a liar.
 * @returns public keys, 33 bytes each; none of peers that cannot keep any
 */
export async function findKeepers(
  network: Pick<Network, 'findProviders'>,
  register: Hash,
): Promise<readonly Uint8Array[]> {
  const peers = await network.findProviders(registerTableKey(register), FOUND_MAX, FIND_TIMEOUT_MS)
  return peers.flatMap((peer) => keeperOf(peer) ?? [])
}

function keeperOf(peer: PeerId): Uint8Array | undefined {
  try {
    return publicKeyOfPeerId(peer)
  } catch (error) {
    if (hasCode(error, 'PROTOCOL_MALFORMED')) return undefined
    throw error
  }
}
