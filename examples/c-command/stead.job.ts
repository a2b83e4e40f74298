import { fuel } from '@stead/core'
import {
  defineJob,
  inputOf,
  type JobContext,
  type JobInput,
  type JobPackage,
  type JobPlan,
  type JobReport,
  type JsonValue,
  type PlannedTask,
  SdkError,
  type TaskResult,
} from '@stead/sdk/job'
import { buildC } from '@stead/toolchain'
import { cutText } from './cut-text.ts'

/** Bytes of text in one task: 10 ms of work for prose, 250 ms where every word is new. */
const CHUNK_BYTES = 1_048_576
/** Units for each byte of text: prose takes 200, and 1,800 where every word is new and has to be sorted in. */
const FUEL_PER_BYTE = 4_000
const FUEL_FIXED = 50_000_000
const LINES_SHOWN = 20

/** Counts the words of text files by a program in C; each task counts a piece, the report adds them up. */
export const job: JobPackage = defineJob({
  name: 'word-count',
  summary: 'Counts the words of text files with a program written in C',
  options: [
    {
      name: 'least',
      kind: 'number',
      valueName: 'letters',
      default: 3,
      minimum: 1,
      maximum: 256,
      description: 'Shortest word to count, in bytes',
    },
    { name: 'all', kind: 'flag', description: 'Counts words like "the" and "of", too' },
  ],
  plan,
  report,
})

async function plan(context: JobContext): Promise<JobPlan> {
  const inputs: readonly JobInput[] =
    context.inputs.length > 0 ? context.inputs : [inputOf('README.md', await context.readAsset('README.md'))]
  const { least, all } = context.options
  if (!Number.isInteger(least)) throw new SdkError('JOB_OPTION_INVALID', `--least must be a whole number, not ${least}`)
  const chunks = (await Promise.all(inputs.map((input) => cutText(input, CHUNK_BYTES)))).flat()
  if (chunks.length === 0) {
    throw new SdkError('JOB_INPUT_EMPTY', `there is no text in ${inputs.map(({ name }) => name).join(', ')}`)
  }
  const ignored = await context.readAsset('ignored-words.txt')
  const tasks = chunks.map((chunk, index): PlannedTask => {
    const key = `piece ${index + 1}`
    if (all === true) return { key, args: [String(least)], input: [chunk] }
    return {
      key,
      args: [String(least), 'ignored-words.txt'],
      input: [chunk],
      files: new Map([['ignored-words.txt', { blob: 'ignored' }]]),
    }
  })
  const longest = chunks.reduce((most, { fromByte, toByte }) => Math.max(most, toByte - fromByte), 0)
  return {
    module: await buildC(import.meta.dirname, 'word-count', ['word-count.c']),
    kind: 'command',
    blobs: new Map([['ignored', ignored]]),
    tasks,
    limits: {
      fuel: fuel(FUEL_FIXED + longest * FUEL_PER_BYTE),
      memoryPages: 64 + Math.ceil((longest * 32) / 65_536),
      outputBytes: 65_536 + longest * 4,
      timeMs: 60_000,
    },
    context: { version: 1, tasks: tasks.length, files: inputs.map(({ name }) => name) },
    notices: [],
  }
}

interface WordCount {
  readonly word: string
  readonly count: number
}

function report(results: readonly TaskResult[], context: JsonValue): JobReport {
  const known = context as { readonly version?: number; readonly tasks?: number } | null
  if (known?.version !== 1 || typeof known.tasks !== 'number') {
    throw new SdkError('JOB_CONTEXT_INVALID', 'the job was planned by another version of word-count')
  }
  const counts = new Map<string, number>()
  let finished = 0
  for (const { status, exitCode, output } of results) {
    if (status !== 'ok' || exitCode !== 0) continue
    finished += 1
    for (const line of new TextDecoder().decode(output).split('\n')) {
      const [count, word] = line.split('\t')
      if (word !== undefined) counts.set(word, (counts.get(word) ?? 0) + Number(count))
    }
  }
  const findings: WordCount[] = [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
  const complete = finished === known.tasks
  return {
    findings: findings as unknown as readonly JsonValue[],
    lines: [
      `${counts.size} different words${complete ? '' : ` in ${finished} of ${known.tasks} pieces`}`,
      ...findings.slice(0, LINES_SHOWN).map(({ word, count }) => `${String(count).padStart(8)}  ${word}`),
    ],
    complete,
  }
}
