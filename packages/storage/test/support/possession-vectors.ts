import { type Address, address, type Hash, hash, microUsd, type Signer } from '@stead/core'
import { bytesToHex, createSigner, loadSecp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  encodePossessionAnswer,
  loadPairHasher,
  PieceSet,
  ProofTree,
  type SetChange,
} from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { agreementNumber, firstAgreement, nextAgreement, signAgreement } from '../../src/agreement/agreement.ts'
import { challengedLeaves } from '../../src/agreement/possession.ts'
import { provePossession } from '../../src/provider/prove-possession.ts'

const MIB = 2 ** 20
const AT_SECOND = 1_800_000_000 + 15 * 86_400
const [PAYER_KEY, NODE_KEY] = [new Uint8Array(32).fill(0x11), new Uint8Array(32).fill(0x22)]
const ESCROW: Address = address('0x5f00000000000000000000000000000000e5c70a')
const BLOCK_BYTES = 65_536
const secp256k1 = await loadSecp256k1()
const hasher = await loadPairHasher()
const [payer, node] = [createSigner(secp256k1, PAYER_KEY), createSigner(secp256k1, NODE_KEY)]

/** A set and the bytes of its pieces. */
interface Kept {
  readonly set: PieceSet
  readonly trees: Map<Hash, { readonly tree: ProofTree; readonly bytes: Uint8Array }>
}

/** Equal lengths give equal bytes, so that a set of 32,768 pieces is made in a moment; their names differ. */
const contents = new Map<number, { readonly tree: ProofTree; readonly bytes: Uint8Array }>()

function contentOf(lengthBytes: number): { readonly tree: ProofTree; readonly bytes: Uint8Array } {
  const known = contents.get(lengthBytes)
  if (known !== undefined) return known
  const bytes = new SeededRandom(lengthBytes).bytes(lengthBytes)
  const made = { tree: ProofTree.of(hasher, bytes), bytes }
  contents.set(lengthBytes, made)
  return made
}

function seedOf(number: number): Uint8Array {
  return new SeededRandom(number).bytes(32)
}

/** @param lengths by slot; 0 leaves a slot empty */
function keptOf(lengths: readonly number[]): Kept {
  const kept: Kept = { set: new PieceSet(), trees: new Map() }
  const changes = lengths.flatMap((lengthBytes, slot): SetChange[] => {
    if (lengthBytes === 0) return []
    const piece = hash(bytesToHex(seedOf(1_000_000 + slot)))
    const content = contentOf(lengthBytes)
    kept.trees.set(piece, content)
    return [{ slot, piece: { piece, root: content.tree.root, lengthBytes } }]
  })
  kept.set.apply(changes)
  return kept
}

/** A revision on top of those before it, which are about nothing. */
function revisionOf(ordinal: number, revision: number, kept: Kept): Agreement {
  const parties = { chainId: 31337, escrow: ESCROW, payer: payer.address, node: node.address }
  const terms = { atSecond: AT_SECOND, priceMicroUsdPerTibHour: microUsd(5000n), set: new PieceSet().root }
  let agreement = firstAgreement({ ...parties, number: agreementNumber(ordinal) }, terms)
  while (agreement.revision < revision)
    agreement = nextAgreement(agreement, { atSecond: AT_SECOND, set: kept.set.root, billedByteSeconds: 0n })
  return agreement
}

function halvesOf(
  signer: Signer,
  agreement: Agreement,
  document: Uint8Array,
): { readonly r: string; readonly vs: string } {
  const signature = signAgreement(signer, agreement, document)
  const halves = signature.slice(0, 64)
  if (signature[64] === 28) halves[32] = (halves[32] ?? 0) | 0x80
  return { r: bytesToHex(halves.subarray(0, 32)), vs: bytesToHex(halves.subarray(32)) }
}

async function vectorOf(agreement: Agreement, kept: Kept, seedNumbers: readonly number[]): Promise<object> {
  const document = agreementSchema.encodeDocument(agreement)
  const proveLeaf = async (piece: Hash, index: number) => {
    const content = kept.trees.get(piece)
    if (content === undefined) throw new Error(`there is no piece ${piece}`)
    const block = Math.floor((index * 32) / BLOCK_BYTES)
    return content.tree.proveLeaf(index, content.bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))
  }
  const answers: object[] = []
  for (const number of seedNumbers) {
    const seed = seedOf(number)
    const proof = encodePossessionAnswer(await provePossession({ set: kept.set, proveLeaf }, seed))
    answers.push({ seed: bytesToHex(seed), proof: bytesToHex(proof) })
  }
  const [byPayer, byNode] = [halvesOf(payer, agreement, document), halvesOf(node, agreement, document)]
  return {
    document: bytesToHex(document),
    payerR: byPayer.r,
    payerVs: byPayer.vs,
    nodeR: byNode.r,
    nodeVs: byNode.vs,
    id: agreementIdOf(agreement),
    root: bytesToHex(agreement.root),
    leaves: agreement.leaves,
    slots: agreement.slots,
    revision: agreement.revision,
    answers,
  }
}

/** What the possession adjudicator is checked against, as text: contracts/vectors/possession.json. */
export async function possessionVectors(): Promise<string> {
  const one = keptOf([32])
  const mixed = keptOf([1, 0, 100, 65_536, 0, 65_537, MIB - 13, MIB, 0, 200_000])
  const shrunk = keptOf([1, 0, 100, 65_536])
  const agreements = {
    one: await vectorOf(revisionOf(0, 1, one), one, [1]),
    mixed: await vectorOf(revisionOf(1, 1, mixed), mixed, [2, 3, 4, 5, 6, 7]),
    shrunk: await vectorOf(revisionOf(1, 2, shrunk), shrunk, [2, 3]),
    nothing: await vectorOf(revisionOf(1, 3, keptOf([])), keptOf([]), []),
    other: await vectorOf(revisionOf(2, 1, shrunk), shrunk, [2]),
    slots1024: await vectorOf(...whole(3, 2 ** 10), [8]),
    slots32768: await vectorOf(...whole(4, 2 ** 15), [9]),
  }
  const leaves = [1, 2, 3, 7, 32_768, 2 ** 25, 2 ** 30, 2 ** 39 + 12_345, 2 ** 40 - 1]
  const draws = Array.from({ length: 128 }, (_, number) => {
    const count = leaves[number % leaves.length] ?? 1
    const seed = seedOf(500_000 + number)
    const drawn = challengedLeaves(seed, count).map((leaf, place): [string, number] => [`leaf${place}`, leaf])
    return { seed: bytesToHex(seed), leaves: count, ...Object.fromEntries(drawn) }
  })
  const about = 'Known answers for possession challenges; packages/storage/test/possession-vectors.test.ts makes them.'
  const keys = { payerKey: bytesToHex(PAYER_KEY), nodeKey: bytesToHex(NODE_KEY), escrow: ESCROW }
  return `${JSON.stringify({ about, ...keys, atSecond: AT_SECOND, agreements, draws }, undefined, 2)}\n`
}

/** An agreement whose slots all hold a piece of a mebibyte. */
function whole(ordinal: number, slots: number): [Agreement, Kept] {
  const kept = keptOf(new Array<number>(slots).fill(MIB))
  return [revisionOf(ordinal, 1, kept), kept]
}
