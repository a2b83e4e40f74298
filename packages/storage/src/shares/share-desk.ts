import {
  type Hash,
  type IncomingRequest,
  isSteadError,
  type Logger,
  messageOf,
  type Network,
  type PeerId,
  type ProtocolLimits,
} from '@stead/core'
import {
  defineSchema,
  fixedBytesField,
  hashField,
  listField,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  type Schema,
  uintField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { ShareLink } from './share-link.ts'

/** The protocol by which whoever has a link asks what only the owner's machine knows. */
export const SHARES_PROTOCOL = '/stead/shares/1'
/** Most pieces of a segment. */
export const PIECES_MAX = 60
const MESSAGE_BYTES_MAX = 16_384
/** Limits of {@link SHARES_PROTOCOL}. */
export const SHARES_LIMITS: ProtocolLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  inFlightPerPeerMax: 4,
  handlerTimeoutMs: 5000,
}
const TIMEOUT_MS = 10_000

/** Where a piece of a segment is now. */
export interface PiecePlace {
  readonly number: number
  readonly peer: PeerId
  readonly agreement: Hash
}

/** What the owner's machine says; names are capabilities, and what they name is sealed. */
export interface ShareDesk {
  /** Where the pieces of a segment are; undefined for one that is not kept. */
  places(segment: Uint8Array): Promise<readonly PiecePlace[] | undefined>
}

interface ShareQuestion {
  readonly segment: Uint8Array
}

const questionSchema: Schema<ShareQuestion> = defineSchema<ShareQuestion>('ShareQuestion', 64, {
  segment: [1, fixedBytesField(16)],
})

/** A {@link PiecePlace} in a message. */
export interface PlaceRow {
  readonly number: number
  /** 33 bytes. */
  readonly node: Uint8Array
  readonly agreement: Hash
}

/** Encoding of {@link PlaceRow}. */
export const placeSchema: Schema<PlaceRow> = defineSchema<PlaceRow>('SharePiecePlace', 128, {
  number: [1, uintField(PIECES_MAX - 1)],
  node: [2, fixedBytesField(33)],
  agreement: [3, hashField],
})

interface ShareReply {
  /** None for a segment that is not kept. */
  readonly places: readonly PlaceRow[]
}

const replySchema: Schema<ShareReply> = defineSchema<ShareReply>('ShareReply', MESSAGE_BYTES_MAX, {
  places: [1, listField(placeSchema.asField(), PIECES_MAX)],
})

/** Answers {@link SHARES_PROTOCOL}. @throws ProtocolError; as the desk */
export async function answerShares(
  { payload }: Pick<IncomingRequest, 'payload'>,
  desk: ShareDesk,
): Promise<Uint8Array> {
  const places = (await desk.places(questionSchema.decodeMessage(payload).segment)) ?? []
  return replySchema.encodeMessage({ places: places.map(placeRowOf) })
}

/** A place for a message. */
export function placeRowOf({ number, peer, agreement }: PiecePlace): PlaceRow {
  return { number, node: publicKeyOfPeerId(peer), agreement }
}

/** A place of a message. @throws ProtocolError for a key that is none */
export function placeOfRow({ number, node, agreement }: PlaceRow): PiecePlace {
  return { number, peer: peerIdOfPublicKey(node), agreement }
}

/** The machine that a share is of, as its links name it. */
export function deskOfOwner(
  { network, logger }: { readonly network: Network; readonly logger: Logger },
  { owner }: Pick<ShareLink, 'owner'>,
): ShareDesk {
  return {
    places: async (segment) => {
      try {
        const payload = questionSchema.encodeMessage({ segment })
        const answer = await network.request(owner, SHARES_PROTOCOL, payload, { timeoutMs: TIMEOUT_MS })
        const { places } = replySchema.decodeMessage(answer)
        if (places.length === 0) return undefined
        return places.map(placeOfRow)
      } catch (error) {
        if (!isSteadError(error)) throw error
        logger.info('the owner of a share does not answer', { peer: owner, error: messageOf(error) })
        throw new StorageError('STORAGE_SHARE_AWAY', 'what was repaired is found by its owner alone, who is away', {
          cause: error,
        })
      }
    },
  }
}
