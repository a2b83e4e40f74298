import { hash, microUsd, type UnixMs } from '@stead/core'
import {
  addressOfPeerId,
  addressOfPublicKey,
  channelIdOf,
  createSigner,
  escrowSeparator,
  isEquivocation,
  loadSecp256k1,
  nobleSecp256k1,
  type Offer,
  offerDigest,
  offerSlot,
  openOffer,
  ProtocolError,
  payloadOf,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  purseIdOf,
  type Secp256k1,
  signOffer,
  signStatement,
  signVoucher,
  statementDigest,
  statementSigner,
  voucherDigest,
  voucherSigner,
} from '@stead/protocol'
import fc from 'fast-check'
import { encodeAbiParameters, hashTypedData, keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadNativeSecp256k1 } from '../src/secp256k1/native.ts'
import { loadWasmSecp256k1 } from '../src/secp256k1/wasm.ts'
import { anyAddress, anyHash, anyMoney, anyOffer, bytesOf } from './arbitraries.ts'

const chain = { chainId: 31337, escrow: addressOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(9))) }
const separator = escrowSeparator(chain)
const voucherTypes = {
  Voucher: [
    { name: 'purse', type: 'bytes32' },
    { name: 'node', type: 'address' },
    { name: 'operator', type: 'address' },
    { name: 'allocation', type: 'uint128' },
    { name: 'cumulative', type: 'uint128' },
  ],
} as const
const anyKey = bytesOf(32).filter((key) => key.some((byte) => byte !== 0) && (key[0] ?? 0) < 0xff)
const anyDebt = fc.record({
  purse: anyHash,
  node: anyAddress,
  operator: anyAddress,
  allocationMicroUsd: anyMoney,
  cumulativeMicroUsd: anyMoney,
})

let backends: readonly Secp256k1[] = []
let secp256k1: Secp256k1 = nobleSecp256k1
beforeAll(async () => {
  backends = [await loadNativeSecp256k1(), await loadWasmSecp256k1(), nobleSecp256k1]
  secp256k1 = await loadSecp256k1()
})

