import { tellParentFailure } from '@stead/node'
import { runRole } from './run-role.ts'

try {
  await runRole(process.argv.slice(2))
  process.exitCode = 0
} catch (error) {
  tellParentFailure(error)
  process.exitCode = 1
}
// As `stead up` does: what libraries still have open is nobody's any more.
process.exit()
