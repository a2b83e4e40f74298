import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readApiFile } from '@stead/node/files'
import { afterAll, describe, expect, it } from 'vitest'
import { devLayout } from '../../src/dev/dev-layout.ts'

const START_FILE = fileURLToPath(new URL('../../../../scripts/start.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'stead-start-'))
const TIMEOUT_MS = 180_000

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function start(
  onMessage: (text: string, child: ChildProcess) => void,
): Promise<{ code: number | null; stdout: string }> {
  const args = ['--conditions=@stead/source', START_FILE, '--once', '--json', '--data-dir', directory]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
    onMessage(stderr, child)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout })))
}

interface Finding {
  readonly series: string
  readonly periodDays: number
  readonly power: number
  readonly falseAlarmProbability: number
}

/** How far the strongest finding of a series is from what is known, as a share. */
function error(findings: readonly Finding[], series: string, periodDays: number): number {
  const found = findings.find((finding) => finding.series.includes(series))
  return found === undefined ? Number.POSITIVE_INFINITY : Math.abs(found.periodDays - periodDays) / periodDays
}

describe('npm start', () => {
  it(
    'finds the known cycles, closes its books and passes its audit, although a provider and the payer are killed and it is interrupted in between',
    async () => {
      let interrupted = false
      const first = await start((text, child) => {
        if (interrupted || !/[1-9]\d*\/\d+ placed/.test(text)) return
        interrupted = true
        child.kill('SIGINT')
      })
      expect([first.code, interrupted]).toEqual([130, true])

      const kills = [devLayout(directory).providerDir(2), devLayout(directory).payerDir]
      const second = await start((text) => {
        if (!text.includes('found unfinished and resumed')) return
        for (const victim of kills.splice(0)) process.kill(readApiFile(victim)?.pid ?? -1, 'SIGKILL')
      })
      expect([second.code, kills]).toEqual([0, []])
      const { findings, complete, tasks, nodes, settlement, audit } = JSON.parse(second.stdout)
      expect([audit, complete]).toEqual(['match', true])
      expect(error(findings, 'co2', 365.25)).toBeLessThan(0.005)
      expect(error(findings, 'seattle-weather.csv', 365.25)).toBeLessThan(0.005)
      expect(error(findings, 'hourly', 1)).toBeLessThan(0.001)
      for (const { power, falseAlarmProbability } of findings as readonly Finding[]) {
        expect(power).toBeGreaterThan(0.5)
        expect(falseAlarmProbability).toBeLessThan(1e-6)
      }
      expect(tasks.succeeded).toBe(tasks.placed)
      expect(tasks.placed).toBeGreaterThanOrEqual(64)
      expect(settlement.depositedMicroUsd).toBe(
        settlement.paidMicroUsd + settlement.feesMicroUsd + settlement.remainingMicroUsd,
      )
      const nets = (nodes as readonly { netMicroUsd: number }[]).map((node) => node.netMicroUsd)
      expect(nets.reduce((sum, net) => sum + net, 0)).toBe(settlement.paidMicroUsd)
      expect(settlement.transactions.length).toBeGreaterThan(1)
    },
    TIMEOUT_MS,
  )
})
