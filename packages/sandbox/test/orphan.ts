/** Starts an executor whose guest loops, says so, and waits to be killed. */
import { ProcessExecutor } from '../src/node/index.ts'
import { functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'

const executor = new ProcessExecutor({}, { workersMax: 1 })
await executor.start()
const module = await executor.load(guests.endlessLoop())
const call = executor.run(module, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 600_000 }))
process.stdout.write('looping\n')
await call
