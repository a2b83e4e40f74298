import { hash } from 'node:crypto'

const [OBJECTS, ROUNDS, STRIDE] = [200_000, 1_000_000, 104_729]

interface Thing {
  readonly key: string
  count: number
  bytes: Uint8Array
}

/**
 * How fast this machine is now at what simulated worlds do: many small objects found by their names, in an order that no
 * cache foresees, a promise for each, and a hash for one in eight. It is fixed work: where neighbours take the cache away,
 * it takes as many times longer as a world does.
 * @returns seconds of processor time, all threads
 */
export async function machinePaceSeconds(): Promise<number> {
  const things = new Map<string, Thing>()
  for (let i = 0; i < OBJECTS; i++) {
    const key = `thing ${(i * STRIDE) % OBJECTS}`
    things.set(key, { key, count: 0, bytes: new Uint8Array(64).fill(i) })
  }
  const before = process.cpuUsage()
  let at = 1
  for (let round = 0; round < ROUNDS; round++) {
    at = (at * 48_271) % 2_147_483_647
    const thing = things.get(`thing ${at % OBJECTS}`)
    if (thing === undefined) continue
    thing.count++
    if (round % 8 === 0) thing.bytes = hash('sha256', thing.bytes, 'buffer')
    await Promise.resolve()
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000_000
}
