import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, silentMetrics } from '@stead/core'
import { storeCompliance } from '@stead/testkit/compliance'
import { SqliteStore } from '../src/index.ts'

storeCompliance('SqliteStore', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stead-store-'))
  return {
    open: () => SqliteStore.open({ logger: silentLogger, metrics: silentMetrics }, { directory }),
    clean: () => rm(directory, { recursive: true, force: true }),
  }
})
