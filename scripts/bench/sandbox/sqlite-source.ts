import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '@stead/core'
import { cacheFolder } from './compile.ts'

/** An npm package that carries SQLite's amalgamation as plain C; only its tarball is taken, nothing of it is run. */
const CARRIER = 'better-sqlite3@13.2.0'

/** SQLite without an operating system below it; programs/sqlite.c gives it one. */
const defines: readonly string[] = [
  '-DSQLITE_OS_OTHER=1',
  '-DSQLITE_THREADSAFE=0',
  '-DSQLITE_TEMP_STORE=3',
  '-DSQLITE_OMIT_LOAD_EXTENSION',
  '-DSQLITE_DEFAULT_MEMSTATUS=0',
]

/** Where SQLite's source is, and how it is compiled. */
export interface SqliteSource {
  readonly file: string
  /** Has sqlite3.h. */
  readonly folder: string
  readonly defines: readonly string[]
}

/** Fetches SQLite's source into the cache, once; says why when that cannot be done here. */
export async function fetchSqlite(): Promise<SqliteSource | { readonly missing: string }> {
  const home = join(cacheFolder, CARRIER)
  const folder = join(home, 'package/deps/sqlite3')
  const file = join(folder, 'sqlite3.c')
  if (!existsSync(file)) {
    const unfinished = `${home}.${process.pid}`
    mkdirSync(unfinished, { recursive: true })
    try {
      await promisify(execFile)('npm', ['pack', CARRIER, '--silent', '--pack-destination', unfinished])
      const tarball = readdirSync(unfinished).find((name) => name.endsWith('.tgz')) ?? ''
      await promisify(execFile)('tar', ['-xzf', join(unfinished, tarball), '-C', unfinished])
      rmSync(home, { recursive: true, force: true })
      renameSync(unfinished, home)
    } catch (error) {
      return { missing: `SQLite's source cannot be fetched: ${messageOf(error).split('\n')[0]}` }
    } finally {
      rmSync(unfinished, { recursive: true, force: true })
    }
  }
  return existsSync(file) ? { file, folder, defines } : { missing: `${CARRIER} has no deps/sqlite3/sqlite3.c` }
}
