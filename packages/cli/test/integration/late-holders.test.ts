import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { SteadProcess, stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-late-holders-'))
const notices: string[] = []
const onNotice = (text: string): void => void notices.push(text)
const events = { onNotice, onFailure: (error: unknown) => onNotice(String(error)) }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 3 })
const here = ['--data-dir', directory]
const file = join(directory, 'file')
const back = join(directory, 'back')
const bytes = new SeededRandom(1).bytes(6_000_000)

beforeAll(async () => {
  await network.start()
  writeFileSync(file, bytes)
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

describe('a payer that is restarted before the nodes that keep its objects', () => {
  it('waits for them, says so, and reads as soon as enough of them are there', async () => {
    expect(await stead(['put', file, 'stead://photos/file', ...here])).toMatchObject({ code: 0 })
    for (const name of ['provider-2', 'provider-3']) network.killMember(name)
    const { pid } = network.processOf('payer') ?? {}
    if (pid === undefined) throw new Error('the payer does not run')
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => notices, { timeout: 60_000, interval: 50 }).toContain('payer is up again')
    const getting = new SteadProcess(['get', 'stead://photos/file', back, ...here])
    await getting.untilMessage(/waiting for 2 of 3 nodes to answer; [01] of 2 pieces are here/)
    await network.startMember('provider-2')
    const { code, stderr } = await getting.finished
    expect([code, stderr]).toEqual([0, expect.stringContaining('stead://photos/file is in')])
    expect(readFileSync(back).equals(bytes)).toBe(true)
  }, 180_000)
})
