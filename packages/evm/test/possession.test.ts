import { readFileSync } from 'node:fs'
import { type Address, hasCode, hash as hashOf, type SignedRevision, type Signer } from '@stead/core'
import {
  addressWord,
  createSigner,
  equalBytes,
  hashWord,
  hexToBytes,
  loadSecp256k1,
  payloadOf,
  signStatement,
  slotOf,
  uintToBytes,
  uintWord,
} from '@stead/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EvmChain, type EvmPossession, signNodeConsent } from '../src/index.ts'
import { type Devnet, newSigner, ONE_COIN, startDevnet } from './devnet.ts'

const TOKEN = 10n ** 18n
const ANSWER_SECONDS = 600
interface Vectors {
  readonly payerKey: string
  readonly nodeKey: string
  readonly escrow: string
  readonly agreements: { readonly one: { readonly document: string; readonly answers: readonly { proof: string }[] } }
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../contracts/vectors/possession.json', import.meta.url), 'utf8'),
) as Vectors
const secp256k1 = await loadSecp256k1()
const payer = createSigner(secp256k1, hexToBytes(vectors.payerKey))
const node = createSigner(secp256k1, hexToBytes(vectors.nodeKey))
/** The agreement's only piece has one leaf, so that this answers every seed. */
const proof = hexToBytes(vectors.agreements.one.answers[0]?.proof ?? '')

function placeOf(document: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= document.length; at++)
    if (equalBytes(document.subarray(at, at + part.length), part)) return at
  throw new Error('it is not there')
}

/** The storage package's document of one piece, for this deployment and second. */
function revisionOf(escrow: Address, atSecond: number): SignedRevision {
  const document = hexToBytes(vectors.agreements.one.document)
  document.set(hexToBytes(escrow), placeOf(document, hexToBytes(vectors.escrow)))
  const second = new TextEncoder().encode('atSecond')
  document.set(uintToBytes(BigInt(atSecond), 4), placeOf(document, second) + second.length + 1)
  const words = [uintWord(31337), addressWord(escrow), addressWord(payer.address), addressWord(node.address)]
  const id = slotOf('stead/agreement', [...words, new Uint8Array(32)])
  const slot = slotOf('stead/agreement-revision', [hashWord(id), uintWord(1)])
  const signed = (signer: Signer): Uint8Array => signStatement(signer, slot, payloadOf(document)).signature
  return { document, payerSignature: signed(payer), nodeSignature: signed(node) }
}

describe('possession challenges on a real chain', () => {
  let devnet: Devnet
  let chain: EvmChain
  let possession: EvmPossession
  const operator = newSigner()
  beforeAll(async () => {
    devnet = await startDevnet({ holder: operator.address, answerSeconds: ANSWER_SECONDS })
    await devnet.give(operator.address, { gasWei: ONE_COIN })
    chain = await devnet.connect({}, operator)
    const economy = await chain.economy(devnet.book)
    const { stake } = devnet.book
    const consent = signNodeConsent(node, operator.address, { chainId: 31337, stake })
    await economy.bond(node.address, 2000n * TOKEN, consent)
    possession = await chain.possession(devnet.book)
  })
  afterAll(() => devnet.stop())

  async function announced(): Promise<{ readonly challenge: bigint; readonly revision: SignedRevision }> {
    const revision = revisionOf(devnet.book.escrow, Math.floor((await chain.blockTime()) / 1000))
    const { challenge } = await possession.announce(revision)
    return { challenge, revision }
  }

  async function drawn(): Promise<bigint> {
    const { challenge } = await announced()
    await devnet.rpc('anvil_mine', '0x9')
    await possession.draw(challenge)
    return challenge
  }

  it('says what a challenge costs and how long it may take to answer', async () => {
    expect(await possession.terms()).toEqual({ answerSeconds: ANSWER_SECONDS, depositTokenUnits: 10n * TOKEN })
  })

  it('asks a node that finds the challenge, draws the seed from the announced block, and takes the answer', async () => {
    const { challenge } = await announced()
    const open = await possession.challenge(challenge)
    expect(open).toMatchObject({ node: node.address, challenger: operator.address, revision: 1, drawn: undefined })
    await expect(possession.draw(challenge)).rejects.toMatchObject({ details: { error: 'SeedNotThere' } })
    await devnet.rpc('anvil_mine', '0x9')
    await possession.draw(challenge)
    const seedBlock = `0x${(open?.seedBlock ?? 0).toString(16)}`
    const { hash } = (await devnet.rpc('eth_getBlockByNumber', seedBlock, false)) as { hash: string }
    const endsAt = (await chain.blockTime()) + ANSWER_SECONDS * 1000
    const history = await chain.history(devnet.book)
    const toBlock = (await history.head()).number
    const found = await possession.openChallenges(node.address, { fromBlock: 0, toBlock })
    expect(found).toMatchObject([{ number: challenge, drawn: { seed: hash, endsAt } }])
    await possession.answer(challenge, proof)
    expect(await possession.challenge(challenge)).toBeUndefined()
    const span = { fromBlock: 0, toBlock: await possession.head() }
    expect(await possession.endOf(challenge, span)).toMatchObject({ kind: 'answered' })
    expect(await possession.openChallenges(node.address, { fromBlock: 0, toBlock })).toEqual([])
    if (open === undefined) throw new TypeError('no challenge')
    const { agreement } = open
    expect(await possession.announcements(agreement, span)).toMatchObject([
      { number: challenge, node: node.address, agreement, revision: 1, challenger: operator.address },
    ])
    expect(await possession.announcements(hashOf(`0x${'07'.repeat(32)}`), span)).toEqual([])
  })

  it('names what is wrong with an answer', async () => {
    const challenge = await drawn()
    const wrong = proof.slice()
    wrong[40] = (wrong[40] ?? 0) ^ 1
    await expect(possession.answer(challenge, wrong)).rejects.toMatchObject({
      code: 'CHAIN_REVERTED',
      details: { error: 'LeafWrong', number: 0n },
    })
    await expect(possession.reclaim(challenge)).rejects.toMatchObject({ details: { error: 'TooEarly' } })
    await possession.answer(challenge, proof)
  })

  it('hears no later revision that is the challenged one', async () => {
    const { challenge, revision } = await announced()
    await expect(possession.supersede(challenge, revision)).rejects.toMatchObject({ details: { error: 'NotLater' } })
    await devnet.rpc('anvil_mine', '0x200')
    await expect(possession.draw(challenge)).rejects.toMatchObject({ details: { error: 'SeedGone' } })
    await possession.reclaim(challenge)
    expect(await possession.challenge(challenge)).toBeUndefined()
  })

  it('takes a tenth of the stake for silence', async () => {
    const challenge = await drawn()
    await devnet.passSeconds(ANSWER_SECONDS + 1)
    await expect(possession.answer(challenge, proof)).rejects.toMatchObject({ details: { error: 'TooLate' } })
    await possession.punish(challenge)
    const span = { fromBlock: 0, toBlock: await possession.head() }
    expect(await possession.endOf(challenge, span)).toMatchObject({ kind: 'missed', takenTokenUnits: 200n * TOKEN })
    const economy = await chain.economy(devnet.book)
    expect(await economy.bondOf(node.address)).toMatchObject({ bondedTokenUnits: 1800n * TOKEN, expelled: false })
  })

  it('says how many tokens are missing', async () => {
    const poor = newSigner()
    const { revision } = await announced()
    const theirs = await (await devnet.connect({}, poor)).possession(devnet.book)
    await expect(theirs.announce(revision)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS'))
  })
})
