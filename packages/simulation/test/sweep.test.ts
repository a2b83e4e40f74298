import { execFile } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { playPlan } from '../src/node/play-plan.ts'
import { MIXED_PROFILES, mixedPlan } from '../src/plan/mixed-plan.ts'
import { commandOf } from '../src/plan/world-plan.ts'
import { failureText } from '../src/report/report-text.ts'
import type { PlayedWorld } from '../src/sweep/played-world.ts'
import { sweep } from '../src/sweep/sweep.ts'
import { REGRESSIONS } from './regressions.ts'

const SEEDS = 60
const AGAIN = 5
const STORAGE_SEEDS = 10
/** Other Node.js versions to compare with: paths, separated like PATH. */
const others = (process.env.SANDBOX_TEST_NODES ?? '').split(delimiter).filter((path) => path !== '')

const secp256k1 = await loadSecp256k1()
const play = (plan: PlayedWorld['plan']): Promise<PlayedWorld> => playPlan(secp256k1, plan)

async function hashesOf(program: string): Promise<string> {
  const script = fileURLToPath(new URL('./trace-hashes.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(program, ['--conditions=@stead/source', script], { timeout: 60_000 })
  return stdout.trim()
}

describe('a sweep', () => {
  it('over small worlds of all profiles finds no broken rule, and goes the same way again', async () => {
    const plans = Array.from({ length: SEEDS }, (_, index) => mixedPlan(index + 1))
    expect(new Set(plans.map(({ profile }) => profile)).size).toBe(MIXED_PROFILES.length)
    expect(plans.filter(({ hasEpochs }) => hasEpochs).length).toBeGreaterThan(2)
    expect(plans.filter(({ hasStorage }) => hasStorage).length).toBeGreaterThan(2)
    const hashes = new Map<number, string>()
    const onPlayed = ({ plan, verdict }: PlayedWorld): void => void hashes.set(plan.seed, verdict.traceHash)
    const { played, failed } = await sweep(plans, play, { onPlayed })
    expect(failed.map(failureText).join('\n')).toBe('')
    expect([played, new Set(hashes.values()).size]).toEqual([SEEDS, SEEDS])
    for (const plan of plans.slice(0, AGAIN)) {
      const { verdict } = await play(plan)
      expect(verdict.traceHash, commandOf(plan)).toBe(hashes.get(plan.seed))
    }
  }, 120_000)

  it('over worlds with storage finds no broken rule, and payers keep objects in them', async () => {
    const common = { nodes: 8, minutes: 1, profile: 'storage', without: [], hasRealSignatures: false } as const
    const plans = Array.from({ length: STORAGE_SEEDS }, (_, index) => ({ ...common, seed: index + 1 }))
    let done = 0
    const onPlayed = ({ verdict }: PlayedWorld): void => {
      done += verdict.storage?.done ?? 0
    }
    const { failed } = await sweep(plans, play, { onPlayed })
    expect(failed.map(failureText).join('\n')).toBe('')
    expect(done).toBeGreaterThan(5 * STORAGE_SEEDS)
  }, 60_000)

  it.each(REGRESSIONS)('$found, and does not any more', async ({ plan }) => {
    const { verdict } = await play(plan)
    expect(verdict.violations).toEqual([])
  })
})

describe('trace hashes', () => {
  it('are the same in every Node.js version, and in a process of its own', async () => {
    const expected = await hashesOf(process.execPath)
    expect(expected.split('\n')).toHaveLength(MIXED_PROFILES.length + 3)
    for (const program of others) expect([program, await hashesOf(program)]).toEqual([program, expected])
    const [first] = expected.split('\n')
    const { plan, verdict } = await play(mixedPlan(1))
    expect(first).toBe(`${plan.seed} ${verdict.traceHash}`)
  }, 120_000)
})
