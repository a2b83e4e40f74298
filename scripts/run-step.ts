import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'

/** The checkout's root folder. */
export const root: string = dirname(import.meta.dirname)

/** How one command ended. */
export interface StepResult {
  readonly name: string
  readonly exitCode: number
  /** Standard output and error together. */
  readonly output: string
  readonly seconds: number
}

/** The environment of every step: the pinned Node.js first, workspace packages from their sources. */
export function stepEnvironment(): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(':')
  return { ...process.env, PATH: path, NO_COLOR: '1', FORCE_COLOR: '0' }
}

/** Runs one command to its end and keeps what it prints. */
export function runStep(name: string, command: string, args: readonly string[]): Promise<StepResult> {
  const start = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: stepEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    const end = (exitCode: number, note = ''): void => {
      const output = Buffer.concat(chunks).toString() + note
      resolve({ name, exitCode, output, seconds: (performance.now() - start) / 1000 })
    }
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (error) => end(1, error.message))
    child.on('close', (code, signal) => end(code ?? 1, signal === null ? '' : `ended by ${signal}`))
  })
}
