import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { daemonClient } from '../../src/daemon-access.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { SteadProcess, stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-objects-'))
const notices: string[] = []
const onNotice = (text: string): void => void notices.push(text)
const events = { onNotice, onFailure: (error: unknown) => onNotice(String(error)) }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 4 })
const here = ['--data-dir', directory]
const file = join(directory, 'file')
const back = join(directory, 'back')
const bytes = new SeededRandom(1).bytes(17_000_000)
const PART_BYTES = 16 * 1024 * 1024

beforeAll(async () => {
  await network.start()
  writeFileSync(file, bytes)
  writeFileSync(join(directory, 'note'), 'a small object lies in the metadata')
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

/** As S3 clients know a file that was sent in parts of 16 MiB. */
function etagOf(content: Uint8Array): string {
  const md5 = (part: Uint8Array): Buffer => createHash('md5').update(part).digest()
  const parts = Array.from({ length: Math.ceil(content.length / PART_BYTES) }, (_, part) =>
    md5(content.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)),
  )
  return `${md5(Buffer.concat(parts)).toString('hex')}-${parts.length}`
}

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
      etag: etagOf(bytes),
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
    for (const node of audit.nodes) {
      expect(node).toMatchObject({ waiting: 0, amountMicroUsd: node.voucherMicroUsd })
      // In parts where it is more than half of the credit.
      expect([1, 2]).toContain(node.periods)
    }
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

  it('go on where a killed put and a killed get stopped', async () => {
    const long = new SeededRandom(2).bytes(3 * PART_BYTES + 1)
    writeFileSync(join(directory, 'long'), long)
    const client = daemonClient(network.layout.payerDir)
    const uploadsOf = async () => (await client.listUploads({ bucket: 'photos' })).uploads
    const partsOf = async (upload: string) => (await client.listParts({ bucket: 'photos', upload })).parts
    const putting = new SteadProcess(['put', join(directory, 'long'), 'stead://photos/', ...here])
    await expect.poll(uploadsOf, { timeout: 60_000, interval: 20 }).toHaveLength(1)
    const [upload] = await uploadsOf()
    if (upload === undefined) throw new Error('the upload is gone')
    await expect
      .poll(async () => (await partsOf(upload.id)).length, { timeout: 60_000, interval: 20 })
      .toBeGreaterThan(0)
    putting.child.kill('SIGKILL')
    await putting.finished
    expect(await run('ls', 'stead://photos')).not.toContain('long')
    expect(await run('ls', '--uploads')).toMatch(/MiB .* stead:\/\/photos\/long\n$/)
    // An upload that is begun anew would be a second one.
    const resumed = new SteadProcess(['put', join(directory, 'long'), 'stead://photos/', '--json', ...here])
    const { code, stdout, stderr } = await resumed.finished
    expect([code, JSON.parse(stdout).etag]).toEqual([0, etagOf(long)])
    expect(JSON.parse(stdout).resumedBytes).toBeGreaterThanOrEqual(PART_BYTES)
    expect(stderr).toMatch(/^long: resuming at \d\d\.\d MiB of 48\.0 MiB \(\d\d %\)$/m)
    expect(await uploadsOf()).toEqual([])

    const target = join(directory, 'long-back')
    const getting = new SteadProcess(['get', 'stead://photos/long', target, ...here])
    const partials = (): string[] => readdirSync(directory).filter((name) => name.startsWith('.stead-part-'))
    const have = (): number => partials().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
    await expect.poll(have, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0)
    getting.child.kill('SIGKILL')
    await getting.finished
    expect(existsSync(target)).toBe(false)
    await run('get', 'stead://photos/long', target)
    expect(readFileSync(target).equals(long)).toBe(true)
    expect(partials()).toEqual([])
  }, 180_000)

  it('go in folders, both ways and within the network, and only what differs', async () => {
    const tree = join(directory, 'tree')
    mkdirSync(join(tree, 'sub', 'deep'), { recursive: true })
    writeFileSync(join(tree, 'a.txt'), 'a')
    writeFileSync(join(tree, 'sub', 'b.txt'), 'b')
    writeFileSync(join(tree, 'sub', 'deep', 'größe'), '')
    writeFileSync(join(tree, 'x.log'), 'log')
    symlinkSync('/etc/passwd', join(tree, 'passwd'))
    const json = async (...args: readonly string[]) => JSON.parse(await run(...args, '--json'))
    expect(await json('cp', '-r', tree, 'stead://photos/tree', '--exclude', '*.log')).toMatchObject({ transferred: 3 })
    const keysBelow = async (place: string): Promise<string[]> =>
      (await json('ls', '-r', place)).objects.map(({ key }: { key: string }) => key)
    expect(await keysBelow('stead://photos/tree/')).toEqual(['tree/a.txt', 'tree/sub/b.txt', 'tree/sub/deep/größe'])

    writeFileSync(join(tree, 'a.txt'), 'changed')
    rmSync(join(tree, 'sub', 'b.txt'))
    const up = ['sync', tree, 'stead://photos/tree', '--delete', '--exclude', '*.log']
    expect(await json(...up, '--dry-run')).toMatchObject({
      ...{ transferred: 1, deleted: 1, same: 1 },
      toCopy: [expect.stringContaining('a.txt')],
      toDelete: ['stead://photos/tree/sub/b.txt'],
    })
    expect(await json(...up)).toMatchObject({ transferred: 1, deleted: 1, same: 1 })
    expect(await json(...up)).toMatchObject({ transferred: 0, deleted: 0, same: 2 })

    expect(await json('cp', '-r', 'stead://photos/tree', 'stead://copies/of/tree')).toMatchObject({ transferred: 2 })
    expect((await stead(['cp', '-r', 'stead://photos/', 'stead://photos/in', ...here])).code).toBe(2)
    const down = join(directory, 'down')
    mkdirSync(down)
    writeFileSync(join(down, 'extra'), 'x')
    expect(await json('sync', 'stead://copies/of', down)).toMatchObject({ transferred: 2, deleted: 0 })
    expect(readFileSync(join(down, 'tree', 'a.txt'), 'utf8')).toBe('changed')
    expect(statSync(join(down, 'tree', 'a.txt')).mtimeMs).toBeCloseTo(statSync(join(tree, 'a.txt')).mtimeMs, -1)
    expect(await json('sync', 'stead://copies/of/', down, '--delete')).toMatchObject({
      transferred: 0,
      deleted: 1,
      same: 2,
    })
    expect(existsSync(join(down, 'extra'))).toBe(false)
  }, 120_000)

  it('with names that would leave the folder are named and not written; the others are', async () => {
    const client = daemonClient(network.layout.payerDir)
    await client.createBucket('hostile')
    for (const key of ['../evil', 'a/../../evil', '/evil', 'good/x', 'good'])
      await client.putObject({ bucket: 'hostile', key }, new TextEncoder().encode('x'))
    const target = join(directory, 'inner', 'target')
    const { code, stdout } = await stead(['cp', '-r', 'stead://hostile', target, '--json', ...here])
    const { transferred, failed } = JSON.parse(stdout)
    expect([code, transferred, failed.length]).toEqual([1, 1, 4])
    expect(failed.every((each: string) => each.includes('CLI_UNSAFE_NAME'))).toBe(true)
    expect(readdirSync(join(directory, 'inner'))).toEqual(['target'])
    expect(existsSync(join(directory, 'evil'))).toBe(false)
    await run('rm', '-r', 'stead://hostile')
    await run('rm', '-r', 'stead://copies')
    await run('rm', '-r', 'stead://photos/tree')
    await run('rm', 'stead://photos/long')
  }, 60_000)

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
    expect(await run('rm', '-r', 'stead://photos')).toMatch(/^\d+ deleted/)
    expect(JSON.parse(await run('ls', '--json'))).toEqual({ buckets: [] })
  }, 60_000)
})
