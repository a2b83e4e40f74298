import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../run-step.ts'

it.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGABRT', 134],
  ['SIGKILL', 137],
  ['SIGTERM', 143],
])('a command that ends by %s ends with %i, as shells say it', (signal, code) => {
  const args = [join(root, 'scripts', 'bootstrap.mjs'), 'scripts/test/fixtures/ends-by-signal.ts', signal]
  const { status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(status).toBe(code)
})

it('a command of npm ends when the shell between npm and it has ended', async () => {
  const line = 'node scripts/bootstrap.mjs scripts/test/fixtures/tells-its-end.ts; :'
  const env = { ...process.env, npm_lifecycle_event: 'sim' }
  const shell = spawn('sh', ['-c', line], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  shell.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  await once(shell.stdout, 'data')
  shell.kill('SIGTERM')
  // Whoever holds the pipe is then gone.
  await once(shell, 'close')
  expect(said.join('')).toBe('runs\nended by SIGTERM\n')
})
