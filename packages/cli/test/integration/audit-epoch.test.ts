import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hash } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { type ComputedEpoch, evidenceDigest, rewardUnits } from '@stead/rewards'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeResult } from '../../../rewards/src/epoch/result.ts'
import { CHALLENGE_SECONDS, EpochNetwork, TOKEN } from './epoch-network.ts'
import { type Finished, stead } from './stead-process.ts'

/** Each command is a process of its own. */
const MINUTE_MS = 60_000

let network: EpochNetwork
let epochs: ComputedEpoch[]
let beforeAnyRoot: Finished
let audit: (...args: readonly string[]) => Promise<Finished>

beforeAll(async () => {
  network = await EpochNetwork.start()
  audit = (what, ...args) => stead(['audit', what ?? '', ...args, ...network.chainArguments])
  beforeAnyRoot = await audit('epoch', 'latest', '--evidence', network.evidence)
  await network.bondAll(1500n * TOKEN)
  await network.earn([40, 20, 0, 10])
  await network.endEpoch()
  await network.buyLot()
  await network.earn([1, 2, 3, 4])
  epochs = [await network.compute(0)]
  for (const epoch of epochs) await network.propose(epoch)
  await network.finalize()
  await network.endEpoch()
  epochs.push(await network.compute(1))
}, 60_000)

afterAll(() => network.stop())

const folderWith = (change: (folder: string) => void): string => {
  const folder = join(network.directory, `evidence-${readdirSync(network.directory).length}`)
  cpSync(network.evidence, folder, { recursive: true })
  change(folder)
  return folder
}

it('can be asked for again before there is any root', () => {
  expect([beforeAnyRoot.code, beforeAnyRoot.stderr]).toEqual([5, expect.stringContaining('CLI_NO_ROOT_YET')])
  expect(beforeAnyRoot.stderr).toContain('Ask again when an epoch is over')
})

describe('an epoch whose root follows from chain and evidence', () => {
  it('matches, as the newest one and by its number', async () => {
    const { code, stdout } = await audit('epoch', '0', '--evidence', network.evidence)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^MATCH\nepoch 0, root 0x[0-9a-f]{64} \(final\)/)])
    expect(stdout).toContain('fees 3.500000 USD')
    expect(stdout).toContain('not checked: whether logs were left out (ask a node that takes part in epochs)')
    expect(stdout).not.toContain('builds on')
    await network.propose(epochs[1] as ComputedEpoch)
    const latest = await audit('epoch', 'latest', '--evidence', network.evidence, '--json')
    expect([latest.code, latest.stderr]).toEqual([0, expect.stringContaining('epoch 1')])
    expect(JSON.parse(latest.stdout)).toMatchObject({
      audit: 'match',
      epoch: 1,
      state: 'open',
      root: epochs[1]?.result.root,
      nodes: 4,
      logs: 4,
      owedLogs: null,
      buildsOn: { epoch: 0, state: 'final' },
      feesMicroUsd: 500_000,
      unsoldLots: [1],
    })
  })

  it('says of one operator what it earned and why not more', async () => {
    const operator = network.members[2]?.operator.address ?? ''
    const { code, stdout } = await audit('address', operator, '--evidence', network.evidence)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^MATCH\n0x[0-9a-f]{40}, 2 epochs recomputed/)])
    expect(stdout).toContain('not-bonded: no node of it was bonded')
    expect(stdout).toContain('unsold-lot: fees of lot 1, 0.150000 USD, were not sold in this epoch')
    const first = network.members[0]?.operator.address ?? ''
    const json = await audit('address', first, '--evidence', network.evidence, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      audit: 'match',
      epochs: [
        { epoch: 0, grossMicroUsd: 40_000_000, feeMicroUsd: 2_000_000 },
        { epoch: 1, grossMicroUsd: 1_000_000 },
      ],
    })
  })
})

