import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runStart } from '@stead/cli/start'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const exitCode = await runStart(process.argv.slice(2), root)
// Everything is stopped by now; a question that still waits for an answer of the network must not hold up a Ctrl-C.
process.stdout.write('', () => process.exit(exitCode))
