import { hasCode } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from '../epochs/epoch-world.ts'

const TIMEOUT_MS = 180_000
const SHARES = { 'storage.shareGib': '1', 'storage.keepFreeGib': '0' }
const BUYS = { 'storage.profile': '2-of-3', 'storage.spread': false, 'storage.settleSeconds': '3600' }
const BYTES = new Uint8Array(400_000).map((_, place) => place % 251)

describe('a node that leaves a network of daemons', () => {
  const world = new EpochWorld({ epochSeconds: 3600 })
  let payer: WorldMember
  beforeAll(async () => {
    await world.start()
    for (const name of ['first', 'second', 'third', 'fourth']) await world.join(name, SHARES)
    payer = await world.join('payer', BUYS)
    await world.giveDollars(payer.nodeKey.address, 100)
    const client = world.clientOf(payer)
    await client.createBucket('kept')
    const body = async function* () {
      yield BYTES
    }
    await client.putObject({ bucket: 'kept', key: 'object' }, body(), {})
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  const piecesOf = async (member: WorldMember) =>
    (await world.clientOf(payer).getStorage()).nodes.find(({ node }) => node === member.nodeKey.address)?.pieces ?? 0

  async function content(): Promise<Uint8Array> {
    const { body } = await world.clientOf(payer).getObject({ bucket: 'kept', key: 'object' })
    return new Uint8Array(await new Response(ReadableStream.from(body)).arrayBuffer())
  }

  it(
    'hands over what it keeps, also after a restart in the middle, is paid, and takes its stake back',
    async () => {
      const sharing = world.members.filter(({ name }) => name !== 'payer')
      const counts = await Promise.all(sharing.map(async (member) => [member, await piecesOf(member)] as const))
      const [leaver] = counts.find(([, pieces]) => pieces > 0) ?? []
      if (leaver === undefined) throw new TypeError('nobody keeps anything')
      const before = await world.clientOf(leaver).leaveStorage({ leave: true })
      expect(before).toMatchObject({ state: 'finishing', leaving: { piecesLeft: before.leaving?.piecesAtFirst } })
      const again = await world.restart(leaver, SHARES)
      const status = async () => (await world.clientOf(again).getStatus()).storage
      expect(await status()).toMatchObject({ state: 'finishing', leaving: { since: before.leaving?.since } })

      const round = await world.until('everything to be moved', async () => {
        const each = await world.clientOf(payer).runStorageRound()
        return (await piecesOf(again)) === 0 && each.leavingNodes === 0 ? each : undefined
      })
      expect(round.unrepairedSegments).toBe(0)
      const after = await world.until('the last payment', async () => {
        await world.clientOf(payer).runStorageRound()
        const each = await status()
        return each?.leaving?.agreementsLeft === 0 ? each : undefined
      })
      expect(after).toMatchObject({ agreedBytes: 0, leaving: { piecesLeft: 0, answerableUntil: expect.any(Number) } })
      await world.clientOf(payer).settle()
      const earned = (await again.node.trade.provider?.market.earnings())?.claimableMicroUsd
      expect(earned).toBeGreaterThan(0n)

      const { address } = again.nodeKey
      await again.economy.unbond(address, 2000n * 10n ** 18n)
      expect((await again.economy.bondOf(address)).bondedTokenUnits).toBe(0n)
      await again.node.stop()
      expect(Buffer.from(await content()).equals(Buffer.from(BYTES))).toBe(true)
    },
    TIMEOUT_MS,
  )

  it('is no node without disk space', async () => {
    await expect(world.clientOf(payer).leaveStorage({ leave: true })).rejects.toSatisfy((error) =>
      hasCode(error, 'NODE_NOT_PROVIDING'),
    )
  })
})
