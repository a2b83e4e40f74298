import type { Hash, Signer } from '@stead/core'
import {
  type Agreement,
  agreementIdOf,
  agreementNumber,
  agreementSchema,
  BLOCK_BYTES,
  encodePossession,
  type LeafProof,
  loadPairHasher,
  PieceSet,
  ProofTree,
  provePossession,
  type SignedAgreement,
  signAgreement,
} from '@stead/storage'
import { CHAIN_ID, ESCROW, hashOf } from './world.ts'

const hasher = await loadPairHasher()

/** What a node keeps for a payer, with everything that it takes to show it. */
export class KeptPieces {
  readonly #agreement: Agreement
  readonly #set = new PieceSet()
  readonly #pieces: ReadonlyMap<Hash, Uint8Array>
  readonly signed: SignedAgreement

  /** @param change in the revision, before both sign it */
  constructor(
    payer: Signer,
    node: Signer,
    {
      pieces = 3,
      atSecond,
      change = {},
    }: {
      readonly pieces?: number
      readonly atSecond: number
      readonly change?: Partial<Agreement>
    },
  ) {
    const named = Array.from({ length: pieces }, (_, index) => {
      const bytes = new Uint8Array(40_000 + 50_000 * index).fill(index + 1)
      return { piece: hashOf(`piece ${index}`), bytes, tree: ProofTree.of(hasher, bytes) }
    })
    this.#pieces = new Map(named.map(({ piece, bytes }) => [piece, bytes]))
    this.#set.apply(
      named.map(({ piece, tree: { root, lengthBytes } }, slot) => ({ slot, piece: { piece, root, lengthBytes } })),
    )
    this.#agreement = {
      version: 1,
      chainId: CHAIN_ID,
      escrow: ESCROW,
      payer: payer.address,
      node: node.address,
      number: agreementNumber(0),
      revision: 4,
      atSecond,
      ...this.#set.root,
      priceMicroUsdPerTibHour: 1n as Agreement['priceMicroUsdPerTibHour'],
      dueByteSeconds: 0n,
      ...change,
    }
    const document = agreementSchema.encodeDocument(this.#agreement)
    const [payerSignature, nodeSignature] = [payer, node].map((by) => signAgreement(by, this.#agreement, document))
    if (payerSignature === undefined || nodeSignature === undefined) throw new Error('two have signed')
    this.signed = { document, payerSignature, nodeSignature }
  }

  /** Shows the leaves that a seed draws. */
  async prove(seed: Uint8Array): Promise<Uint8Array> {
    const proveLeaf = async (piece: Hash, index: number): Promise<LeafProof> => {
      const bytes = this.#pieces.get(piece) ?? new Uint8Array(0)
      const from = Math.floor((32 * index) / BLOCK_BYTES) * BLOCK_BYTES
      return ProofTree.of(hasher, bytes).proveLeaf(index, bytes.subarray(from, from + BLOCK_BYTES))
    }
    const leaves = await provePossession({ set: this.#set, proveLeaf }, seed)
    const { revision } = this.#agreement
    return encodePossession({ version: 1, agreement: agreementIdOf(this.#agreement), revision, seed, leaves })
  }
}
