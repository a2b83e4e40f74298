import { address, hasCode, type UnixMs } from '@stead/core'
import { OfferReader } from '@stead/market'
import { createSigner, nobleSecp256k1, type Offer, signedDocumentSchema, signOffer } from '@stead/protocol'
import { expect, test } from 'vitest'
import { SharedOfferReader } from '../src/world/shared-offer-reader.ts'

const signer = createSigner(nobleSecp256k1, new Uint8Array(32).fill(7))
const offer: Offer = {
  version: 1,
  node: signer.address,
  operator: address(`0x${'aa'.repeat(20)}`),
  resource: 'compute',
  chainId: 31337,
  escrow: address(`0x${'e5'.repeat(20)}`),
  region: '-',
  sequence: 1,
  issuedAt: 1_767_225_600_000 as UnixMs,
  expiresAt: 1_767_225_660_000 as UnixMs,
  terms: Uint8Array.of(1, 2, 3),
}

function readBy(reader: OfferReader, payload: Uint8Array) {
  const signed = reader.signedOf(payload)
  const read = reader.offerOf(signed)
  return { signed, read, signer: read === undefined ? undefined : reader.signerOf(read, signed, undefined) }
}

test('whoever asks a shared reader hears what a reader of its own would say, the first time and later', () => {
  const payload = signedDocumentSchema.encodeMessage(signOffer(signer, offer))
  const shared = new SharedOfferReader(nobleSecp256k1)
  const own = readBy(new OfferReader(nobleSecp256k1), payload)
  expect(own.read).toEqual(offer)
  expect(own.signer).toBeDefined()
  const first = readBy(shared, payload)
  expect(first).toEqual(own)
  expect(readBy(shared, payload).read).toBe(first.read)
})

test('other bytes are read for themselves', () => {
  const shared = new SharedOfferReader(nobleSecp256k1)
  const signed = signOffer(signer, offer)
  const first = readBy(shared, signedDocumentSchema.encodeMessage(signed))
  const bent = { document: signed.document, signature: signed.signature.with(5, (signed.signature[5] ?? 0) ^ 1) }
  const second = readBy(shared, signedDocumentSchema.encodeMessage(bent))
  expect(second.signer).not.toEqual(first.signer)
  const next = signOffer(signer, { ...offer, sequence: 2 })
  expect(readBy(shared, signedDocumentSchema.encodeMessage(next)).read?.sequence).toBe(2)
})

test('what is no offer is none each time', () => {
  const shared = new SharedOfferReader(nobleSecp256k1)
  const noMessage = Uint8Array.of(0xff, 0xff)
  const noOffer = signedDocumentSchema.encodeMessage({ document: Uint8Array.of(0xa0), signature: new Uint8Array(65) })
  for (const _time of [1, 2]) {
    expect(() => shared.signedOf(noMessage)).toThrow(expect.toSatisfy((error) => hasCode(error, 'PROTOCOL_MALFORMED')))
    expect(readBy(shared, noOffer).read).toBeUndefined()
  }
})
