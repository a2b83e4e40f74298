import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contentIdOf } from '@stead/protocol'
import type { ComputedEpoch } from '@stead/rewards'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { EpochNetwork, type Member, TOKEN } from './epoch-network.ts'
import { NodeApi } from './node-api.ts'
import { type Finished, SteadProcess, stead } from './stead-process.ts'

/** Each command is a process of its own. */
const MINUTE_MS = 60_000

let network: EpochNetwork
let api: NodeApi
let member: Member
let computed: ComputedEpoch

beforeAll(async () => {
  network = await EpochNetwork.start()
  await network.bondAll(1500n * TOKEN)
  await network.endEpoch()
  await network.earn([40, 20, 10, 5])
  await network.endEpoch()
  await network.buyLot()
  for (const epoch of [0, 1]) await network.compute(epoch)
  await network.endEpoch()
  computed = await network.compute(2)
  await network.propose(computed)
  await network.finalize()
  member = network.members[0] as Member
  api = new NodeApi(network.documents)
  await api.start(member.dataDir)
}, 60_000)

afterAll(async () => {
  await api.stop()
  await network.stop()
})

const run = (...args: readonly string[]): Promise<Finished> => stead([...args, '--data-dir', member.dataDir])
const onChain = (...args: readonly string[]): Promise<Finished> => run(...args, ...network.chainArguments)

describe('documents of a node', () => {
  it('are enough for an audit and a claim', async () => {
    const audit = await onChain('audit', 'epoch', 'latest')
    expect([audit.code, audit.stdout]).toEqual([0, expect.stringContaining('MATCH\nepoch 2')])
    const dry = await onChain('claim', '--dry-run', '--json')
    expect(JSON.parse(dry.stdout)).toMatchObject({ finalEpoch: 2, lines: [{ isMinting: true }] })
  })

  it('that nobody has make an audit exit 5', async () => {
    const { facts } = computed.evidence
    const bytes = network.documents.get(facts) ?? new Uint8Array()
    network.documents.delete(facts)
    const { code, stderr } = await onChain('audit', 'epoch', '2')
    network.documents.set(facts, bytes)
    expect([code, stderr]).toEqual([5, expect.stringContaining(facts)])
  })

  it('that a node has changed are missing, and the audit exits 5', async () => {
    const [log = '' as never] = computed.evidence.logs
    const bytes = network.documents.get(log) ?? new Uint8Array()
    network.documents.set(log, bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1))
    const { code, stderr } = await onChain('audit', 'epoch', '2')
    network.documents.set(log, bytes)
    expect([code, stderr]).toEqual([5, expect.stringContaining(`${log} cannot be had: the node has other bytes`)])
  })
})

describe('a root whose evidence leaves out a log that the node had in time', () => {
  const left = contentIdOf('dag-cbor', Uint8Array.of(1, 2, 3))
  const path = 'GET /v1/epochs/2/logs'
  afterEach(() => void api.answers.delete(path))

  it('is a difference, also for an operator', async () => {
    api.answers.set(path, { epoch: 2, owed: [...computed.evidence.logs, left] })
    const audit = await onChain('audit', 'epoch', '2')
    expect([audit.code, audit.stderr]).toEqual([9, expect.stringContaining(`left out, the first is ${left}`)])
    expect((await onChain('audit', 'address', member.operator.address, '--from', '2')).code).toBe(9)
  })

  it('is told from one that has them all, and from one of which the node heard nothing in time', async () => {
    api.answers.set(path, { epoch: 2, owed: computed.evidence.logs })
    const whole = await onChain('audit', 'epoch', '2')
    const count = computed.evidence.logs.length
    expect([whole.code, whole.stdout]).toEqual([
      0,
      expect.stringContaining(`none of the ${count} probe logs is left out`),
    ])
    expect(whole.stdout).not.toContain('not checked')
    api.answers.set(path, { epoch: 2, owed: [] })
    const unheard = await onChain('audit', 'epoch', '2')
    expect([unheard.code, unheard.stdout]).toEqual([0, expect.stringContaining('not checked: whether logs were')])
  })
})

