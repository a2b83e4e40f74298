import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { type Address, type ContentId, silentLogger } from '@stead/core'
import { loadSecp256k1 } from '@stead/protocol'
import { computeEpoch, defaultAuditParameters, defaultQualityParameters } from '@stead/rewards'
import type { DaemonClient } from '@stead/sdk'
import type { ChannelEarnings, EpochList } from '@stead/sdk/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { daemonClient } from '../../src/daemon-access.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { shippedPrograms } from '../../src/epoch/epoch-auditor.ts'
import { COUNTING, type Finished, stead } from './stead-process.ts'

/** Epochs of seconds: short for a test, long enough for commands that are processes of their own. */
const EPOCHS = {
  epochSeconds: 10,
  challengeSeconds: 4,
  decisionSeconds: 20,
  blockSeconds: 1,
  quality: {
    ...defaultQualityParameters,
    probersPerNode: 2,
    probersMin: 2,
    probesPerEpoch: 4,
    audits: { ...defaultAuditParameters, auditorsPerNode: 2, auditorsMin: 2 },
  },
}
const PROVIDERS = ['provider-1', 'provider-2', 'provider-3'] as const
const LOOK_MS = 500
const STEP_MS = 60_000
/** About a tenth of a second of one core, and a cent: no node claims it by itself. */
const ROUNDS = '100000000'

const directory = mkdtempSync(join(tmpdir(), 'stead-economy-'))
const here = ['--data-dir', directory]
let network: DevNetwork

beforeAll(async () => {
  const events = { onNotice: () => undefined, onFailure: (error: unknown) => expect(error).toBeUndefined() }
  network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: PROVIDERS.length, epochs: EPOCHS })
  await network.start()
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

/** A command as a person on this network would type it. */
const type = (...args: readonly string[]): Promise<Finished> => stead([...args, ...here])

async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await type(...args, '--json')
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('error:')])
  return JSON.parse(stdout)
}

function operatorOf(name: string): Address {
  const operator = network.members.find((member) => member.name === name)?.operator
  if (operator === undefined) throw new RangeError(`${name} has no operator`)
  return operator
}

/** Large amounts are decimal text, others numbers. */
const total = (rows: readonly Record<string, number | string>[], field: string): bigint =>
  rows.reduce((sum, row) => sum + BigInt(row[field] ?? 0), 0n)

/** The columns of a CSV, by title. */
function rowsOf(csv: string): Record<string, string>[] {
  const [head = '', ...lines] = csv.trimEnd().split('\r\n')
  const titles = head.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, index) => [titles[index] ?? '', cell])))
}

/** What the proposing node knows of epochs, as soon as it is what a test waits for. */
async function untilEpochs(isThere: (known: EpochList) => boolean): Promise<EpochList> {
  const client = daemonClient(network.layout.providerDir(1))
  for (;;) {
    const known = await client.listEpochs()
    if (isThere(known)) return known
    await sleepFor(LOOK_MS)
  }
}

const clients = (): DaemonClient[] => PROVIDERS.map((_, index) => daemonClient(network.layout.providerDir(index + 1)))

/** Over all channels of all providers. */
async function sumOfChannels(of: (channel: ChannelEarnings) => bigint): Promise<bigint> {
  const reports = await Promise.all(clients().map((client) => client.getEarnings()))
  return reports.flatMap(({ channels }) => channels).reduce((sum, channel) => sum + of(channel), 0n)
}

const finalEpochOf = ({ final }: EpochList): number => final?.epoch ?? -1

/** The fees of an epoch are for sale when it is over. */
async function untilForSale(feesMicroUsd: number): Promise<void> {
  while ((await json('market')).lot.feesMicroUsd < feesMicroUsd) await sleepFor(LOOK_MS)
}

/** A folder with everything that the final root follows from. */
async function documentsOf(evidence: ContentId): Promise<string> {
  const folder = join(directory, 'evidence')
  mkdirSync(folder)
  const client = daemonClient(network.layout.providerDir(1))
  const load = async (id: ContentId): Promise<Uint8Array> => {
    const bytes = await client.getDocument(id)
    writeFileSync(join(folder, id), bytes)
    return bytes
  }
  await computeEpoch({ secp256k1: await loadSecp256k1(), programs: shippedPrograms(), load }, evidence)
  return folder
}