describe('secp256k1', () => {
  test('native, WebAssembly and noble give the same keys, signatures and verdicts', () => {
    expect(backends.map((backend) => backend.name)).toEqual(['native', 'wasm', 'noble'])
    fc.assert(
      fc.property(
        anyKey,
        bytesOf(32),
        fc.nat({ max: 64 }),
        fc.integer({ min: 1, max: 255 }),
        (key, digest, at, flip) => {
          const signatures = backends.map((backend) => backend.sign(digest, key))
          const [signature] = signatures
          if (signature === undefined) throw new Error('no backend')
          for (const other of signatures) expect(other).toEqual(signature)
          const publicKey = nobleSecp256k1.publicKey(key)
          const forged = Uint8Array.from(signature)
          forged[at] = (forged[at] ?? 0) ^ flip
          for (const backend of backends) {
            expect(backend.publicKey(key)).toEqual(publicKey)
            expect(backend.verify(digest, signature, publicKey)).toBe(true)
            expect(backend.recover(digest, signature)).toEqual(nobleSecp256k1.recover(digest, signature))
            expect(backend.recover(digest, forged)).toEqual(nobleSecp256k1.recover(digest, forged))
            if (at < 64) expect(backend.verify(digest, forged, publicKey)).toBe(false)
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  test('a high s, a short signature and keys outside the group are refused by all', () => {
    const key = new Uint8Array(32).fill(3)
    const digest = new Uint8Array(32).fill(4)
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const signature = nobleSecp256k1.sign(digest, key)
    const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
    const high = Uint8Array.from(signature)
    high.set(Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'), 32)
    high[64] = (signature[64] ?? 27) === 27 ? 28 : 27
    for (const backend of backends) {
      expect(backend.verify(digest, high, backend.publicKey(key))).toBe(false)
      expect(backend.recover(digest, high)).toBeUndefined()
      expect(backend.recover(digest, signature.subarray(0, 64))).toBeUndefined()
      expect(() => backend.publicKey(new Uint8Array(32))).toThrow(RangeError)
      expect(() => backend.publicKey(new Uint8Array(32).fill(0xff))).toThrow(RangeError)
    }
  })
})

describe('identity', () => {
  test('a peer id and an EVM address are two spellings of one key', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const publicKey = secp256k1.publicKey(key)
        const peer = peerIdOfPublicKey(publicKey)
        const account = privateKeyToAccount(`0x${Buffer.from(key).toString('hex')}`)
        expect(publicKeyOfPeerId(peer)).toEqual(publicKey)
        expect(addressOfPeerId(peer)).toBe(account.address.toLowerCase())
      }),
      { numRuns: 20 },
    )
  })

  test('what is no secp256k1 peer id is refused with a typed error', () => {
    const ed25519 = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
    for (const text of ['', 'zzz0', ed25519, '16Uiu2', 'l'.repeat(5000)]) {
      expect(() => publicKeyOfPeerId(text)).toThrow(ProtocolError)
    }
  })
})

describe('vouchers', () => {
  test('digests, channel ids and purse ids equal what viem computes', () => {
    fc.assert(
      fc.property(anyDebt, anyHash, anyAddress, (debt, salt, payer) => {
        const message = {
          purse: debt.purse,
          node: debt.node,
          operator: debt.operator,
          allocation: debt.allocationMicroUsd,
          cumulative: debt.cumulativeMicroUsd,
        }
        const domain = { name: 'Stead Escrow', version: '1', chainId: chain.chainId, verifyingContract: chain.escrow }
        const expected = hashTypedData({ domain, types: voucherTypes, primaryType: 'Voucher', message })
        const digest = voucherDigest(separator, debt, debt.cumulativeMicroUsd)
        expect(`0x${Buffer.from(digest).toString('hex')}`).toBe(expected)
        const channel = encodeAbiParameters(
          [{ type: 'bytes32' }, { type: 'address' }, { type: 'address' }, { type: 'uint128' }],
          [debt.purse, debt.node, debt.operator, debt.allocationMicroUsd],
        )
        expect(channelIdOf(debt)).toBe(keccak256(channel))
        const seed = { payer, voucherSigner: debt.node, root: debt.purse, totalMicroUsd: debt.allocationMicroUsd, salt }
        const purse = encodeAbiParameters(
          [
            { type: 'uint256' },
            { type: 'address' },
            { type: 'address' },
            { type: 'address' },
            { type: 'bytes32' },
            { type: 'uint128' },
            { type: 'bytes32' },
          ],
          [BigInt(chain.chainId), chain.escrow, payer, debt.node, debt.purse, debt.allocationMicroUsd, salt],
        )
        expect(purseIdOf(chain, seed)).toBe(keccak256(purse))
      }),
      { numRuns: 25 },
    )
  })

  test('a voucher counts for its own debt, channel and contract only', () => {
    const signer = createSigner(secp256k1, new Uint8Array(32).fill(5))
    const [debt, other] = fc.sample(anyDebt, 2)
    if (debt === undefined || other === undefined) throw new Error('no sample')
    const { signature, channel } = signVoucher(signer, separator, debt)
    const signedBy = (terms: typeof debt, amount: bigint, domain = separator) =>
      voucherSigner(secp256k1, domain, { terms, cumulativeMicroUsd: microUsd(amount), signature })
    expect(channel).toBe(channelIdOf(debt))
    expect(signedBy(debt, debt.cumulativeMicroUsd)).toBe(signer.address)
    expect(signedBy(debt, debt.cumulativeMicroUsd + 1n)).not.toBe(signer.address)
    expect(signedBy({ ...debt, operator: other.operator }, debt.cumulativeMicroUsd)).not.toBe(signer.address)
    expect(signedBy({ ...debt, purse: other.purse }, debt.cumulativeMicroUsd)).not.toBe(signer.address)
    const elsewhere = escrowSeparator({ ...chain, chainId: 1 })
    expect(signedBy(debt, debt.cumulativeMicroUsd, elsewhere)).not.toBe(signer.address)
  })
})

describe('statements and offers', () => {
  const signer = createSigner(nobleSecp256k1, new Uint8Array(32).fill(6))

  test('digests equal what viem computes', () => {
    fc.assert(
      fc.property(anyHash, anyHash, (slot, payload) => {
        const types = {
          Statement: [
            { name: 'slot', type: 'bytes32' },
            { name: 'payload', type: 'bytes32' },
          ],
        } as const
        const expected = hashTypedData({
          domain: { name: 'Stead', version: '1' },
          types,
          primaryType: 'Statement',
          message: { slot, payload },
        })
        expect(`0x${Buffer.from(statementDigest(slot, payload)).toString('hex')}`).toBe(expected)
      }),
      { numRuns: 25 },
    )
  })

  test('two payloads in one slot are an equivocation, and both name their signer', () => {
    const slot = hash(`0x${'11'.repeat(32)}`)
    const first = signStatement(signer, slot, hash(`0x${'22'.repeat(32)}`))
    const second = signStatement(signer, slot, hash(`0x${'33'.repeat(32)}`))
    expect(isEquivocation(first, second)).toBe(true)
    expect(isEquivocation(first, first)).toBe(false)
    expect(statementSigner(secp256k1, first)).toBe(signer.address)
    expect(statementSigner(secp256k1, { ...first, payload: second.payload })).not.toBe(signer.address)
  })

  test('an offer opens only when its own node signed exactly these bytes', () => {
    const [sample, foreign] = fc.sample(anyOffer, 2)
    if (sample === undefined || foreign === undefined) throw new Error('no sample')
    const offer: Offer = { ...sample, node: signer.address, expiresAt: 5 as UnixMs }
    const signed = signOffer(signer, offer)
    expect(openOffer(secp256k1, signed)).toEqual(offer)
    expect(() => signOffer(signer, foreign)).toThrow(RangeError)
    const altered = Uint8Array.from(signed.document)
    const last = altered.length - 1
    altered[last] = (altered[last] ?? 0) ^ 1
    expect(() => openOffer(secp256k1, { ...signed, document: altered })).toThrow(ProtocolError)
  })
})

test('the digest of an offer is that of its statement, by whichever way', () => {
  fc.assert(
    fc.property(anyOffer, fc.uint8Array({ maxLength: 200 }), (offer, document) => {
      const statement = statementDigest(offerSlot(offer.node, offer.sequence), payloadOf(document))
      expect(offerDigest(offer, document)).toEqual(statement)
    }),
  )
})
