import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COVERAGE, EpochNetwork, type Member, TOKEN, UTILITY } from './epoch-network.ts'
import { type Finished, stead } from './stead-process.ts'

/** Each command is a process of its own. */
const MINUTE_MS = 60_000

let network: EpochNetwork

beforeAll(async () => {
  network = await EpochNetwork.start()
  await network.bondAll(1500n * TOKEN)
  await network.endEpoch()
}, 60_000)

afterAll(() => network.stop())

const memberAt = (index: number): Member => {
  const member = network.members[index]
  if (member === undefined) throw new RangeError(`no member ${index}`)
  return member
}

/** Runs a command with the keys of a member. */
const as = (index: number, ...args: readonly string[]): Promise<Finished> =>
  stead([...args, '--data-dir', memberAt(index).dataDir, ...network.chainArguments])

/** Fees in the epoch that runs, their sale in the next; the root of that one is final. */
async function earnSellAndFinalize(): Promise<void> {
  await network.earn([40, 20, 10, 5])
  await network.endEpoch()
  await network.buyLot()
  await network.compute(0)
  await network.compute(1)
  await network.endEpoch()
  await network.propose(await network.compute(2))
  await network.finalize()
}

describe('rewards', () => {
  it('takes deposits for sponsored programs only', async () => {
    const { code, stdout } = await as(
      3,
      'sponsor',
      COVERAGE,
      '5',
      '--key-file',
      `${memberAt(3).dataDir}/keys/operator.key`,
    )
    expect([code, stdout]).toEqual([0, expect.stringContaining('it can pay 5.000000 USD from now on')])
    const wrong = await as(3, 'sponsor', UTILITY, '5')
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining(COVERAGE)])
    const poor = await as(3, 'sponsor', COVERAGE, '99999')
    expect([poor.code, poor.stderr]).toEqual([5, expect.stringContaining('need 99999.000000 USD')])
  })

  it(
    'claims what was credited, minted and sponsored, once',
    async () => {
      await earnSellAndFinalize()
      const operator = memberAt(1).operator.address
      const args = ['--evidence', network.evidence]
      const dry = await as(1, 'claim', '--dry-run', ...args)
      expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('nothing was sent')])
      expect(dry.stdout).toContain('in the Escrow: 19.000000 USD')
      const before = await network.as(memberAt(1).operator, ({ economy }) => economy.tokenBalance(operator))
      const claimed = await as(1, 'claim', '--json', ...args)
      expect([claimed.code, claimed.stderr]).toEqual([0, ''])
      const { lines, finalEpoch, steps } = JSON.parse(claimed.stdout)
      expect([finalEpoch, steps.length]).toEqual([2, 4])
      const minted = lines.find((line: { isMinting: boolean }) => line.isMinting)
      const after = await network.as(memberAt(1).operator, ({ economy }) => economy.tokenBalance(operator))
      expect(after - before).toBe(BigInt(minted.payableUnits))
      expect(after - before).toBeGreaterThan(0n)
      const again = await as(1, 'claim', ...args)
      expect([again.code, again.stderr]).toEqual([5, expect.stringContaining('CLI_NOTHING_TO_DO')])
      const audit = await stead(['audit', 'address', operator, '--from', '2', ...args, ...network.chainArguments])
      expect([audit.code, audit.stdout]).toEqual([0, expect.stringContaining('MATCH')])
    },
    MINUTE_MS,
  )
})
