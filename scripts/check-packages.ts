// Builds the public packages and checks what a stranger would install: entry points (publint) and types (attw).
import { join } from 'node:path'
import { buildPackages, publicPackages } from './build.ts'
import { root, runStep } from './run-step.ts'

if (!(await buildPackages())) process.exit(1)
let failed = 0
for (const folder of publicPackages()) {
  const checks = [
    await runStep(`${folder} publint`, 'publint', ['run', '--strict', '--pack', 'npm', join(root, folder)]),
    await runStep(`${folder} attw`, 'attw', [
      '--pack',
      join(root, folder),
      '--profile',
      'esm-only',
      '--format',
      'ascii',
      '--no-color',
    ]),
  ]
  for (const { name, exitCode, output } of checks) {
    process.stdout.write(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name}\n`)
    if (exitCode !== 0) {
      failed += 1
      process.stdout.write(`${output}\n`)
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1
