import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN_FILE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** The job package of the tests. */
export const COUNTING: string = fileURLToPath(new URL('../fixtures/counting', import.meta.url))

/** What a command left behind. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `stead` command in a process of its own. */
export class SteadProcess {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  #stdout = ''
  #stderr = ''
  readonly #waiters: (() => void)[] = []

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['--conditions=@stead/source', MAIN_FILE, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...environment },
    })
    const hear = (add: (text: string) => void) => (chunk: Buffer) => {
      add(chunk.toString('utf8'))
      for (const waiter of this.#waiters) waiter()
    }
    this.child.stdout?.on(
      'data',
      hear((text) => {
        this.#stdout += text
      }),
    )
    this.child.stderr?.on(
      'data',
      hear((text) => {
        this.#stderr += text
      }),
    )
    this.finished = new Promise((resolve) => {
      this.child.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
        for (const waiter of this.#waiters) waiter()
      })
    })
  }

  /** Resolves when standard error matches, with the match. @throws Error when the process ends before */
  async untilMessage(pattern: RegExp): Promise<RegExpMatchArray> {
    return await this.#until(() => this.#stderr.match(pattern) ?? undefined)
  }

  /** Resolves when standard output matches, with all of it. @throws Error when the process ends before */
  async untilOutput(pattern: RegExp): Promise<string> {
    return await this.#until(() => (pattern.test(this.#stdout) ? this.#stdout : undefined))
  }

  async #until<Found>(look: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`ended: ${this.#stderr}`)
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }
}

/** Runs a command to its end. */
export function stead(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return new SteadProcess(args, environment).finished
}
