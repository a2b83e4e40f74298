// A process that holds a store open until it is killed or told to end through stdin.
import { writeSync } from 'node:fs'
import { isSteadError, silentLogger, silentMetrics } from '@stead/core'
import { SqliteStore } from '../../src/index.ts'

const [directory = ''] = process.argv.slice(2)
try {
  const store = await SqliteStore.open({ logger: silentLogger, metrics: silentMetrics }, { directory })
  writeSync(1, 'open\n')
  await new Promise((resolve) => process.stdin.once('end', resolve).resume())
  await store.close()
} catch (error) {
  writeSync(1, `${isSteadError(error) ? error.code : String(error)}\n`)
}