describe('an operator on a local network', () => {
  it(
    'sees what a job brought before it is claimed, and why it is not',
    async () => {
      const run = await json('run', COUNTING, '--rounds', ROUNDS, '--verification', `quorum=${PROVIDERS.length}`)
      expect(run.complete).toBe(true)
      const first = await type('earnings', '--jobs')
      expect(first.stderr).toBe(`provider-1 of the local network in ${directory}; another one: --node provider-2\n`)
      expect(first.stdout).toContain(`operator ${operatorOf('provider-1')}\n`)
      expect(first.stdout).toMatch(/\n +\d+ .* epoch-runs: shares are computed when it is over\n/)
      const { jobs } = await json('earnings', '--jobs', '--node', 'provider-2')
      // What is on no voucher yet stays with the channel.
      expect(jobs.length).toBeLessThanOrEqual(2)
      expect(jobs[0]).toMatchObject({ job: run.job.id, deliveries: expect.any(Number) })
      expect(Number(jobs[0].grossMicroUsd)).toBe(0)
      expect(jobs[0].reason).toMatch(/^(below-minimum|not-weighed-yet|not-paid-yet)$/)
      const earned = await sumOfChannels(({ unclaimedMicroUsd, unpaidMicroUsd }) => unclaimedMicroUsd + unpaidMicroUsd)
      expect(earned).toBe(BigInt(run.job.costMicroUsd))
      const early = await type('claim', '--node', 'provider-2')
      expect([early.code, early.stderr]).toEqual([5, expect.stringContaining('has nothing to claim')])
      expect(early.stderr).toContain('stead settle --node provider-2')
      // In epoch 0 no node was bonded from the beginning.
      await untilEpochs(({ now }) => now > 0)
      const settled = await type('settle', '--node', 'provider-1')
      expect([settled.code, settled.stdout]).toEqual([
        0,
        expect.stringMatching(/\nCHANNEL +GROSS +FEE +NET +TRANSACTION\n0x/),
      ])
      for (const client of clients().slice(1)) await client.settle()
    },
    STEP_MS,
  )

  it(
    'reads gross, fee, net and gas that agree by job, by epoch and in the books of the chain',
    async () => {
      for (const name of ['provider-1', 'provider-2']) {
        const [{ rows, jobs, operator }, settled] = await Promise.all([
          json('earnings', '--jobs', '--node', name),
          type('export', 'settlements', '--node', name),
        ])
        expect(operator).toBe(operatorOf(name))
        const books = rowsOf(settled.stdout)
        for (const field of ['grossMicroUsd', 'feeMicroUsd', 'netMicroUsd']) {
          expect(total(rows, field)).toBe(total(jobs, field))
          expect(total(books, field)).toBe(total(jobs, field))
        }
        expect(total(jobs, 'grossMicroUsd')).toBe(total(jobs, 'feeMicroUsd') + total(jobs, 'netMicroUsd'))
        expect(total(rows, 'gasWei')).toBe(total(jobs, 'gasWei'))
        for (const row of rows) if (row.mintedTokenUnits === '0') expect(row.reason).not.toBeNull()
      }
    },
    STEP_MS,
  )

  it('is told which members there are, and what a payer is not asked', async () => {
    const unknown = await type('earnings', '--node', 'provider-9')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('payer, provider-1 .. provider-3')])
    const payer = await type('earnings', '--node', 'payer')
    expect([payer.code, payer.stderr]).toEqual([1, expect.stringContaining('NODE_NOT_PROVIDING')])
    const own = await stead(['epoch', '--data-dir', network.layout.providerDir(2)])
    expect([own.code, own.stderr]).toEqual([0, expect.stringMatching(/^epoch \d+ runs until 20\d\d-.*Z\n$/)])
    expect(own.stdout).toMatch(/^EPOCH +STATE +LOGS +MISSING +ROOT +WHY\n +\d+ +running/)
  })
})

