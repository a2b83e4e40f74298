import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { scheduleOf } from '@stead/epochs'
import { type EpochNumber, epochNumber } from '@stead/rewards'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from '../../../node/test/epochs/epoch-world.ts'
import { stead } from './stead-process.ts'

const TIMEOUT_MS = 180_000
const EPOCH_SECONDS = 10
const TOKEN = 10n ** 18n
/** So that a second of a few hundred kilobytes is worth a claim. */
const PRICE = '1000000'
const SHARES = { 'storage.shareGib': '1', 'storage.keepFreeGib': '0', 'storage.priceMicroUsdPerTibHour': PRICE }
const CLAIMS_ALL = { 'claim.minimumMicroUsd': '0', 'claim.nativeCoinMicroUsd': '0' }
const BUYS = {
  'storage.profile': '2-of-3',
  'storage.spread': false,
  'storage.settleSeconds': '3600',
  'storage.priceMaxMicroUsdPerTibHour': PRICE,
  // Cut files are a loss that the node owns up to; a node that lies cannot be had for a test of real daemons.
  'storage.challengeOn': 'lost',
}

describe('audits of what a node keeps, between daemons on a real chain', () => {
  const world = new EpochWorld({ epochSeconds: EPOCH_SECONDS, challengeSeconds: 300 })
  let [proposer, broken, payer]: WorldMember[] = []
  beforeAll(async () => {
    await world.start()
    proposer = await world.join('proposer', SHARES)
    // As an operator leaves it who sets nothing about epochs.
    broken = await world.join('broken', { ...SHARES, ...CLAIMS_ALL, 'epochs.watch': false })
    await world.join('third', SHARES)
    payer = await world.join('payer', BUYS)
    await world.giveDollars(payer.nodeKey.address, 100)
    await (await world.holder.economy(world.book)).transfer(payer.nodeKey.address, 100n * TOKEN)
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  const members = () => {
    if (proposer === undefined || broken === undefined || payer === undefined) throw new TypeError('no members')
    return { proposer, broken, payer }
  }

  it(
    'tell its operator in stead status that it lost pieces, and until when, before it loses anything',
    async () => {
      const { proposer, broken } = members()
      const { time, calendar } = proposer.epochs.ports
      await keepAndPay()
      // Claimed in an epoch that has just begun: what was claimed in the one before would be asked for already.
      await beginNextEpoch()
      await world.clientOf(broken).settle()
      cutPieces(broken)
      const audited = await beginNextEpoch()
      await world.until('the logs of auditors', async () =>
        time.now() >= scheduleOf(calendar, audited).logsCloseAt ? true : undefined,
      )
      await proposer.epochs.proposer.propose(audited)
      const audits = await world.until('the warning', async () => {
        return (await world.clientOf(broken).getStatus()).storage?.audits
      })
      expect(audits).toMatchObject({ epoch: audited, isProven: false, isWarned: true, isPenalised: false })
      expect(audits.outcomes.lost).toBeGreaterThanOrEqual(2)
      // The epoch that decides goes on, and no root has taken anything.
      const { endsAt } = scheduleOf(calendar, epochNumber(audited + 1))
      expect(audits.decidedAt).toBe(endsAt)
      expect(time.now()).toBeLessThan(endsAt)
      expect(await proposer.economy.finalRoot()).toBeUndefined()
      const { stdout } = await stead(['status', '--data-dir', join(world.directory, 'broken')])
      const deadline = new Date(endsAt).toISOString()
      expect(stdout).toContain(`WARNING: audits of epoch ${audited}: not proven`)
      expect(stdout).toContain(
        `without proof in the next epoch, which ends ${deadline}, it loses a part of its quality`,
      )
    },
    TIMEOUT_MS,
  )

  it(
    'have the payer ask for a proof itself, and on chain when none comes, without a command',
    async () => {
      const { broken, payer } = members()
      const client = world.clientOf(payer)
      const challenge = await world.until('the challenge', async () =>
        (await client.listChallenges()).challenges.find(({ number }) => number !== undefined),
      )
      expect(challenge).toMatchObject({ node: broken.nodeKey.address, why: 'lost' })
      expect((await client.listChallenges()).challenges).toHaveLength(1)
      const { stdout } = await stead(['challenge', '--data-dir', join(world.directory, 'payer')])
      expect(stdout).toContain(broken.nodeKey.address)
      expect(stdout).toContain('asked without a command: 10.000000 STEAD of deposits out')
      expect(await payer.economy.tokenBalance(payer.nodeKey.address)).toBe(90n * TOKEN)
    },
    TIMEOUT_MS,
  )

  /** Lets the chain's time jump. */
  async function beginNextEpoch(): Promise<EpochNumber> {
    const { time, calendar } = members().proposer.epochs.ports
    const next = epochNumber(time.epoch() + 1)
    const leftMs = time.untilMs(scheduleOf(calendar, next).beginsAt)
    await world.rpc('evm_increaseTime', Math.ceil(leftMs / 1000))
    return await world.until('the next epoch', async () => (time.epoch() >= next ? time.epoch() : undefined))
  }

  /** An object on all three, proven once and paid for. */
  async function keepAndPay(): Promise<void> {
    const { payer } = members()
    const client = world.clientOf(payer)
    await client.createBucket('kept')
    const body = async function* () {
      yield new Uint8Array(300_000).fill(7)
    }
    await client.putObject({ bucket: 'kept', key: 'object' }, body(), {})
    const { consumer } = await payer.node.trade.payer.storage.open()
    await world.until('the first payment', async () =>
      (await consumer.round()).outcomes.paid === 3 ? true : undefined,
    )
    await client.settle()
  }

  function cutPieces({ node }: WorldMember): void {
    const pieces = join(node.directories.dataDir, 'pieces')
    for (const file of readdirSync(pieces)) if (file.endsWith('.log')) truncateSync(join(pieces, file), 100)
  }
})
