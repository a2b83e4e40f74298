import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-objects-'))
const notices: string[] = []
const onNotice = (text: string): void => void notices.push(text)
const events = { onNotice, onFailure: (error: unknown) => onNotice(String(error)) }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 4 })
const here = ['--data-dir', directory]
const file = join(directory, 'file')
const back = join(directory, 'back')
const bytes = new SeededRandom(1).bytes(17_000_000)

beforeAll(async () => {
  await network.start()
  writeFileSync(file, bytes)
  writeFileSync(join(directory, 'note'), 'a small object lies in the metadata')
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

async function run(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await stead([...args, ...here])
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return stdout
}

async function kill(name: string): Promise<void> {
  const pid = network.processOf(name)?.pid
  if (pid === undefined) throw new Error(`${name} does not run`)
  process.kill(pid, 'SIGKILL')
}

describe('objects on other processes', () => {
  it('come back as they were put, by name and in lists, and cost what is proven', async () => {
    expect(JSON.parse(await run('put', file, 'stead://photos/2026/', '--json'))).toMatchObject({
      bucket: 'photos',
      key: '2026/file',
      lengthBytes: bytes.length,
      etag: createHash('md5').update(bytes).digest('hex'),
    })
    await run('put', join(directory, 'note'), 'stead://photos/small')
    expect(await run('ls')).toBe('stead://photos/\n')
    expect(await run('ls', 'stead://photos')).toMatch(/^2026\/\n.*SIZE.*KEY\n.*small\n$/s)
    await run('get', 'stead://photos/2026/file', back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
    const usage = JSON.parse(await run('usage', '--now', '--json'))
    expect(usage.nodes).toHaveLength(3)
    expect(usage.fundedDays).toBeGreaterThan(1000)
    expect(usage.round.outcomes).toMatchObject({ paid: 3, lied: 0, lost: 0, offline: 0 })
    await run('settle')
    const audit = JSON.parse(await run('audit', 'storage', '--json'))
    expect(audit.audit).toBe('match')
    expect(audit.nodes).toHaveLength(3)
    for (const node of audit.nodes)
      expect(node).toMatchObject({ periods: 1, waiting: 0, amountMicroUsd: node.voucherMicroUsd })
  }, 120_000)

  it('are read while a node is dead, and after the payer was killed', async () => {
    const [first] = JSON.parse(await run('usage', '--json')).nodes
    const member = network.members.find(({ node }) => node === first.node)
    if (member === undefined) throw new Error('the node that keeps pieces is no member')
    await kill(member.name)
    await run('get', 'stead://photos/2026/file', back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
    const seen = notices.length
    await kill('payer')
    await expect.poll(() => notices.slice(seen), { timeout: 30_000, interval: 50 }).toContain('payer is up again')
    await run('get', 'stead://photos/2026/file', back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
  }, 120_000)

  it('move away from a node that leaves, which says how far it is; and asking on chain takes a deposit', async () => {
    const keeper = JSON.parse(await run('usage', '--json')).nodes.find((each: { pieces: number }) => each.pieces > 0)
    const member = network.members.find(({ node }) => node === keeper.node)
    if (member === undefined) throw new Error('the node that keeps pieces is no member')
    const asked = await stead(['challenge', keeper.node, ...here])
    expect([asked.code, asked.stderr]).toEqual([
      5,
      expect.stringContaining('need 10.000000 STEAD, have 0.000000 STEAD'),
    ])
    expect(await run('challenge')).toContain('10.000000 STEAD and about 274,000 gas')
    expect(await run('leave', '--node', member.name)).toMatch(/leaving: (\d+) of \1 pieces left/)
    const { round } = JSON.parse(await run('usage', '--now', '--json'))
    expect(round).toMatchObject({ leavingNodes: 0, unrepairedSegments: 0 })
    expect(await run('usage')).toContain(
      'segments have fewer than half of their pieces on nodes of 95 % measured uptime',
    )
    expect(await run('status', '--node', member.name)).toContain('all is handed over and paid')
    expect(await run('leave', '--cancel', '--node', member.name)).toContain('the node stays')
    await run('get', 'stead://photos/2026/file', back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
  }, 120_000)

  it('are refused and removed with a reason', async () => {
    const missing = await stead(['get', 'stead://photos/none', back, ...here])
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('STORAGE_OBJECT_UNKNOWN')])
    const whole = await stead(['rm', 'stead://photos', ...here])
    expect([whole.code, whole.stderr]).toEqual([2, expect.stringContaining('give -r')])
    expect(await run('rm', 'stead://photos/nothing')).toContain('0 deleted')
    expect(await run('rm', '-r', 'stead://photos/sm')).toContain('0 deleted')
    const device = await stead(['get', 'stead://photos/small', '/dev/null', ...here])
    expect([device.code, statSync('/dev/null').isCharacterDevice()]).toEqual([0, true])
    const nowhere = await stead(['get', 'stead://photos/small', join(directory, 'none', 'x'), ...here])
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('there is no folder')])
    expect(await run('rm', '-r', 'stead://photos')).toContain('2 deleted')
    expect(JSON.parse(await run('ls', '--json'))).toEqual({ buckets: [] })
  }, 60_000)
})
