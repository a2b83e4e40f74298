import { describe, expect, it } from 'vitest'
import type { SqliteStore } from '../src/index.ts'
import { startProcess } from './process/spawn.ts'
import { openStore, temporaryDirectory } from './temporary.ts'

const writer = new URL('process/writer.ts', import.meta.url)
const ROUNDS = 4
const ACKNOWLEDGED_BEFORE_KILL = 4000

/** Indexes of the rows of one part. */
async function indexesOf(store: SqliteStore, part: string): Promise<Set<number>> {
  const rows = await store.scan(`part-${part}`)
  for (const row of rows) {
    const index = Number(row.key.slice('row-'.length))
    expect(row.value.length).toBe(64 + (index % 700))
    expect(row.value.every((byte) => byte === index % 256)).toBe(true)
  }
  return new Set(rows.map((row) => Number(row.key.slice('row-'.length))))
}

describe('kill -9 in the middle of thousands of writes', () => {
  it(`loses no acknowledged batch and tears none, ${ROUNDS} times over on the same store`, async () => {
    const directory = temporaryDirectory()
    const acknowledged: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const child = startProcess(writer, directory, String(round * 1_000_000))
      let heard = 0
      for await (const line of child.lines) {
        // What was still in the pipe at the kill was acknowledged too, so the loop reads to its end.
        if (line !== 'open') acknowledged.push(Number(line))
        // Not awaited: the pipe has to be read to its end, which only comes with the exit.
        if (++heard === ACKNOWLEDGED_BEFORE_KILL + round * 37) child.child.kill('SIGKILL')
      }
      await child.kill()
      const store = await openStore({ directory })
      const [a, b, c] = [await indexesOf(store, 'a'), await indexesOf(store, 'b'), await indexesOf(store, 'c')]
      expect(acknowledged.filter((index) => !a.has(index))).toEqual([])
      expect(b).toEqual(a)
      expect(c).toEqual(a)
      expect((await store.verify()).rows).toBe(3 * a.size)
      await store.close()
    }
    expect(acknowledged.length).toBeGreaterThan(ROUNDS * (ACKNOWLEDGED_BEFORE_KILL - 1))
  })
})
