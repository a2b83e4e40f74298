import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { readApiFile } from '@stead/node/files'
import type { DaemonConnection } from '@stead/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChromiumPage, chromiumPath } from '../../../sandbox/test/browser/chromium.ts'
import { rendererBytes } from '../../../sandbox/test/browser/chromium-memory.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import type { ObjectPageTests } from './page/main.ts'

if (chromiumPath === undefined)
  process.stderr.write(
    '\n*** CHROMIUM IS NOT TESTED: it is missing (apt-get install chromium, or name one in STEAD_TEST_CHROMIUM)\n',
  )

const MIB = 1024 * 1024
const LARGE_BYTES = 160 * MIB + 12_345
/** As the page opens its client. */
const PART_BYTES = 5 * MIB
const directory = mkdtempSync(join(tmpdir(), 'stead-browser-'))
const bundles = new Map([['/main.js', new URL('./page/main.ts', import.meta.url)]])

const name = chromiumPath === undefined ? 'Chromium (NOT RUN: it is missing)' : 'Chromium'
describe.runIf(chromiumPath !== undefined)(name, () => {
  let page: ChromiumPage<ObjectPageTests>
  let stranger: ChromiumPage<ObjectPageTests>
  let network: DevNetwork
  let connection: DaemonConnection

  beforeAll(async () => {
    const open = (): Promise<ChromiumPage<ObjectPageTests>> =>
      ChromiumPage.open<ObjectPageTests>(chromiumPath ?? '', { bundles, files: new Map() })
    page = await open()
    stranger = await open()
    network = new DevNetwork(
      { logger: silentLogger, events: { onNotice: () => undefined, onFailure: () => undefined } },
      { directory, providers: 3, payerArguments: ['--api-origins', page.origin] },
    )
    await network.start()
    const access = readApiFile(network.layout.payerDir)
    if (access === undefined) throw new Error('the payer does not run')
    connection = { url: access.url, token: access.token }
  }, 120_000)
  afterAll(async () => {
    await page?.close()
    await stranger?.close()
    await network?.stop()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  it('does with objects of a node what Node.js does', async () => {
    expect(await page.run('everyCall', connection)).toEqual({
      stored: expect.objectContaining({ key: 'ordner/größe & "x"', lengthBytes: 8, metadata: { note: 'ü' } }),
      lengthBytes: 8,
      text: 'größer',
      range: 'ö',
      isSame: true,
      copied: expect.stringMatching(/^[0-9a-f]{32}$/),
      keys: ['copy', 'ordner/größe & "x"'],
      refused: 'STORAGE_CONDITION',
      head: 'none',
      missing: 'STORAGE_OBJECT_UNKNOWN',
      left: ['copy'],
    })
  }, 60_000)

  it('puts and gets a body that is longer than its memory may grow', async () => {
    await page.run('putLarge', { connection, lengthBytes: 20 * MIB })
    const before = rendererBytes()
    let most = 0
    const look = setInterval(() => {
      most = Math.max(most, rendererBytes() - before)
    }, 200)
    try {
      const { heldBytes, ...put } = await page.run('putLarge', { connection, lengthBytes: LARGE_BYTES })
      expect(put).toEqual({ stored: LARGE_BYTES, sent: LARGE_BYTES })
      // Two parts on their way, one being filled.
      expect(heldBytes).toBeLessThanOrEqual(3 * PART_BYTES + MIB)
      expect(await page.run('getLarge', { connection, fromByte: 0 })).toEqual({
        lengthBytes: LARGE_BYTES,
        isRight: true,
      })
    } finally {
      clearInterval(look)
    }
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThan(100 * MIB)
    expect(await page.run('getLarge', { connection, fromByte: LARGE_BYTES - 70_000 })).toEqual({
      lengthBytes: 70_000,
      isRight: true,
    })
  }, 300_000)

  it('stops in the middle when it is told to, and leaves nothing half', async () => {
    const { made, ...put } = await page.run('abortPut', connection)
    expect(put).toEqual({ why: 'Error: enough', head: 'none', uploads: 0 })
    expect(made).toBeLessThan(100 * MIB)
    expect(await page.run('abortGet', connection)).toEqual({
      aborted: 'Error: enough',
      after: { done: true, value: undefined },
    })
  }, 60_000)

  it('of another origin reaches nothing, with the token too', async () => {
    expect(await stranger.run('reach', connection)).toBe('API_NO_DAEMON')
    expect(await page.run('reach', connection)).toBe('no error')
    expect(await page.run('reach', { ...connection, token: 'wrong' })).toBe('API_UNAUTHORIZED')
  })
})
