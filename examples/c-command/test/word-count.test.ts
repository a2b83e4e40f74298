import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InlineExecutor } from '@stead/sandbox'
import { bytesOfPart, checkJobPlan, inputOf, type JobPlan, parseJobOptions, type TaskResult } from '@stead/sdk/job'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cutText } from '../cut-text.ts'
import { job } from '../stead.job.ts'

const NOTHING = new Uint8Array(0)
const hasClang = spawnSync('clang', ['--version']).status === 0
if (!hasClang)
  process.stderr.write(
    '\n*** C-COMMAND IS NOT TESTED: clang is missing (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)\n',
  )

const executor = new InlineExecutor()
beforeAll(() => executor.start())
afterAll(() => executor.stop())

async function planOf(
  texts: readonly string[],
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<JobPlan> {
  const plan = await job.plan({
    inputs: texts.map((text, index) => inputOf(`${index}.txt`, new TextEncoder().encode(text))),
    options: parseJobOptions(job.options, options),
    readAsset: async (path) => new Uint8Array(readFileSync(join(import.meta.dirname, '..', path))),
  })
  checkJobPlan(plan)
  return plan
}

async function runPlan(plan: JobPlan): Promise<TaskResult[]> {
  const module = await executor.load(plan.module)
  const results: TaskResult[] = []
  for (const { key, args, input, files } of plan.tasks) {
    const named = [...(files ?? [])].map(async ([path, part]) => [path, await bytesOfPart(plan, part)] as const)
    const call = {
      kind: 'command',
      args: args ?? [],
      stdin: Buffer.concat(await Promise.all((input ?? []).map((part) => bytesOfPart(plan, part)))),
      files: new Map(await Promise.all(named)),
      input: NOTHING,
      seed: new Uint8Array(32),
      declaredTimeMs: 0,
    } as const
    const outcome = await executor.run(module, call, plan.limits)
    if (outcome.status !== 'ok') throw new Error(`${key}: ${JSON.stringify({ ...outcome, fuel: undefined })}`)
    results.push({ key, ...outcome })
  }
  return results
}

/** The same count by the shortest way. */
function expectedCounts(text: string, least: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [word] of text.toLowerCase().matchAll(/[a-z0-9'\u0080-\uffff]+/g)) {
    if (Buffer.byteLength(word) >= least) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

describe.runIf(hasClang)('word-count in C', () => {
  test('counts as a few lines of JavaScript do, over several files and pieces', async () => {
    const words = ['stead', "don't", 'x', 'größe', 'The', 'END', '42']
    const texts = [0, 1].map((seed) =>
      Array.from({ length: 300_000 }, (_, n) => words[(n * 7 + seed + (n >> 3)) % words.length]).join(
        seed === 0 ? ' ' : ', ',
      ),
    )
    const plan = await planOf(texts, { all: true, least: '2' })
    expect(plan.tasks.length).toBeGreaterThan(2)
    const results = await runPlan(plan)
    const { findings, complete } = job.report(results.toReversed(), JSON.parse(JSON.stringify(plan.context)))
    expect(complete).toBe(true)
    const counted = new Map(
      (findings as unknown as { word: string; count: number }[]).map(({ word, count }) => [word, count]),
    )
    expect(counted).toEqual(expectedCounts(texts.join(' '), 2))
    for (const { fuel } of results) expect(Number(plan.limits.fuel) / Number(fuel)).toBeGreaterThan(1.5)
  })

  test('leaves out the words of the file, and says when pieces are missing', async () => {
    const plan = await planOf(['The quick brown fox and the lazy dog', 'of mice and men'])
    const results = await runPlan(plan)
    expect(Buffer.from(results[0]?.stderr ?? NOTHING).toString()).toBe('8 words\n')
    const report = job.report(results.slice(0, 1), plan.context)
    expect(report.findings).toEqual(['brown', 'dog', 'fox', 'lazy', 'quick'].map((word) => ({ word, count: 1 })))
    expect(report).toMatchObject({
      complete: false,
      lines: expect.arrayContaining(['5 different words in 1 of 2 pieces']),
    })
  })

  test('stays within its limits when every word is new and the longest allowed', async () => {
    const fresh = Array.from({ length: 150_000 }, (_, n) => (n * 2_654_435_761).toString(36).slice(-7)).join(' ')
    const plan = await planOf([fresh, 'w'.repeat(2_000_000), ' \n'.repeat(600_000), 'a b c d e '.repeat(100_000)], {
      all: true,
      least: '1',
    })
    const results = await runPlan(plan)
    expect(results.every(({ exitCode }) => exitCode === 0)).toBe(true)
  })

  test('nothing to count is said before anything is built', async () => {
    await expect(planOf([''])).rejects.toMatchObject({ code: 'JOB_INPUT_EMPTY' })
    expect((await planOf([])).tasks).toHaveLength(1)
  })
})

test('text is cut between words, and nothing is lost', async () => {
  const text = Buffer.from('one two  three\nfour-and-a-very-long-word five')
  for (let size = 1; size < 50; size++) {
    const pieces = (await cutText(inputOf('text', text), size)).map(({ fromByte, toByte }) =>
      text.subarray(fromByte, toByte),
    )
    expect(Buffer.concat(pieces).toString()).toBe(text.toString())
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(size)
    if (size >= 26)
      expect(pieces.flatMap((piece) => Buffer.from(piece).toString().split(/\s+/).filter(Boolean))).toEqual(
        text.toString().split(/\s+/),
      )
  }
})
