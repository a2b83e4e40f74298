import { type Clock, hasCode, type Network, type PeerId } from '@stead/core'
import { PIECES_PROTOCOL } from '../messages.ts'
import { remoteCodeOf } from './remote-code.ts'

/** Doubles: a part of a mebibyte is not sent again and again. */
const FIRST_PAUSE_MS = 20

/**
 * Asks a node about pieces. One that works on as many requests of this peer as it takes, or writes as many pieces as it can,
 * is asked again soon: it is there, and has the piece.
 * @throws CoreError as Network.request, for the time of all attempts together
 */
export async function askPieces(
  { network, clock }: { readonly network: Network; readonly clock: Clock },
  peer: PeerId,
  payload: Uint8Array,
  {
    timeoutMs,
    signal,
    tail,
  }: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal | undefined
    readonly tail?: Uint8Array | undefined
  },
): Promise<Uint8Array> {
  const endMs = clock.monotonicMs() + timeoutMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    const leftMs = Math.max(1, endMs - clock.monotonicMs())
    try {
      const options = { timeoutMs: leftMs, bulk: true, ...(signal === undefined ? {} : { signal }) }
      const rest = tail === undefined ? {} : { tail }
      return await network.request(peer, PIECES_PROTOCOL, payload, { ...options, ...rest })
    } catch (error) {
      const isBusy = hasCode(error, 'NETWORK_BUSY') || remoteCodeOf(error) === 'STORAGE_BUSY'
      if (!isBusy || leftMs <= pauseMs) throw error
      await clock.sleep(pauseMs, signal)
    }
  }
}
