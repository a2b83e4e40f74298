import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { devLayout } from '../../src/dev/dev-layout.ts'

const START_FILE = fileURLToPath(new URL('../../../../scripts/start.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'stead-play-'))
const TIMEOUT_MS = 300_000
const TOKEN = 10n ** 18n

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(
  directory: string,
  args: readonly string[],
  onMessage: (text: string, child: ChildProcess) => void = () => undefined,
): Promise<Ended> {
  const all = ['--conditions=@stead/source', START_FILE, '--once', '--json', '--data-dir', directory, ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
    onMessage(stderr, child)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

interface Operator {
  readonly role: string
  readonly qualityPpm: readonly (number | null)[]
  readonly mintedTokenUnits: string
  readonly bond: { readonly bondedTokenUnits: string; readonly expelled: boolean }
  readonly earnings: readonly { readonly grossMicroUsd: number }[]
}

describe('npm start -- --epochs', () => {
  it(
    'plays epochs in which lies cost their bond and deposit, dealing with oneself costs money, and every unit is accounted for',
    async () => {
      const { code, stdout, stderr } = await start(join(folder, 'play'), ['--epochs', '2'])
      const { checks, operators, epochs, roots } = JSON.parse(stdout === '' ? `"${stderr}"` : stdout)
      expect(checks.filter(({ isTrue }: { isTrue: boolean }) => !isTrue)).toEqual([])
      expect([code, epochs, roots.length, operators.length]).toEqual([0, 2, 3, 8])
      const of = (role: string): Operator => {
        const found = (operators as readonly Operator[]).find((each) => each.role === role)
        if (found === undefined) throw new TypeError(`nobody is ${role}`)
        return found
      }
      expect(of('equivocating').bond).toMatchObject({ bondedTokenUnits: '0', expelled: true })
      for (const role of ['honest', 'slow', 'often-offline', 'self-dealing', 'proposer-of-a-lie'])
        expect(BigInt(of(role).bond.bondedTokenUnits)).toBe(2000n * TOKEN)
      for (const { earnings } of operators as readonly Operator[])
        expect(earnings.reduce((sum, { grossMicroUsd }) => sum + grossMicroUsd, 0)).toBeGreaterThan(0)
      const firstQuality = (role: string) => of(role).qualityPpm[0] ?? -1
      expect(firstQuality('honest')).toBeGreaterThanOrEqual(firstQuality('often-offline'))
      expect(firstQuality('honest')).toBeGreaterThanOrEqual(firstQuality('colluding'))
    },
    TIMEOUT_MS,
  )

  it(
    'stops when it is interrupted, and plays on a new chain only',
    async () => {
      const directory = join(folder, 'interrupted')
      let interruptedAtMs = 0
      const { code } = await start(directory, ['--epochs', '1'], (text, child) => {
        if (interruptedAtMs > 0 || !text.includes('epoch ')) return
        interruptedAtMs = performance.now()
        child.kill('SIGINT')
      })
      expect(code).toBe(130)
      expect(performance.now() - interruptedAtMs).toBeLessThan(30_000)
      expect(existsSync(devLayout(directory).chainDir)).toBe(true)
      const again = await start(directory, ['--epochs', '1'])
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('CLI_FOLDER_IN_USE')])
      const wrong = await start(directory, ['--epochs', 'three'])
      expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--epochs is 1 .. 100')])
    },
    TIMEOUT_MS,
  )
})