describe('an audit that cannot match', () => {
  it('exits 5 when a file is damaged, and names it: that says nothing about the root', async () => {
    const facts = epochs[1]?.evidence.facts ?? ''
    const folder = folderWith((copy) => {
      const bytes = readFileSync(join(copy, facts))
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      writeFileSync(join(copy, facts), bytes)
    })
    const { code, stdout, stderr } = await audit('epoch', '1', '--evidence', folder)
    expect([code, stdout]).toEqual([5, ''])
    expect(stderr).toContain(`${join(folder, facts)} has other bytes under its id (CLI_EVIDENCE_MISSING)`)
  })

  it('exits 5 when a document is missing, and names it', async () => {
    const log = epochs[1]?.evidence.logs[0] ?? ''
    const folder = folderWith((copy) => rmSync(join(copy, log)))
    const { code, stderr } = await audit('epoch', '1', '--evidence', folder)
    expect([code, stderr]).toEqual([5, expect.stringContaining('CLI_EVIDENCE_MISSING')])
    expect(stderr).toContain(log)
  })

  it(
    'refuses an epoch that nobody proposed, and what is no epoch',
    async () => {
      const unknown = await audit('epoch', '7', '--evidence', network.evidence)
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('no root of epoch 7 was proposed')])
      const operator = network.members[0]?.operator.address ?? ''
      const beyond = await audit('address', operator, '--evidence', network.evidence, '--from', '7')
      expect([beyond.code, beyond.stderr]).toEqual([2, expect.stringContaining('--from 7 is after the newest epoch')])
      const wrong = await audit('epoch', 'newest', '--evidence', network.evidence)
      expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('CLI_USAGE')])
      const nowhere = await audit('epoch', '0', '--evidence', join(network.directory, 'nowhere'))
      expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('there is no folder')])
    },
    MINUTE_MS,
  )

  it('exits 5 when the chain does not answer', async () => {
    const place = ['--rpc', 'http://127.0.0.1:9', '--address-book', network.place.addressBook]
    const { code, stderr } = await stead(['audit', 'epoch', '0', '--evidence', network.evidence, ...place])
    expect([code, stderr]).toEqual([5, expect.stringContaining('CHAIN_UNREACHABLE')])
  })

  it(
    'exits 9 for a root that does not follow, with both roots in the sentence',
    async () => {
      const lie = hash(`0x${'1e'.repeat(32)}`)
      await network.finalize()
      await network.endEpoch()
      const computed = await network.compute(2)
      await network.propose(computed, lie)
      const { code, stdout, stderr } = await audit('epoch', '2', '--evidence', network.evidence)
      expect([code, stdout]).toEqual([9, 'MISMATCH\n'])
      expect(stderr).toContain(`epoch 2: root: need ${computed.result.root}, have ${lie}`)
      const address = network.members[0]?.operator.address ?? ''
      const lines = computed.result.lines.map((line) => ({ ...line, cumulativeUnits: rewardUnits(7n) }))
      const published = encodeResult({ ...computed.result, root: lie, lines })
      const folder = folderWith((copy) => writeFileSync(join(copy, contentIdOf('dag-cbor', published)), published))
      const named = await audit('epoch', '2', '--evidence', folder)
      expect([named.code, named.stderr]).toEqual([9, expect.stringContaining('cumulative of 0x')])
      expect(named.stderr).toContain('need 0, have 7')
      expect((await audit('address', address, '--evidence', network.evidence)).code).toBe(9)
    },
    MINUTE_MS,
  )

  it(
    'goes on past a root that nobody challenged in time, whether it is false or its documents are withheld',
    async () => {
      // The false root of epoch 2 becomes final; what its evidence gives counts all the same.
      await network.finalize()
      await network.endEpoch()
      const third = await network.compute(3)
      const withheld = { ...third, result: { ...third.result, evidence: contentIdOf('dag-cbor', Uint8Array.of(3)) } }
      await network.propose(withheld)
      const missing = await audit('epoch', '3', '--evidence', network.evidence)
      expect([missing.code, missing.stderr]).toEqual([5, expect.stringContaining('CLI_EVIDENCE_MISSING')])
      await network.finalize()
      await network.endEpoch()
      await network.propose(await network.compute(4))
      const { code, stdout, stderr } = await audit('epoch', '4', '--evidence', network.evidence)
      expect([code, stdout.slice(0, 6), stderr.includes('error')]).toEqual([0, 'MATCH\n', false])
      expect((await audit('epoch', '2', '--evidence', network.evidence)).code).toBe(9)
    },
    MINUTE_MS,
  )

  it(
    'of an operator goes past a root that was dropped, because it never counted',
    async () => {
      const [liar, challenger] = network.members
      if (liar === undefined || challenger === undefined) throw new RangeError('no members')
      await network.finalize()
      await network.endEpoch()
      const fifth = await network.compute(5)
      await network.propose(fifth, hash(`0x${'5e'.repeat(32)}`))
      const { root, evidence } = fifth.result
      await network.as(challenger.operator, async ({ economy }) => {
        const { attempt = 0 } = (await economy.proposal()) ?? {}
        const truth = { root, evidence: evidenceDigest(evidence) }
        await economy.challenge(attempt, truth, challenger.node.address)
        await network.passSeconds(CHALLENGE_SECONDS + 1)
        await economy.drop(attempt)
      })
      await network.endEpoch()
      await network.propose(await network.compute(6))
      const address = await audit('address', liar.operator.address, '--evidence', network.evidence, '--from', '4')
      expect([address.code, address.stdout]).toEqual([0, expect.stringMatching(/^MATCH\n0x[0-9a-f]{40}, 2 epochs/)])
      const dropped = await audit('epoch', '5', '--evidence', network.evidence)
      expect([dropped.code, dropped.stderr]).toEqual([9, expect.stringContaining('never counted')])
      const newest = await audit('epoch', 'latest', '--evidence', network.evidence)
      expect([newest.code, newest.stdout]).toEqual([0, expect.stringContaining('builds on epoch 5 (audited)')])
    },
    MINUTE_MS,
  )
})
