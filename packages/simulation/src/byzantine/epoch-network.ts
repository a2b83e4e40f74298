import { address, CoreError, type Network, type PeerId, type Random, type RequestOptions } from '@stead/core'
import {
  DOCUMENTS_PROTOCOL,
  type EpochNotice,
  NOTICES_PROTOCOL,
  noticesReplySchema,
  PROBE_PROTOCOL,
} from '@stead/epochs'
import { bytesToHex, contentIdOf } from '@stead/protocol'
import { STORAGE_PROTOCOL, storageRequestSchema } from '@stead/storage'
import { decorated } from '@stead/testkit'
import type { EpochCheat } from './epoch-cheats.ts'

/** Made-up notices of each node that are passed on: as many as anybody keeps. */
const INVENTED = 8

/**
 * The network of a cheat in epochs: who slanders asks nobody and reports that nobody answered; evidence is withheld; what
 * others said is passed on with false names and with logs and results that nobody has, ahead of the truth.
 */
export function epochLyingNetwork(network: Network, cheat: EpochCheat, random: Random): Network {
  const withheld = cheat === 'withholds-evidence' ? DOCUMENTS_PROTOCOL : undefined
  const unasked = cheat === 'slanders' ? PROBE_PROTOCOL : undefined
  const bent = cheat === 'false-hearsay' ? NOTICES_PROTOCOL : undefined
  return decorated(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, async (request) => {
        if (protocol === withheld) throw new CoreError('NETWORK_BUSY', 'nothing is given out')
        const answer = await handler(request)
        return protocol === bent ? falseNotices(answer, random) : answer
      }),
    request: (peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions) => {
      if (protocol === unasked || (cheat === 'slanders' && isAudit(protocol, payload)))
        return Promise.reject(new CoreError('NETWORK_TIMEOUT', 'not asked at all'))
      return network.request(peer, protocol, payload, options)
    },
  })
}

function isAudit(protocol: string, payload: Uint8Array): boolean {
  return protocol === STORAGE_PROTOCOL && storageRequestSchema.decodeMessage(payload).audit !== undefined
}

function falseNotices(answer: Uint8Array, random: Random): Uint8Array {
  const { notices } = noticesReplySchema.decodeMessage(answer)
  const renamed = notices.map((notice) => ({ ...notice, node: address(bytesToHex(random.bytes(20))) }))
  const named = notices.filter(({ kind }) => kind !== 'vote')
  const invented = named.flatMap((notice): EpochNotice[] =>
    Array.from({ length: INVENTED }, () => ({ ...notice, document: contentIdOf('dag-cbor', random.bytes(32)) })),
  )
  return noticesReplySchema.encodeMessage({ notices: [...renamed, ...invented, ...notices].slice(0, NOTICES_MAX) })
}

/** What one answer holds at most. */
const NOTICES_MAX = 2048
