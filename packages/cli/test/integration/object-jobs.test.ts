import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { type Finished, stead } from './stead-process.ts'

const ECHO = fileURLToPath(new URL('../fixtures/echo', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'stead-object-jobs-'))
const events = { onNotice: () => undefined, onFailure: () => undefined }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 4 })
const here = ['--data-dir', directory]
const big = new SeededRandom(1).bytes(200_001)
const small = new SeededRandom(2).bytes(7)
const local = new SeededRandom(3).bytes(70_000)

const sha256 = (...parts: readonly Uint8Array[]): string =>
  createHash('sha256').update(Buffer.concat(parts)).digest('hex')

async function run(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await stead([...args, ...here])
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return stdout
}

/** Nodes on a machine that is busy may be too slow for a quote, which exit codes 5 and 6 say. */
async function runPatiently(...args: readonly string[]): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const { code, stdout, stderr } = await stead([...args, ...here])
    if ((code === 5 || code === 6) && attempt < 10) continue
    expect([code, stderr]).toEqual([0, expect.any(String)])
    return stdout
  }
}

async function refused(...args: readonly string[]): Promise<Finished> {
  const finished = await stead([...args, ...here])
  expect(finished.code).not.toBe(0)
  return finished
}

beforeAll(async () => {
  await network.start()
  mkdirSync(join(directory, 'files'))
  writeFileSync(join(directory, 'files', 'big'), big)
  writeFileSync(join(directory, 'files', 'small'), small)
  writeFileSync(join(directory, 'local'), local)
  await runPatiently('put', join(directory, 'files', 'big'), 'stead://mine/data/')
  await run('put', join(directory, 'files', 'small'), 'stead://mine/data/')
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

describe('a job on objects', () => {
  it('takes a folder of them and files, and puts its results and its report back', async () => {
    const inputs = ['--input', 'stead://mine/data/', '--input', join(directory, 'local')]
    const stdout = await runPatiently('run', ECHO, ...inputs, '--output', 'stead://results/first', '--json')
    const { findings, complete, job } = JSON.parse(stdout)
    expect(complete).toBe(true)
    expect(findings).toEqual([{ names: ['big', 'small', 'local'], sha256: sha256(big, small, local) }])

    const { objects } = JSON.parse(await run('ls', '-r', 'stead://results/first/', '--json'))
    const keys = (objects as { key: string }[]).map(({ key }) => key)
    const pieces = ['big%2F0', 'big%2F1', 'big%2F2', 'big%2F3', 'local%2F0', 'local%2F1', 'small%2F0']
    const outputs = pieces.map((piece) => `first/${piece}/output`)
    expect(keys).toEqual([...outputs, 'first/report.json', 'first/report.txt'].sort())
    const back = join(directory, 'back')
    await run('get', 'stead://results/first/small%2F0/output', back)
    expect(readFileSync(back).subarray(4).equals(small)).toBe(true)
    await run('get', 'stead://results/first/report.json', back)
    expect(JSON.parse(readFileSync(back, 'utf8'))).toMatchObject({ findings, complete, job: { id: job.id } })

    const folder = join(directory, 'results')
    await run('jobs', 'save', job.id, folder)
    expect(readdirSync(folder).sort()).toEqual(pieces)
    expect(
      readFileSync(join(folder, 'big%2F3', 'output'))
        .subarray(4)
        .equals(big.subarray(180_000)),
    ).toBe(true)
  }, 120_000)

  it('is planned with them in the sandbox of this machine as well', async () => {
    const { findings } = JSON.parse(await run('test', ECHO, '--input', 'stead://mine/data/small', '--json'))
    expect(findings).toEqual([{ names: ['small'], sha256: sha256(small) }])
  }, 60_000)

  it('is refused with a reason, before anything is paid, when an input is not there or the output cannot be', async () => {
    const jobs = async (): Promise<number> => JSON.parse(await run('jobs', '--json')).jobs.length
    const before = await jobs()
    for (const [input, reason] of [
      ['stead://mine/data/none', 'CLI_INPUT_UNREADABLE'],
      ['stead://mine/none/', 'CLI_INPUT_UNREADABLE'],
      ['stead://nowhere/x', 'STORAGE_BUCKET_UNKNOWN'],
      ['stead://mine/data/small?version=0123456789abcdef', 'CLI_INPUT_UNREADABLE'],
    ] as const) {
      const { stderr } = await refused('run', ECHO, '--input', input)
      expect(stderr).toContain(reason)
    }
    const bucket = await refused('run', ECHO, '--input', 'stead://mine/data/', '--output', 'stead://No_Bucket/x')
    expect(bucket.stderr).toContain('STORAGE_BAD_NAME')
    const place = join(directory, 'local', 'x')
    const folder = await refused('run', ECHO, '--input', 'stead://mine/data/', '--output', place)
    expect(folder.stderr).toContain('CLI_OUTPUT_UNWRITABLE')
    expect(await jobs()).toBe(before)
  }, 120_000)
})
