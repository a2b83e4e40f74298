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
  bytesField,
  defineSchema,
  fixedBytesField,
  hashField,
  listField,
  optionalField,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  type Schema,
  uintField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { POINTER_VALUE_BYTES_MAX, type PointerValue, type RootPointer } from '../objects/root-pointer.ts'
import type { ShareLink } from './share-link.ts'

/** The protocol by which whoever has a link asks what only the owner's machine knows. */
export const SHARES_PROTOCOL = '/stead/shares/1'
const PIECES_MAX = 60
const MESSAGE_BYTES_MAX = POINTER_VALUE_BYTES_MAX + 1024
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
  /** What a pointer says. */
  pointer(name: Uint8Array): Promise<PointerValue | undefined>
  /** Where the pieces of a segment are; undefined for one that is not kept. */
  places(segment: Uint8Array): Promise<readonly PiecePlace[] | undefined>
}

/** One of both is there. */
interface ShareQuestion {
  readonly pointer?: Uint8Array
  readonly segment?: Uint8Array
}

const questionSchema: Schema<ShareQuestion> = defineSchema<ShareQuestion>('ShareQuestion', 128, {
  pointer: [1, optionalField(bytesField(33, 32))],
  segment: [2, optionalField(fixedBytesField(16))],
})

interface PlaceRow {
  readonly number: number
  readonly node: Uint8Array
  readonly agreement: Hash
}

const placeSchema: Schema<PlaceRow> = defineSchema<PlaceRow>('SharePiecePlace', 128, {
  number: [1, uintField(PIECES_MAX - 1)],
  node: [2, fixedBytesField(33)],
  agreement: [3, hashField],
})

interface ShareReply {
  /** 0 where no such pointer is known. */
  readonly sequence: number
  readonly value?: Uint8Array
  readonly places: readonly PlaceRow[]
}

const replySchema: Schema<ShareReply> = defineSchema<ShareReply>('ShareReply', MESSAGE_BYTES_MAX, {
  sequence: [1, uintField()],
  value: [2, optionalField(bytesField(POINTER_VALUE_BYTES_MAX, 1))],
  places: [3, listField(placeSchema.asField(), PIECES_MAX)],
})

/** Answers {@link SHARES_PROTOCOL}. @throws ProtocolError; as the desk */
export async function answerShares(
  { payload }: Pick<IncomingRequest, 'payload'>,
  desk: ShareDesk,
): Promise<Uint8Array> {
  const { pointer, segment } = questionSchema.decodeMessage(payload)
  const found = pointer === undefined ? undefined : await desk.pointer(pointer)
  const places = segment === undefined ? [] : ((await desk.places(segment)) ?? [])
  return replySchema.encodeMessage({
    sequence: 0,
    ...found,
    places: places.map(({ number, peer, agreement }) => ({ number, node: publicKeyOfPeerId(peer), agreement })),
  })
}

/** The machine that a share is of, as its links name it. */
export function deskOfOwner(
  { network, logger }: { readonly network: Network; readonly logger: Logger },
  { owner }: Pick<ShareLink, 'owner'>,
): ShareDesk {
  const ask = async (question: ShareQuestion): Promise<ShareReply> => {
    try {
      const payload = questionSchema.encodeMessage(question)
      return replySchema.decodeMessage(
        await network.request(owner, SHARES_PROTOCOL, payload, { timeoutMs: TIMEOUT_MS }),
      )
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.info('the owner of a share does not answer', { peer: owner, error: messageOf(error) })
      throw new StorageError('STORAGE_SHARE_AWAY', 'nobody who knows the newest root of this share answers', {
        cause: error,
      })
    }
  }
  return {
    pointer: async (pointer) => {
      const { sequence, value } = await ask({ pointer })
      return value === undefined ? undefined : { sequence, value }
    },
    places: async (segment) => {
      const { places } = await ask({ segment })
      if (places.length === 0) return undefined
      return places.map(({ number, node, agreement }) => ({ number, peer: peerIdOfPublicKey(node), agreement }))
    },
  }
}

/** The pointer of a share, to be read. */
export function pointerAt(desk: Pick<ShareDesk, 'pointer'>, name: Uint8Array): Pick<RootPointer, 'read'> {
  return { read: async () => await desk.pointer(name) }
}
