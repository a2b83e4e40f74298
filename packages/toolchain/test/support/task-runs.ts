import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fuel } from '@stead/core'
import { type Executor, InlineExecutor, type Limits, type Outcome } from '@stead/sandbox'
import { buildTypeScript } from '../../src/index.ts'

/** What a test may say about a call. */
interface TaskCall {
  readonly input?: string | Uint8Array
  readonly args?: readonly string[]
  readonly seed?: number
  readonly declaredTimeMs?: number
  readonly limits?: Partial<Limits>
}

/** How a call ended, with texts for what are bytes. */
export interface TaskEnd {
  readonly outcome: Outcome
  readonly text: string
  readonly stderr: string
}

const NOTHING = new Uint8Array(0)
const LIMITS: Limits = { fuel: fuel(50_000_000_000), memoryPages: 1_024, outputBytes: 1_048_576, timeMs: 60_000 }

/** A folder in which tests build tasks from sources, and runs them; one folder links the engine once. */
export class TaskFolder {
  readonly directory: string
  readonly logged: string[] = []
  #built = 0

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<TaskFolder> {
    return new TaskFolder(await mkdtemp(join(tmpdir(), 'stead-tasks-')))
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true })
  }

  async write(name: string, source: string): Promise<void> {
    await writeFile(join(this.directory, name), source)
  }

  /** The module of a task with this source as its entry file. */
  async build(source: string, entry = `task-${this.#built++}.ts`): Promise<Uint8Array> {
    await this.write(entry, source)
    return await buildTypeScript(this.directory, entry.replace(/\.\w+$/, ''), {
      entry,
      onLog: (text) => this.logged.push(text),
    })
  }
}

/** Runs one call of a module. */
export async function runTask(executor: Executor, module: Uint8Array, call: TaskCall = {}): Promise<TaskEnd> {
  const { input = '', args = [], seed = 0, declaredTimeMs = 0, limits = {} } = call
  const loaded = await executor.load(module)
  const stdin = typeof input === 'string' ? new TextEncoder().encode(input) : input
  const request = { kind: 'command', args, stdin, files: new Map(), input: NOTHING, declaredTimeMs } as const
  const outcome = await executor.run(
    loaded,
    { ...request, seed: new Uint8Array(32).fill(seed) },
    { ...LIMITS, ...limits },
  )
  const isOk = outcome.status === 'ok'
  const decoder = new TextDecoder()
  return {
    outcome,
    text: isOk ? decoder.decode(outcome.output) : '',
    stderr: isOk ? decoder.decode(outcome.stderr) : '',
  }
}

/** An executor on this thread, started. */
export async function inlineExecutor(): Promise<InlineExecutor> {
  const executor = new InlineExecutor()
  await executor.start()
  return executor
}
