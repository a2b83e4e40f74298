import { type Address, address, type Network, type ProtocolLimits, type RequestHandler } from '@stead/core'
import { bytesToHex, contentIdOf } from '@stead/protocol'
import { epochNumber } from '@stead/rewards'
import { SeededRandom } from '@stead/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { type EpochNotice, NOTICES_PROTOCOL, noticesReplySchema, noticesRequestSchema } from '../src/epoch-messages.ts'
import { EPOCH_SECONDS, type MemoryMember, MemoryWorld } from './memory-world.ts'

const NOBODY = address(`0x${'ab'.repeat(20)}`)

describe('what peers pass on of others', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('cannot keep back a log by naming it as somebody else’s, ahead of the notice that is right', async () => {
    world = new MemoryWorld()
    const away = await world.join('away')
    const prober = await world.join('prober')
    await world.join('third')
    const epoch = epochNumber(1)
    await world.passTo(1)
    await world.passSeconds(EPOCH_SECONDS - 10)
    world.hub.partition([away.network.self], [prober.network.self])
    await world.passGathering(epoch)
    const notice = (await prober.service.logs.notices(epoch)).find(({ node }) => node === prober.nodeKey.address)
    if (notice?.document === undefined) throw new TypeError('the prober has no log')
    expect(await away.service.logs.all(epoch)).not.toContain(notice.document)
    // It asks nobody by itself any more: what it takes in is what it is told here.
    await world.during(away.service.stop())
    world.hub.heal()
    await world.passSeconds(15)
    const told = [{ ...notice, node: NOBODY }, notice].map((each) =>
      away.service.logs.hear(each, { peer: prober.network.self, isLate: true }),
    )
    await world.during(Promise.all(told))
    expect(await away.service.logs.all(epoch)).toContain(notice.document)
  })

  /** The network of a liar that answers whoever asks with logs that it makes up. */
  const inventing =
    (names: (random: SeededRandom) => readonly Address[]) =>
    (network: Network): Network => {
      const random = new SeededRandom(5)
      const notices = (epoch: EpochNotice['epoch']) =>
        names(random).map((node): EpochNotice => {
          const document = contentIdOf('dag-cbor', random.bytes(32))
          return { version: 1, kind: 'log', epoch, node, document }
        })
      const answer: RequestHandler = async ({ payload }) =>
        noticesReplySchema.encodeMessage({ notices: notices(noticesRequestSchema.decodeMessage(payload).epoch) })
      return new Proxy(network, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target)
          if (key !== 'handle') return typeof value === 'function' ? value.bind(target) : value
          return (protocol: string, limits: ProtocolLimits, handler: RequestHandler) =>
            target.handle(protocol, limits, protocol === NOTICES_PROTOCOL ? answer : handler)
        },
      })
    }

  it('cannot keep back the log of a node that is gone by naming others for it first, again and again', async () => {
    world = new MemoryWorld()
    const gone = world.signerOf('node prober').address
    await world.join('liar', { bend: inventing(() => new Array<Address>(64).fill(gone)) })
    const prober = await world.join('prober')
    const witness = await world.join('witness')
    const epoch = epochNumber(1)
    await world.passTo(2)
    const had = async (member: MemoryMember) => (await member.service.logs.notices(epoch)).map(({ node }) => node)
    await world.until('the log', async () => ((await had(witness)).includes(gone) ? true : undefined), 5)
    world.hub.kill(prober.network.self)
    const newcomer = await world.join('newcomer')
    await world.passGathering(epoch)
    expect(await had(newcomer)).toContain(gone)
  })

  it('costs no room when it is about nodes that nobody bonded', async () => {
    world = new MemoryWorld()
    const victim = await world.join('victim')
    const nobodies = (random: SeededRandom) => Array.from({ length: 500 }, () => address(bytesToHex(random.bytes(20))))
    const liar = await world.join('liar', { bend: inventing(nobodies) })
    const epoch = epochNumber(1)
    await world.passTo(2)
    await world.passGathering(epoch)
    const names = victim.service.board.of(epoch, 'log').map(({ node }) => node)
    expect(names.toSorted()).toEqual([victim.nodeKey.address, liar.nodeKey.address].toSorted())
  })
})