describe('books', () => {
  it(
    'of settlements, rewards and earnings are rows that add up',
    async () => {
      const settlements = await onChain('export', 'settlements', '--csv')
      const [head, row, ...rest] = settlements.stdout.split('\r\n')
      expect(head).toBe('time,block,transaction,node,operator,grossMicroUsd,feeMicroUsd,netMicroUsd')
      expect(row).toMatch(/,40000000,2000000,38000000$/)
      expect(rest).toEqual([''])
      const file = join(network.directory, 'earnings.csv')
      const earnings = await onChain('export', 'earnings', '--out', file, '--address', member.operator.address)
      expect([earnings.code, earnings.stdout]).toEqual([0, ''])
      const minted = computed.result.lines.find(({ operator }) => operator === member.operator.address)?.shareUnits
      expect(minted).toBeGreaterThan(0n)
      expect(readFileSync(file, 'utf8')).toContain(`2,0,0,0,${minted},0,no-fees lot 2`)
      expect((await onChain('claim')).code).toBe(0)
      const rewards = await onChain('export', 'rewards', '--json')
      expect(JSON.parse(rewards.stdout)).toMatchObject({ rewards: [{ amountUnits: String(minted) }] })
    },
    MINUTE_MS,
  )

  it('refuses a book that there is not, and a file that cannot be written', async () => {
    const { code } = await onChain('export', 'everything')
    expect(code).toBe(2)
    const { code: unwritable, stderr } = await onChain(
      'export',
      'rewards',
      '--out',
      join(network.place.addressBook, 'below-a-file'),
    )
    expect([unwritable, stderr]).toEqual([2, expect.stringContaining('cannot be written')])
  })
})

describe('earnings and epochs of the node', () => {
  const row = {
    epoch: 1,
    grossMicroUsd: '40000000',
    feeMicroUsd: '2000000',
    gasWei: '123000000000',
    netMicroUsd: '38000000',
    mintedTokenUnits: '0',
    sponsoredMicroUsd: '0',
    reason: 'unsold-lot',
    reasons: [{ code: 'unsold-lot', about: 'lot 1', isMinting: true, need: '2000000', have: '0' }],
  }
  const unknown = { ...row, epoch: 2, reason: 'evidence-missing', reasons: [] }

  it('are shown by epoch, with the reason of every zero', async () => {
    const nothing = { receiptedMicroUsd: '0', claimedMicroUsd: '0', unclaimedMicroUsd: '0', writtenOffMicroUsd: '0' }
    const claim = {
      reason: 'gas-too-dear',
      unclaimedMicroUsd: '0',
      minimumMicroUsd: '1000000',
      gasMicroUsd: null,
      feeMicroUsd: null,
      retryAt: null,
      error: null,
    }
    const lists = { feesMicroUsd: '0', channels: [], claim, settlements: [], transactions: [] }
    const report = { operator: member.operator.address, ...nothing, ...lists }
    api.answers.set('GET /v1/earnings?from=1&to=2', { ...report, rows: [row, unknown] })
    const { code, stdout } = await run('earnings', '--from', '1', '--to', '2')
    expect([code, stdout]).toEqual([0, expect.stringContaining('unsold-lot: fees of lot 1, 2.000000 USD, were')])
    expect(stdout).toContain('evidence-missing: nobody who was asked has the evidence')
    expect(stdout).toContain('together: gross 80.000000 USD, fee 4.000000 USD, net 76.000000 USD, gas 0.000000246 ETH')
    api.answers.set('GET /v1/earnings', { ...report, rows: [{ ...row, netMicroUsd: -1 }] })
    const broken = await run('earnings')
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining('API_BAD_RESPONSE')])
  })

  it(
    'are proposed and watched until it is interrupted',
    async () => {
      const faults = [{ duty: 'chain', reason: 'no answer' }]
      const known = {
        now: 3,
        terms: { genesisAt: 0, epochSeconds: 60 },
        proposal: null,
        final: null,
        claim: null,
        faults,
      }
      const state = {
        epoch: 2,
        state: 'gathering',
        evidence: null,
        root: null,
        reason: null,
        logs: 3,
        missing: [member.operator.address],
      }
      api.answers.set('GET /v1/epochs', { ...known, epochs: [state] })
      const { root, evidence } = computed.result
      const result = computed.resultDocument.id
      api.answers.set('POST /v1/epochs/2/run', { epoch: 2, attempt: 4, root, evidence, result, logs: 3 })
      const listed = await run('epoch')
      expect([listed.stderr, listed.stdout]).toEqual([
        'epoch 3 runs until 1970-01-01T00:04:00.000Z\ndoes not work now: chain: no answer\n',
        expect.stringContaining('gathering'),
      ])
      const proposed = await run('epoch', 'run', '2')
      expect([proposed.code, proposed.stdout]).toEqual([
        0,
        expect.stringContaining(`epoch 2: proposed as 4, root ${root}`),
      ])
      const early = await run('epoch', 'run', '3')
      expect([early.code, early.stderr]).toEqual([5, expect.stringContaining('EPOCHS_NOT_OVER')])
      const watch = new SteadProcess(['epoch', 'watch', '--data-dir', member.dataDir])
      await watch.untilOutput(/epoch 2: gathering; 3 logs, 1 missing/)
      const wrong = { ...state, state: 'mismatch', root, reason: 'root: need 0x12, have 0x34' }
      api.answers.set('GET /v1/epochs', { ...known, epochs: [wrong] })
      await watch.untilOutput(/epoch 2: mismatch; .* need 0x12, have 0x34/)
      watch.child.kill('SIGINT')
      expect((await watch.finished).code).toBe(130)
    },
    MINUTE_MS,
  )
})
