import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Hash, silentLogger } from '@stead/core'
import { readApiFile } from '@stead/node/files'
import type { DaemonClient } from '@stead/sdk'
import type { JobEvidence } from '@stead/sdk/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditBill } from '../../src/audit/audit-bill.ts'
import type { AuditOptions } from '../../src/audit/audit-chain.ts'
import { daemonClient } from '../../src/daemon-access.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { settleJob } from '../../src/start/settlement.ts'
import { COUNTING, type Finished, SteadProcess, stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-network-'))
const notices: string[] = []
function createNetwork(): DevNetwork {
  const onNotice = (text: string): void => void notices.push(text)
  const events = { onNotice, onFailure: (error: unknown) => onNotice(String(error)) }
  return new DevNetwork({ logger: silentLogger, events }, { directory, providers: 3 })
}

let network = createNetwork()
let payer: DaemonClient

beforeAll(async () => {
  await network.start()
  payer = daemonClient(network.layout.payerDir)
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

const here = ['--data-dir', directory]
/** About a tenth of a second on one core. */
const LONG_ROUNDS = '100000000'
/** What providers of a local network ask for 10^9 units, in micro-dollars. */
const DEV_PRICE = '1000'
const JOB_TIMEOUT_MS = 90_000

function upArguments(dataDir: string): string[] {
  const chain = ['--rpc', network.rpcUrl, '--address-book', network.layout.addressBook]
  return ['up', '--data-dir', dataDir, '--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0', ...chain]
}

async function auditOptions(): Promise<AuditOptions> {
  return { rpcUrl: network.rpcUrl, addressBook: network.layout.addressBook }
}

function auditOf(evidence: JobEvidence): ReturnType<typeof auditBill> {
  return auditOptions().then((options) => auditBill({ fetchBlob: (id) => payer.getBlob(id) }, evidence, options))
}

function jobOf({ stdout }: Finished): Hash {
  return JSON.parse(stdout).job.id
}

/** Resolves when so many tasks of a job have a result. */
async function untilAgreed(id: Hash, count: number): Promise<void> {
  let agreed = 0
  for await (const event of payer.watchJob(id)) {
    if (event.type === 'finished') throw new Error('the job was over before anything could be killed')
    if (event.type === 'agreed') agreed += 1
    if (agreed === count) return
  }
}

/** Kills a member without warning and waits until the supervisor has it up again. */
async function killAndAwaitReturn(name: string): Promise<void> {
  const seen = notices.length
  const pid = network.processOf(name)?.pid
  if (pid === undefined) throw new Error(`${name} does not run`)
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => notices.slice(seen), { timeout: 30_000, interval: 50 }).toContain(`${name} is up again`)
}

describe('a job on other processes', () => {
  it('gives right results, is paid, settled and audited, and its books close', async () => {
    const run = await stead(['run', COUNTING, '--json', ...here])
    expect(run).toMatchObject({ code: 0 })
    const { findings, complete, job } = JSON.parse(run.stdout)
    expect([findings, complete, job.state]).toEqual([[{ right: 6 }], true, 'complete'])

    const providers = network.members.filter((member) => member.operator !== undefined)
    const { settlement, nodes } = await settleJob({ payer, providers }, await payer.getJob(job.id))
    expect(settlement.depositedMicroUsd).toBe(
      settlement.paidMicroUsd + settlement.feesMicroUsd + settlement.remainingMicroUsd,
    )
    expect(nodes.reduce((sum, node) => sum + node.netMicroUsd, 0n)).toBe(settlement.paidMicroUsd)
    expect(settlement.paidMicroUsd + settlement.feesMicroUsd).toBe(BigInt(job.costMicroUsd))

    const audit = await stead(['audit', 'bill', job.id, '--json', ...here])
    expect([audit.code, JSON.parse(audit.stdout)]).toMatchObject([0, { audit: 'match', tasks: 6 }])
    const receipts = await stead(['receipts', '--job', job.id, '--json', ...here])
    const lines: { amountMicroUsd: number }[] = JSON.parse(receipts.stdout).receipts
    expect(lines.reduce((sum, line) => sum + line.amountMicroUsd, 0)).toBe(job.costMicroUsd)
    const csv = await stead(['receipts', '--csv', '--job', job.id, ...here])
    expect(csv.stdout.trimEnd().split('\r\n')).toHaveLength(lines.length + 1)
  })

  it('is shown by every view with the same numbers', async () => {
    const [jobs, status, peers, quote] = await Promise.all([
      stead(['jobs', '--json', ...here]),
      stead(['status', '--json', ...here]),
      stead(['peers', '--json', ...here]),
      stead(['quote', COUNTING, '--json', ...here]),
    ])
    expect(JSON.parse(jobs.stdout).jobs[0]).toMatchObject({ name: 'counting', state: 'complete' })
    expect(JSON.parse(status.stdout)).toMatchObject({ offers: 3, peers: 3, payer: { jobsRunning: 0 } })
    expect(JSON.parse(peers.stdout).peers).toHaveLength(3)
    expect(JSON.parse(quote.stdout)).toMatchObject({ tasks: 6, excluded: [] })
    expect(JSON.parse(quote.stdout).matching).toHaveLength(3)
  })

  it('has its money in a purse that is shown, and taken back when asked', async () => {
    const purses = await stead(['purses', '--json', ...here])
    const [purse] = JSON.parse(purses.stdout).purses
    expect(purse).toMatchObject({ stage: 'funded', providers: 3 })
    expect([0 < purse.signedMicroUsd, purse.signedMicroUsd < purse.totalMicroUsd]).toEqual([true, true])
    const wrong = await stead(['thaw', `${purse.purse}00`, ...here])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('stead purses')])
    const thawed = await stead(['thaw', purse.purse, ...here])
    expect([thawed.code, thawed.stdout]).toEqual([0, expect.stringMatching(/^thaws until 20/)])
    expect((await stead(['purses', ...here])).stdout).toContain('thaws until')
    // The next job locks anew.
    expect((await stead(['run', COUNTING, '--json', ...here])).code).toBe(0)
    expect(JSON.parse((await stead(['purses', '--json', ...here])).stdout).purses).toHaveLength(2)
  })

  it('goes on in the node when its command is interrupted, and can be watched to its end', async () => {
    const run = new SteadProcess(['run', COUNTING, '--tasks', '12', '--rounds', LONG_ROUNDS, ...here])
    const [, id = ''] = await run.untilMessage(/job (0x[0-9a-f]{64}):/)
    run.child.kill('SIGINT')
    const { code, stderr } = await run.finished
    expect(code).toBe(130)
    expect(stderr).toContain(`stead jobs watch ${id}`)
    const watch = await stead(['jobs', 'watch', id, '--json', ...here])
    expect([watch.code, JSON.parse(watch.stdout).state]).toEqual([0, 'complete'])
  })

  it('can be cancelled, and ends in what was done', async () => {
    const run = await stead(['run', COUNTING, '--tasks', '200', '--rounds', LONG_ROUNDS, '--detach', ...here])
    const id = run.stdout.trim()
    const cancelled = await stead(['jobs', 'cancel', id, '--json', ...here])
    expect(JSON.parse(cancelled.stdout).state).toBe('cancelled')
    expect((await stead(['jobs', 'watch', id, ...here])).code).toBe(7)
  })

  it('in TypeScript, from an empty folder, finds and costs what its author saw in a test at home', async () => {
    const folder = join(directory, 'collatz')
    expect((await stead(['new', folder])).code).toBe(0)
    const tested = JSON.parse((await stead(['test', folder, '--price', DEV_PRICE, '--json'])).stdout)
    const run = await stead(['run', folder, '--verification', 'trust', '--no-hedge', '--json', ...here])
    const { findings, complete, job } = JSON.parse(run.stdout)
    expect([run.code, findings, complete]).toEqual([0, tested.findings, true])
    const fuel = job.nodes.reduce((sum: number, node: { fuel: number }) => sum + node.fuel, 0)
    expect([fuel, job.costMicroUsd]).toEqual([tested.fuel, tested.costMicroUsd])
  })
})

