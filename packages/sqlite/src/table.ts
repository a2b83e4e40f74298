import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { CoreError, type ScanRange, type StoreRow } from '@stead/core'

/** SQLite orders every blob after every text, so an empty blob is an upper bound without an end. */
const AFTER_ALL_KEYS = new Uint8Array(0)

/** Order of the keys' UTF-8 bytes, as SQLite has it; JavaScript's own order of strings differs beyond U+FFFF. */
function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** SQL name of a store's table; the pattern of table names leaves nothing to escape. */
function sqlName(table: string): string {
  return `"rows_${table}"`
}

/** The least text that is greater than every text with this prefix; undefined when there is none. */
function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (points.length > 0) {
    const last = points.pop() ?? 0
    if (last < 0x10_ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}

/** The lesser of two upper bounds; a bound that is missing has no end. */
function lesserBound(left: string | undefined, right: string | undefined): SQLInputValue {
  if (left === undefined || right === undefined) return left ?? right ?? AFTER_ALL_KEYS
  return compareKeys(left, right) < 0 ? left : right
}

/** Checksum of a row, over key and value, so that rot and a row under a wrong key are both seen. */
function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key))
}

/** Names of the store's tables that exist in a database. */
export function tableNames(database: DatabaseSync): readonly string[] {
  const rows = database.prepare(`SELECT substr(name, 6) AS name FROM sqlite_schema WHERE name GLOB 'rows_*'`).all()
  return rows.map((row) => String(row.name))
}

/** Makes a table; inside the transaction that writes its first row. */
export function createTable(database: DatabaseSync, table: string): void {
  // Without rowid a put touches one tree instead of two, which halves what goes to the log.
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${sqlName(table)}
      (key TEXT PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  )
}

/** Prepared statements of one table that exists. */
export class Table {
  readonly #name: string
  readonly #database: DatabaseSync
  readonly #statements: Map<string, StatementSync> = new Map()

  constructor(database: DatabaseSync, name: string) {
    this.#database = database
    this.#name = name
  }

  put(key: string, value: Uint8Array): void {
    this.#statement(
      `INSERT INTO ${sqlName(this.#name)} (key, value, checksum) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum`,
    ).run(key, value, checksum(key, value))
  }

  delete(key: string): void {
    this.#statement(`DELETE FROM ${sqlName(this.#name)} WHERE key = ?`).run(key)
  }

  get(key: string): Uint8Array | undefined {
    const row = this.#statement(`SELECT key, value, checksum FROM ${sqlName(this.#name)} WHERE key = ?`).get(key)
    return row === undefined ? undefined : this.#checked(row).value
  }

  scan(range: ScanRange): readonly StoreRow[] {
    const prefix = range.prefix ?? ''
    const after = range.after ?? ''
    // One bound each way, so that a page far in costs as little as the first; the plus keeps `after` out of the seek.
    const rows = this.#statement(
      `SELECT key, value, checksum FROM ${sqlName(this.#name)} WHERE key >= ? AND +key > ? AND key < ?
        ORDER BY key ${range.reverse === true ? 'DESC' : 'ASC'} LIMIT ?`,
    ).all(
      compareKeys(prefix, after) < 0 ? after : prefix,
      after,
      lesserBound(prefixEnd(prefix), range.before),
      range.limit ?? -1,
    )
    return rows.map((row) => this.#checked(row))
  }

  /** Reads every row and counts. @throws CoreError STORE_CORRUPT for a row whose checksum is wrong */
  verify(): { readonly rows: number; readonly bytes: number } {
    let rows = 0
    let bytes = 0
    for (const row of this.#statement(`SELECT key, value, checksum FROM ${sqlName(this.#name)}`).iterate()) {
      bytes += this.#checked(row).value.length
      rows++
    }
    return { rows, bytes }
  }

  #checked(row: Record<string, unknown>): StoreRow {
    const { key, value } = row
    if (typeof key !== 'string' || !(value instanceof Uint8Array) || checksum(key, value) !== row.checksum)
      throw new CoreError(
        'STORE_CORRUPT',
        `a row of the store is damaged: table ${this.#name}, key ${JSON.stringify(key)}`,
        { details: { table: this.#name, key: String(key) } },
      )
    return { key, value }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
