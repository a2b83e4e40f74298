import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runStart } from '@stead/cli/start'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.exitCode = await runStart(process.argv.slice(2), root)