describe('bad input', () => {
  it.each([
    [['--module', 'broken'], 1, 'SANDBOX_MALFORMED', ''],
    [['--module', 'importing'], 1, 'SANDBOX_FORBIDDEN_IMPORT', 'open_socket'],
    [['--tasks', '0'], 1, 'JOB_INPUT_EMPTY', ''],
    [['--tasks', 'many'], 1, 'JOB_OPTION_INVALID', '--tasks'],
    [['--max-cost', '0.01', '--tasks', '40', '--rounds', LONG_ROUNDS], 8, 'CLI_LIMIT_REACHED', 'cost-cap'],
    [['--max-rtt', '0.000001'], 6, 'CLI_NO_PROVIDERS', 'rtt'],
  ])('%j ends with code %i and %s, without a stack trace', async (args, code, error, word) => {
    const run = await stead(['run', COUNTING, ...args, ...here])
    expect([run.code, run.stderr]).toEqual([code, expect.stringContaining(error)])
    expect(run.stderr).toContain(word)
    expect(run.stderr).toContain('next:')
    expect(run.stderr).not.toMatch(/\n\s+at /)
  })

  it('locks nothing for a module that nobody would run', async () => {
    const before = (await payer.getStatus()).chain.account.dollarMicroUsd
    await stead(['run', COUNTING, '--module', 'importing', ...here])
    expect((await payer.getStatus()).chain.account.dollarMicroUsd).toBe(before)
  })

  it('of a payer without money says need, have and whom to send it', async () => {
    const dataDir = join(directory, 'poor')
    const bootstrap = network.processOf('provider-2')?.ready.addresses[0] ?? ''
    const node = new SteadProcess([...upArguments(dataDir), '--bootstrap', bootstrap])
    await node.untilMessage(/node is up/)
    const run = await stead(['run', COUNTING, '--data-dir', dataDir])
    node.child.kill('SIGTERM')
    await node.finished
    expect(run.code).not.toBe(0)
    expect(run.stderr).toMatch(/MARKET_UNFUNDED|CHAIN_INSUFFICIENT_FUNDS/)
    expect(run.stderr).toMatch(/0x[0-9a-f]{40}/)
    expect(run.stderr).not.toMatch(/\n\s+at /)
  })

  it('a second network or a second node on the same folder is told so', async () => {
    const dev = await stead(['dev', '--once', ...here])
    expect([dev.code, dev.stderr]).toEqual([5, expect.stringContaining('CLI_DEV_RUNNING')])
    const up = await stead(upArguments(network.layout.payerDir))
    expect([up.code, up.stderr]).toEqual([5, expect.stringContaining('STORE_LOCKED')])
    expect(readApiFile(network.layout.payerDir)?.pid).toBe(network.processOf('payer')?.pid)
  })
})

