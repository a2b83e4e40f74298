import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochNetwork, type Member, signerOf, TOKEN } from './epoch-network.ts'
import { type Finished, stead } from './stead-process.ts'

/** Each command is a process of its own. */
const MINUTE_MS = 60_000

let network: EpochNetwork

beforeAll(async () => {
  network = await EpochNetwork.start()
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

describe('stake', () => {
  it('says what a bond needs and what there is, before anything is sent', async () => {
    const { code, stderr } = await as(0, 'bond', '1500')
    expect([code, stderr]).toEqual([5, expect.stringContaining('CHAIN_INSUFFICIENT_FUNDS')])
    expect(stderr).toContain('need 1500.000000 STEAD, have 0.000000 STEAD')
    expect(stderr).toContain('stead swap')
  })

  it('bonds with the node’s consent, again without it, and shows the bond', async () => {
    await network.bondAll(1500n * TOKEN)
    const more = await as(0, 'bond', '100.5')
    expect([more.code, more.stdout]).toEqual([
      0,
      expect.stringContaining('bonded 1600.500000 STEAD (counts in epochs)'),
    ])
    const shown = await as(0, 'bond', '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({
      node: memberAt(0).node.address,
      operator: memberAt(0).operator.address,
      bondedTokenUnits: String((16_005n * TOKEN) / 10n),
      unbondings: [],
    })
  })

  it('asks for the consent of a node whose key is elsewhere, and takes it', async () => {
    const stranger = signerOf('another node').address
    const { code, stderr } = await as(0, 'bond', '1', '--node', stranger)
    expect([code, stderr]).toEqual([1, expect.stringContaining('CLI_KEY_MISSING')])
    expect(stderr).toContain(`stead bond --print-consent ${memberAt(0).operator.address}`)
    const bad = await as(0, 'bond', '1', '--node', stranger, '--consent', `0x${'11'.repeat(65)}`)
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('CHAIN_REVERTED')])
    const consent = await as(1, 'bond', '--print-consent', memberAt(0).operator.address)
    expect(consent.stdout).toMatch(/^0x[0-9a-f]{130}\n$/)
  })

  it(
    'unbonds a part, refuses more than there is, and withdraws when the time has come',
    async () => {
      const tooMuch = await as(0, 'unbond', '5000')
      expect([tooMuch.code, tooMuch.stderr]).toEqual([2, expect.stringContaining('need 5000.000000 STEAD')])
      const early = await as(0, 'withdraw')
      expect([early.code, early.stderr]).toEqual([5, expect.stringContaining('nothing is unbonding')])
      const unbond = await as(0, 'unbond', '100.5')
      expect([unbond.code, unbond.stdout]).toEqual([0, expect.stringMatching(/unbonding 100.500000 STEAD: .* from 20/)])
      const waiting = await as(0, 'withdraw')
      expect([waiting.code, waiting.stderr]).toEqual([5, expect.stringContaining('can be withdrawn at')])
      await network.passSeconds(14 * 86_400 + 1)
      const done = await as(0, 'withdraw', '--json')
      expect([done.code, JSON.parse(done.stdout)]).toMatchObject([
        0,
        { unbondings: [], outcome: { gasUsed: expect.any(Number) } },
      ])
    },
    MINUTE_MS,
  )

  it(
    'refuses amounts, addresses and keys that are none',
    async () => {
      for (const args of [
        ['bond', '-5'],
        ['bond', '1.5e3'],
        ['unbond', '0'],
        ['bond', '1', '--node', '0x12'],
      ]) {
        const { code, stderr } = await as(0, ...args)
        expect([code, stderr]).toEqual([2, expect.stringContaining('CLI_USAGE')])
      }
      const missing = await as(0, 'bond', '1', '--key-file', join(memberAt(0).dataDir, 'no.key'))
      expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('CLI_KEY_MISSING')])
    },
    MINUTE_MS,
  )
})
