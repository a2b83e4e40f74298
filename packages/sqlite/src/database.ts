import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CoreError } from '@stead/core'
import type { SqliteStoreOptions } from './options.ts'
import { storeError } from './store-error.ts'
import { ensureStoreFile, storePath, syncDirectory } from './store-files.ts'

/** SQLite's page size, the unit of the main file and the log. */
export const PAGE_BYTES = 4096
/** `STED` in ASCII; SQLite keeps it in the file's header so that a stranger's database is never taken for ours. */
const APPLICATION_ID = 0x53_54_45_44
/** Layout of the tables; raised when an older program could not read it. */
const FORMAT_VERSION = 1

/** An open database that this process alone may use, and descriptors of its two files for syncing them. */
export interface OpenDatabase {
  readonly path: string
  readonly database: DatabaseSync
  readonly mainFile: number
  readonly logFile: number
}

/** Reads one integer pragma. */
function integerPragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

/**
 * Takes the lock, recovers what a killed process left in the log, and sets the modes.
 *
 * The lock is SQLite's own on the main file in exclusive mode: the kernel drops it with the process, however that
 * ends, and the log's index lives in memory instead of a third file.
 */
function takeOver(database: DatabaseSync, options: SqliteStoreOptions): void {
  database.exec(`PRAGMA busy_timeout = ${options.lockTimeoutMs}; PRAGMA locking_mode = EXCLUSIVE`)
  database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL`)
  // Commits reach the operating system; the store itself syncs the log when a write asks for it, and it folds the log.
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0')
  database.exec('PRAGMA cache_size = -2048; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON')
  if (options.sizeBytesMax !== undefined)
    database.exec(`PRAGMA max_page_count = ${Math.floor(options.sizeBytesMax / PAGE_BYTES)}`)
  database.exec('BEGIN IMMEDIATE; COMMIT')
}

/** Refuses another program's file and a newer layout; marks a new file as ours, which also creates the log. */
function checkHeader(database: DatabaseSync, path: string): void {
  const applicationId = integerPragma(database, 'application_id')
  const version = integerPragma(database, 'user_version')
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (applicationId !== APPLICATION_ID && !(applicationId === 0 && version === 0 && isEmpty))
    throw new CoreError('STORE_CORRUPT', `the file is not a store of Stead: ${path}`, { details: { path } })
  if (version > FORMAT_VERSION)
    throw new CoreError(
      'STORE_FAILED',
      `the store has format ${version}, this program knows ${FORMAT_VERSION}: ${path}`,
      {
        details: { path, haveFormat: FORMAT_VERSION, needFormat: version },
        next: 'Update this program, then start it again.',
      },
    )
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT_VERSION}`)
}

/** Compares all pages with each other. @throws CoreError STORE_CORRUPT */
export function checkPages(database: DatabaseSync, path: string): void {
  const row = database.prepare('PRAGMA quick_check(1)').get()
  const verdict = String(Object.values(row ?? {})[0])
  if (verdict !== 'ok')
    throw new CoreError('STORE_CORRUPT', `the store is damaged: ${path} (${verdict})`, { details: { path } })
}

/**
 * Opens the store's database for this process alone.
 *
 * The descriptors must be closed after the database: closing one of the main file drops this process's locks on it.
 * @throws CoreError STORE_LOCKED, STORE_CORRUPT, STORE_FULL, STORE_FAILED
 */
export async function openDatabase(options: SqliteStoreOptions): Promise<OpenDatabase> {
  const path = storePath(options.directory)
  let database: DatabaseSync | undefined
  const descriptors: number[] = []
  try {
    const isNew = ensureStoreFile(options.directory)
    database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    takeOver(database, options)
    checkHeader(database, path)
    const mainFile = openSync(path, 'r+')
    descriptors.push(mainFile)
    if (fstatSync(mainFile).size <= options.checkOnOpenBytesMax) checkPages(database, path)
    const logFile = openSync(`${path}-wal`, 'r+')
    descriptors.push(logFile)
    if (isNew) {
      await syncDirectory(options.directory)
      await syncDirectory(dirname(options.directory))
    }
    return { path, database, mainFile, logFile }
  } catch (error) {
    if (database?.isOpen === true) database.close()
    for (const descriptor of descriptors) closeSync(descriptor)
    throw storeError(error, path)
  }
}

/** Folds the log into the main file, lets go of the lock and closes the files. */
export function closeDatabase(open: OpenDatabase): void {
  if (open.database.isOpen) open.database.close()
  closeSync(open.logFile)
  closeSync(open.mainFile)
}

/** Bytes that the store takes on disk. */
export function diskBytes(path: string): number {
  return statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
}