describe('kill -9 in the middle of a job', () => {
  it.each([[['provider-2']], [['provider-1']], [['payer']]])(
    'of %j still ends in the right answer and a bill that the audit confirms',
    async (names) => {
      const run = new SteadProcess(['run', COUNTING, '--tasks', '60', '--rounds', LONG_ROUNDS, '--json', ...here])
      const [, id = ''] = await run.untilMessage(/job (0x[0-9a-f]{64}):/)
      await untilAgreed(id as Hash, 5)
      for (const name of names) await killAndAwaitReturn(name)
      const finished = await run.finished
      expect([finished.code, finished.stderr]).toEqual([0, expect.not.stringContaining('error:')])
      expect(JSON.parse(finished.stdout)).toMatchObject({ findings: [{ right: 60 }], complete: true })
      const audit = await stead(['audit', 'bill', jobOf(finished), '--json', ...here])
      expect([audit.code, JSON.parse(audit.stdout).audit]).toEqual([0, 'match'])
    },
    JOB_TIMEOUT_MS,
  )
})

describe('an audit', () => {
  it('finds the first thing that does not follow from the evidence', async () => {
    // The first job of these tests, which is the shortest.
    const job = (await payer.listJobs()).jobs.findLast((each) => each.state === 'complete')
    if (job === undefined) throw new Error('no job to audit')
    const evidence = await payer.getJobEvidence(job.id)
    expect(await auditOf(evidence)).toMatchObject({ kind: 'match' })
    const [first, ...others] = evidence.accepted
    if (first === undefined) throw new Error('nothing was accepted')
    const [task, ...tasks] = evidence.tasks
    if (task === undefined) throw new Error('no tasks')
    const lies: JobEvidence[] = [
      {
        ...evidence,
        accepted: [{ ...first, amountMicroUsd: (first.amountMicroUsd + 1n) as typeof first.amountMicroUsd }, ...others],
      },
      { ...evidence, accepted: others },
      { ...evidence, accepted: [{ ...first, delivery: '0'.repeat(32) }, ...others] },
      { ...evidence, spentMicroUsd: (evidence.spentMicroUsd + 1n) as typeof evidence.spentMicroUsd },
      { ...evidence, tasks: [{ ...task, document: tasks[0]?.document ?? task.document }, ...tasks] },
      { ...evidence, receipts: withoutLastSignature(evidence.receipts) },
    ]
    for (const lie of lies) expect(await auditOf(lie)).toMatchObject({ kind: 'difference' })
  })
})

/** Flips a bit near the end of the bundle, where the last receipt's signature is. */
function withoutLastSignature(receipts: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(receipts)
  changed.set([(changed.at(-10) ?? 0) ^ 1], changed.length - 10)
  return changed
}

describe('a local network that is stopped and started again', () => {
  it(
    'has the same chain, keys and unfinished jobs',
    async () => {
      const { members, rpcUrl } = network
      const run = await stead(['run', COUNTING, '--tasks', '40', '--rounds', LONG_ROUNDS, '--detach', ...here])
      const id = run.stdout.trim() as Hash
      await untilAgreed(id, 3)
      await network.stop()
      network = createNetwork()
      await network.start()
      expect([network.rpcUrl, network.members]).toEqual([rpcUrl, members])
      const watch = await stead(['jobs', 'watch', id, '--json', ...here])
      expect([watch.code, JSON.parse(watch.stdout).state]).toEqual([0, 'complete'])
      expect(await auditOf(await payer.getJobEvidence(id))).toMatchObject({ kind: 'match' })
    },
    JOB_TIMEOUT_MS,
  )
})
