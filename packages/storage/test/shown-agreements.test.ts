import { addressOfPeerId, createSigner, loadSecp256k1, nodeKey, peerIdOfPublicKey } from '@stead/protocol'
import { AGREEMENTS_PROTOCOL, openAgreement, shownAskSchema, shownReplySchema } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NetworkWorld } from './support/network-world.ts'

const secp256k1 = await loadSecp256k1()

describe('a payer that keeps segments on nodes', () => {
  it('is found by its address, and shows a stranger what it and a node have signed, and nothing of others', async () => {
    const world = await NetworkWorld.of(12)
    await world.within(world.payer.segments.put(new Uint8Array(32).fill(9), new SeededRandom(1).bytes(100_000)))
    await world.within(world.payer.consumer.round())
    const [keeper] = world.sellers
    if (keeper === undefined) throw new Error('no node')
    const agreed = world.payer.consumer.status().find(({ node }) => node === keeper.node)
    const stranger = createSigner(secp256k1, new Uint8Array(32).fill(250))
    const network = world.hub.createNode(peerIdOfPublicKey(stranger.publicKey))
    await network.start()
    for (const { peer } of world.sellers) await world.within(network.connect(peer, 5000))
    const payer = createSigner(secp256k1, new Uint8Array(32).fill(200))
    const [found] = await world.within(network.findProviders(nodeKey(payer.address), 4, 5000))
    if (found === undefined) throw new Error('the payer is not found')
    expect(addressOfPeerId(found)).toBe(payer.address)
    await world.within(network.connect(found, 5000))
    const ask = async (node: typeof payer.address) => {
      const payload = shownAskSchema.encodeMessage({ node })
      const asking = network.request(found, AGREEMENTS_PROTOCOL, payload, { timeoutMs: 5000 })
      return shownReplySchema.decodeMessage(await world.within(asking)).agreement
    }
    const shown = await ask(keeper.node)
    if (shown === undefined) throw new Error('nothing is shown')
    const opened = openAgreement(secp256k1, shown)
    expect([opened.node, opened.payer, opened.pieces]).toEqual([keeper.node, payer.address, agreed?.pieces])
    expect(await ask(stranger.address)).toBeUndefined()
  })
})
