import { computeProviderOptionsSchema, computeTermsSchema } from '@stead/compute'
import { address, fuel, microUsd, type UnixMs } from '@stead/core'
import { ENVELOPE_OVERHEAD_BYTES, encodeFrame, encodeRequest } from '@stead/libp2p'
import { offersReplySchema, offersRequestSchema, offersTopic } from '@stead/market'
import { createSigner, nobleSecp256k1, type SignedDocument, signedDocumentSchema, signOffer } from '@stead/protocol'

/** Bytes of what travels, on the stream: without multiplexing, encryption and packets. */
export interface MessageSizes {
  /** A signed offer. */
  readonly offerPayloadBytes: number
  /** What gossip carries for it: envelope and signed document. */
  readonly offerGossipBytes: number
  /** That as one message between gossip neighbours. */
  readonly offerCopyBytes: number
  /** "I have it, send me no copy." */
  readonly dontWantBytes: number
  /** Telling ids: what each message costs, and each id in it. */
  readonly idsTellBytes: number
  readonly idBytes: number
  readonly pingBytes: number
  readonly pongBytes: number
  readonly offersRequestBytes: number
  /** Of an answer to that, per offer. */
  readonly offerAnswerBytes: number
  readonly tableQuestionBytes: number
  /** Of an answer, per peer that it names. */
  readonly tablePeerBytes: number
  readonly tableRecordBytes: number
}

/** What each message costs besides: Yamux header 12, Noise 18, TCP and IPv4 40 bytes; acknowledgements not counted. */
export const PACKET_BYTES = 70

/** Bytes of gossipsub's message ids; libp2p/src/gossip.ts cuts a SHA-256. */
const MESSAGE_ID_BYTES = 20
/** Multihash of a peer id of ours: identity, length, key with its two protobuf heads. */
const PEER_ID_BYTES = 39
/** Three addresses: IPv4 and TCP are 8 bytes, with a WebSocket 11; their lengths and tags with them. */
const ADDRESSES_BYTES = 33
const TABLE_KEY_BYTES = 34

/** A protobuf field of so many bytes: tag, length, content. */
function field(bytes: number): number {
  return 1 + varint(bytes) + bytes
}

function varint(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
}

/** A message of gossipsub's or the table's stream, with its length before it. */
function prefixed(bytes: number): number {
  return varint(bytes) + bytes
}

/** An offer of a provider with the default prices and limits, signed. */
function sampleOffer(): SignedDocument {
  const { queueMax: _, modulesLoadedMax: __, pullTimeoutMs: ___, ...terms } = computeProviderOptionsSchema.parse({})
  const signer = createSigner(nobleSecp256k1, new Uint8Array(32).fill(7))
  const issuedAt = 1_767_225_600_000
  return signOffer(signer, {
    version: 1,
    node: signer.address,
    operator: address(`0x${'ab'.repeat(20)}`),
    resource: 'compute',
    chainId: 8453,
    escrow: address(`0x${'cd'.repeat(20)}`),
    region: 'eu-west',
    sequence: issuedAt,
    issuedAt: issuedAt as UnixMs,
    expiresAt: (issuedAt + 300_000) as UnixMs,
    terms: computeTermsSchema.encodeDocument({
      ...terms,
      version: 1,
      priceMicroUsdPerGigafuel: microUsd(BigInt(terms.priceMicroUsdPerGigafuel)),
      minimumMicroUsdPerTask: microUsd(BigInt(terms.minimumMicroUsdPerTask)),
      fuelMax: fuel(BigInt(terms.fuelMax)),
      meterVersion: 1,
    }),
  })
}

/** Sizes by the codecs themselves; only what belongs to libp2p's own protobufs is added up here. */
export function messageSizes(): MessageSizes {
  const signed = sampleOffer()
  const topicBytes = offersTopic('compute').length
  const offerPayloadBytes = signedDocumentSchema.encodeMessage(signed).length
  const offerGossipBytes = ENVELOPE_OVERHEAD_BYTES + offerPayloadBytes
  const offerMessageBytes = field(offerGossipBytes) + field(topicBytes)
  const one = offersReplySchema.encodeMessage({ offers: [signed] }).length
  const two = offersReplySchema.encodeMessage({ offers: [signed, signed] }).length
  const tablePeerBytes = field(field(PEER_ID_BYTES) + ADDRESSES_BYTES)
  const idBytes = field(MESSAGE_ID_BYTES)
  return {
    offerPayloadBytes,
    offerGossipBytes,
    offerCopyBytes: prefixed(field(offerMessageBytes)),
    dontWantBytes: prefixed(field(field(idBytes))),
    // Two nested heads whose lengths take two bytes each, the topic, and the length before all.
    idsTellBytes: 8 + field(topicBytes),
    idBytes,
    pingBytes: encodeRequest(1, 1000, new Uint8Array(8)).length,
    pongBytes: encodeFrame(3, 1, new Uint8Array(8)).length,
    offersRequestBytes: encodeRequest(1, 1000, offersRequestSchema.encodeMessage({ version: 1, resource: 'compute' }))
      .length,
    offerAnswerBytes: two - one,
    tableQuestionBytes: prefixed(2 + field(TABLE_KEY_BYTES)),
    tablePeerBytes,
    tableRecordBytes: prefixed(2 + field(TABLE_KEY_BYTES) + tablePeerBytes),
  }
}
