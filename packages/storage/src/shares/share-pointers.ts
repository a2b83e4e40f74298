import {
  type IncomingRequest,
  isSteadError,
  type Logger,
  messageOf,
  type Network,
  type ProtocolLimits,
} from '@stead/core'
import { bytesField, defineSchema, optionalField, type Schema, uintField } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { POINTER_VALUE_BYTES_MAX, type PointerValue, type RootPointer } from '../objects/root-pointer.ts'
import type { ShareLink } from './share-link.ts'

/** The protocol by which whoever has a link asks a keeper what the share's pointer says. */
export const SHARES_PROTOCOL = '/stead/shares/1'
const MESSAGE_BYTES_MAX = POINTER_VALUE_BYTES_MAX + 64
/** Limits of {@link SHARES_PROTOCOL}. */
export const SHARES_LIMITS: ProtocolLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  inFlightPerPeerMax: 4,
  handlerTimeoutMs: 5000,
}
const TIMEOUT_MS = 10_000

interface PointerRequest {
  readonly pointer: Uint8Array
}

const requestSchema: Schema<PointerRequest> = defineSchema<PointerRequest>('SharePointerRequest', 128, {
  pointer: [1, bytesField(33, 32)],
})

interface PointerReply {
  readonly sequence: number
  /** Sealed; undefined before the first one, and where no such pointer is known. */
  readonly value?: Uint8Array
}

const replySchema: Schema<PointerReply> = defineSchema<PointerReply>('SharePointerReply', MESSAGE_BYTES_MAX, {
  sequence: [1, uintField()],
  value: [2, optionalField(bytesField(POINTER_VALUE_BYTES_MAX, 1))],
})

/** Answers {@link SHARES_PROTOCOL}: names are capabilities, and what they name is sealed. @throws ProtocolError */
export async function answerPointer(
  { payload }: Pick<IncomingRequest, 'payload'>,
  read: (name: Uint8Array) => Promise<PointerValue | undefined>,
): Promise<Uint8Array> {
  const found = await read(requestSchema.decodeMessage(payload).pointer)
  return replySchema.encodeMessage(found ?? { sequence: 0 })
}

/** The pointer of a share as its keepers tell it: the first that answers is believed, as the link names it. */
export function pointerOfLink(
  { network, logger }: { readonly network: Network; readonly logger: Logger },
  { pointer, keepers }: Pick<ShareLink, 'pointer' | 'keepers'>,
): Pick<RootPointer, 'read'> {
  const payload = requestSchema.encodeMessage({ pointer })
  return {
    read: async () => {
      for (const keeper of keepers)
        try {
          const answer = await network.request(keeper, SHARES_PROTOCOL, payload, { timeoutMs: TIMEOUT_MS })
          const { sequence, value } = replySchema.decodeMessage(answer)
          return value === undefined ? undefined : { sequence, value }
        } catch (error) {
          if (!isSteadError(error)) throw error
          logger.info('a keeper of a share did not answer', { peer: keeper, error: messageOf(error) })
        }
      throw new StorageError('STORAGE_SHARE_AWAY', 'nobody who keeps the root of this share answers')
    },
  }
}