/** Buys the lot; again where an epoch has begun since its price was asked for, with which the price begins anew. */
async function boughtLot() {
  for (;;) {
    const { code, stdout, stderr } = await type('buy-lot', '--json')
    if (stderr.includes('CHAIN_PRICE_MOVED')) continue
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('error:')])
    return JSON.parse(stdout)
  }
}

describe('the fees of a job', () => {
  it(
    'are bought by a payer who has swapped dollars for tokens',
    async () => {
      const feesMicroUsd = Number(await sumOfChannels((each) => each.feeMicroUsd))
      await untilForSale(feesMicroUsd)
      const poor = await type('buy-lot')
      expect([poor.code, poor.stderr]).toEqual([5, expect.stringContaining('CHAIN_INSUFFICIENT_FUNDS')])
      expect(poor.stderr).toMatch(/^payer of the local network in .*\npayer 0x[0-9a-f]{40}, key .*node.key \(from/)
      expect(poor.stderr).toMatch(/next: Send STEAD to 0x[0-9a-f]{40}, or buy it: stead swap <dollars> usd;/)
      const swapped = await type('swap', '10', 'usd')
      expect([swapped.code, swapped.stdout]).toEqual([
        0,
        expect.stringMatching(/^swapped: 10.000000 USD gives 99.\d+ STEAD/),
      ])
      const market = await type('market')
      expect([market.code, market.stdout]).toEqual([0, expect.stringMatching(/^lot \d+: 0.\d{6} USD of fees for/)])
      const bought = await boughtLot()
      expect(bought.feesMicroUsd).toBe(feesMicroUsd)
      expect(BigInt(bought.burnedTokenUnits)).toBeGreaterThan(0n)
    },
    STEP_MS,
  )

  it(
    'are minted again to the operators whose fees they were, shown before as they are claimed',
    async () => {
      const { now } = await untilEpochs(() => true)
      await untilEpochs((known) => finalEpochOf(known) >= now)
      const dry = await json('claim', '--dry-run')
      expect(dry).toMatchObject({ operator: operatorOf('provider-1'), steps: [], lines: [{ isMinting: true }] })
      expect([dry.owedMicroUsd > 0, BigInt(dry.lines[0].payableUnits) > 0n]).toEqual([true, true])
      const claimed = await json('claim')
      expect(numbersOf(claimed)).toEqual(numbersOf(dry))
      expect([claimed.by, claimed.steps.map(kindOf)]).toEqual(['node', ['payout', 'accrue', 'claim-reward']])
      const { rewards } = await json('export', 'rewards')
      expect(rewards).toMatchObject([{ amountUnits: dry.lines[0].payableUnits }])
      const again = await type('claim')
      expect([again.code, again.stderr]).toEqual([5, expect.stringContaining('stead audit address 0x')])
    },
    STEP_MS,
  )

  it(
    'add up to the same in the node’s books, in an audit and in an export',
    async () => {
      const operator = operatorOf('provider-1')
      const audit = await type('audit', 'epoch', 'latest')
      expect([audit.code, audit.stdout]).toEqual([0, expect.stringMatching(/^MATCH\nepoch \d+, root 0x/)])
      const address = await json('audit', 'address', operator)
      expect(address).toMatchObject({ audit: 'match', operator, programs: [{ isMinting: true }] })
      const [program] = address.programs
      expect(program.paidUnits).toBe(program.cumulativeUnits)
      const [{ rows }, exported] = [await json('earnings'), await type('export', 'earnings')]
      expect([exported.code, exported.stderr]).toEqual([0, expect.stringMatching(/\n\d+ rows\n$/)])
      for (const row of rowsOf(exported.stdout)) {
        const { epoch, reason, reasons, gasWei, ...own } = rows.find(
          (each: { epoch: number }) => each.epoch === Number(row.epoch),
        )
        for (const [field, amount] of Object.entries(own)) expect([field, String(amount)]).toEqual([field, row[field]])
      }
      expect(total(rows, 'mintedTokenUnits')).toBe(BigInt(program.paidUnits))
      const gasOfClaim = total(rows, 'gasWei') - total((await json('earnings', '--jobs')).jobs, 'gasWei')
      expect(gasOfClaim).toBeGreaterThan(0n)
    },
    STEP_MS,
  )

  it('go to no program that sponsors do not pay for', async () => {
    const { code, stderr } = await type('sponsor', `0x${'11'.repeat(32)}`, '1')
    expect([code, stderr]).toEqual([2, expect.stringContaining('there are none')])
  })
})

describe('a bond', () => {
  it(
    'is shown, taken back in part, and not paid out before its time',
    async () => {
      const shown = await type('bond', '--node', 'provider-3')
      expect([shown.code, shown.stdout]).toEqual([
        0,
        expect.stringContaining('bonded 2000.000000 STEAD (counts in epochs)'),
      ])
      const unbond = await json('unbond', '100', '--node', 'provider-3')
      expect(unbond).toMatchObject({ operator: operatorOf('provider-3'), bondedTokenUnits: `1900${'0'.repeat(18)}` })
      const early = await type('withdraw', '--node', 'provider-3')
      expect([early.code, early.stderr]).toEqual([
        5,
        expect.stringMatching(/can be withdrawn at 20\d\d-.* \(CLI_NOTHING_TO_DO\)/),
      ])
      expect(early.stderr).toContain('next: After that run: stead withdraw --node provider-3')
      const poor = await type('bond', '90000', '--node', 'provider-3')
      expect([poor.code, poor.stderr]).toEqual([5, expect.stringContaining('need 90000.000000 STEAD')])
      expect(poor.stderr).toContain('stead swap <dollars> usd --as operator --node provider-3')
    },
    STEP_MS,
  )
})

describe('an operator whose node does not run', () => {
  it(
    'claims from the chain and a folder of documents alone',
    async () => {
      const before = finalEpochOf(await untilEpochs(() => true))
      const { final } = await untilEpochs((known) => finalEpochOf(known) > before)
      const folder = await documentsOf(final?.evidence ?? ('' as ContentId))
      // Nobody else proposes: from now on the final root stays.
      expect(await type('finish')).toMatchObject({ code: 0, stdout: expect.stringContaining('finishing: 0 tasks') })
      await network.processOf('provider-1')?.exited
      const gone = await type('claim', '--dry-run')
      expect([gone.code, gone.stderr]).toEqual([5, expect.stringContaining('--evidence <folder>')])
      const alone = (...args: readonly string[]) =>
        stead([
          ...['claim', ...args, '--evidence', folder, '--json', '--data-dir', join(directory, 'nobody')],
          ...['--rpc', network.rpcUrl, '--address-book', network.layout.addressBook],
          ...['--key-file', join(network.layout.providerDir(2), 'keys', 'operator.key')],
        ])
      const dry = JSON.parse((await alone('--dry-run')).stdout)
      expect(dry).toMatchObject({ operator: operatorOf('provider-2'), lines: [{ isMinting: true, paidUnits: '0' }] })
      const claimed = JSON.parse((await alone()).stdout)
      expect(numbersOf(claimed)).toEqual(numbersOf(dry))
      expect([claimed.by, claimed.steps.map(kindOf)]).toEqual(['account', ['payout', 'accrue', 'claim-reward']])
      const { rewards } = await json('export', 'rewards', '--node', 'provider-2')
      expect(rewards).toMatchObject([{ amountUnits: dry.lines[0].payableUnits }])
    },
    STEP_MS,
  )
})

const kindOf = ({ kind }: { readonly kind: string }): string => kind

/** What a claim pays, without what another final root changes. */
function numbersOf({ operator, owedMicroUsd, accruable, lines }: Record<string, unknown>): unknown {
  const amounts = (lines as { isMinting: boolean; paidUnits: string; payableUnits: string }[]).map(
    ({ isMinting, paidUnits, payableUnits }) => ({ isMinting, paidUnits, payableUnits }),
  )
  return { operator, owedMicroUsd, accruable, amounts }
}
