import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, silentMetrics } from '@stead/core'
import { onTestFinished } from 'vitest'
import { SqliteStore, type SqliteStoreComponents } from '../src/index.ts'
import type { SqliteStoreInput } from '../src/options.ts'

/** A folder that goes away with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'stead-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Opens a store without log and metrics. */
export function openStore(
  input: SqliteStoreInput,
  components: Partial<SqliteStoreComponents> = {},
): Promise<SqliteStore> {
  return SqliteStore.open({ logger: silentLogger, metrics: silentMetrics, ...components }, input)
}
