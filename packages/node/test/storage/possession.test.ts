import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from '../epochs/epoch-world.ts'

const TIMEOUT_MS = 180_000
const TOKEN = 10n ** 18n
const ANSWER_SECONDS = 60
const SHARES = { 'storage.shareGib': '1', 'storage.keepFreeGib': '0' }
const BUYS = { 'storage.profile': '2-of-3', 'storage.spread': false, 'storage.settleSeconds': '3600' }

describe('possession challenges between daemons on a real chain', () => {
  const world = new EpochWorld({ epochSeconds: 3600, answerSeconds: ANSWER_SECONDS })
  let payer: WorldMember
  beforeAll(async () => {
    await world.start()
    for (const name of ['honest', 'broken', 'third']) await world.join(name, SHARES)
    payer = await world.join('payer', BUYS)
    const { address } = payer.nodeKey
    await world.giveDollars(address, 100)
    await (await world.holder.economy(world.book)).transfer(address, 100n * TOKEN)
    const client = world.clientOf(payer)
    await client.createBucket('kept')
    await keep('object', 300_000)
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  const memberOf = (name: string): WorldMember => {
    const found = world.members.find((member) => member.name === name)
    if (found === undefined) throw new TypeError(`${name} is no member`)
    return found
  }
  const stakeOf = async ({ economy, nodeKey }: WorldMember) => (await economy.bondOf(nodeKey.address)).bondedTokenUnits
  const faced = async (member: WorldMember) =>
    (await world.clientOf(member).getStatus()).storage?.possession.challenges[0]
  const asked = async (node: WorldMember) =>
    (await world.clientOf(payer).listChallenges()).challenges.find(
      (challenge) => challenge.node === node.nodeKey.address,
    )

  it(
    'are answered by a node that keeps what it agreed to keep, whose operator gets the deposit',
    async () => {
      const honest = memberOf('honest')
      const before = await honest.economy.tokenBalance(honest.operator.address)
      const { challenge: number } = await challenged(honest)
      const over = await world.until('the answer', async () => {
        const each = await asked(honest)
        return each?.state === 'answered' ? each : undefined
      })
      expect(over).toMatchObject({ number, why: 'wanted' })
      // announce, approve and draw; the answer itself is the node's.
      expect(Number(over.gasUsed)).toBeGreaterThan(200_000)
      expect(Number(over.gasUsed)).toBeLessThan(330_000)
      const answered = await world.until('the node to hear of it', async () => {
        const each = await faced(honest)
        return each?.state === 'answered' ? each : undefined
      })
      expect(Number(answered.gasUsed)).toBeGreaterThan(90_000)
      expect(Number(answered.gasUsed)).toBeLessThan(250_000)
      expect(await stakeOf(honest)).toBe(2000n * TOKEN)
      expect(await honest.economy.tokenBalance(honest.operator.address)).toBe(before + 10n * TOKEN)
    },
    TIMEOUT_MS,
  )

  it(
    'cost a node whose files were cut a tenth of its stake, after a warning with the deadline',
    async () => {
      const broken = memberOf('broken')
      const pieces = join(broken.node.directories.dataDir, 'pieces')
      for (const file of readdirSync(pieces)) if (file.endsWith('.log')) truncateSync(join(pieces, file), 100)
      const { challenge: number } = await challenged(broken)
      const warned = await world.until('the warning', async () => {
        const each = await faced(broken)
        return each?.state === 'lost' ? each : undefined
      })
      expect(warned).toMatchObject({ number, reason: expect.stringContaining('is not here any more') })
      expect(warned.endsAt).toBeGreaterThan(await payer.account.blockTime())
      expect(await stakeOf(broken)).toBe(2000n * TOKEN)
      await world.rpc('evm_increaseTime', ANSWER_SECONDS + 1)
      await world.nextBlock()
      const over = await world.until('the penalty', async () => {
        const each = await asked(broken)
        return each?.state === 'missed' ? each : undefined
      })
      expect(over).toMatchObject({ number, takenTokenUnits: 200n * TOKEN })
      expect(await stakeOf(broken)).toBe(1800n * TOKEN)
      await world.until('the node to hear of it', async () =>
        (await faced(broken))?.state === 'missed' ? true : undefined,
      )
      // The honest node's operator has one deposit; the other is back, with the reporter's part of what was taken.
      expect(await payer.economy.tokenBalance(payer.nodeKey.address)).toBe((100n - 10n + 20n) * TOKEN)
    },
    TIMEOUT_MS,
  )

  it(
    'are answered about the later revision when pieces came since',
    async () => {
      const third = memberOf('third')
      const { challenge: number } = await challenged(third)
      const revision = (await world.until('the challenge', () => faced(third))).revision
      await keep('later', 200_000)
      const answered = await world.until('the answer', async () => {
        const each = await faced(third)
        return each?.state === 'answered' ? each : undefined
      })
      expect(answered).toMatchObject({ number, revision: expect.any(Number) })
      expect(answered.revision).toBeGreaterThan(revision)
      expect(await stakeOf(third)).toBe(2000n * TOKEN)
    },
    TIMEOUT_MS,
  )

  it('are refused where there is nothing to ask', async () => {
    const client = world.clientOf(payer)
    const { address } = payer.nodeKey
    await expect(client.challengeNode({ node: address })).rejects.toSatisfy((error) =>
      hasCode(error, 'STORAGE_NO_CHALLENGE'),
    )
  })

  it(
    'keep a node with stake from deleting early',
    async () => {
      const third = memberOf('third')
      await third.node.stop()
      await expect(world.restart(third, { ...SHARES, 'storage.unpaidSeconds': '950399' })).rejects.toSatisfy((error) =>
        hasCode(error, 'NODE_UNPAID_TOO_SHORT'),
      )
    },
    TIMEOUT_MS,
  )

  async function keep(key: string, lengthBytes: number): Promise<void> {
    const body = async function* () {
      yield new Uint8Array(lengthBytes).fill(7)
    }
    await world.clientOf(payer).putObject({ bucket: 'kept', key }, body(), {})
  }

  async function challenged(member: WorldMember): Promise<{ readonly challenge: bigint }> {
    const { number } = await world.clientOf(payer).challengeNode({ node: member.nodeKey.address })
    if (number === undefined) throw new TypeError('the challenge has no number')
    return { challenge: number }
  }
})
