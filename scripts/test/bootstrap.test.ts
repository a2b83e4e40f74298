import { spawnSync } from 'node:child_process'
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
