import type { Hash } from '@stead/core'
import { BLOCK_BYTES, ProofTree } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { bytesOf, failsWith, hasher, LARGE, Machine, named } from './support/log-machine.ts'

const [ONE, TWO] = [named(1), named(2)]
const PIECE = bytesOf(5 * BLOCK_BYTES + 700, 1)
/** Of three parts each. */
const PIECES: ReadonlyMap<Hash, Uint8Array> = new Map([1, 2].map((number) => [named(number), bytesOf(150_000, number)]))

/** A piece of which so many blocks came. */
async function half(machine: Machine, piece: Hash, blocks = 2) {
  const writer = await machine.begun(piece, PIECE)
  for (let block = 0; block < blocks; block++)
    await writer.append(PIECE.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))
  return writer
}

/** Bytes that are used, and those that are kept for what is on the way. */
async function roomLeft(machine: Machine): Promise<number> {
  const error = await machine.begun(named(99), new Uint8Array(15_000_000)).catch((reason: unknown) => reason)
  return (error as { readonly details: { readonly haveBytes: number } }).details.haveBytes
}

describe('a piece in parts', () => {
  it('is there when all of it is, read across its parts, over restarts and without an index', async () => {
    const machine = await Machine.started()
    for (const [number, blocks] of [
      [1, 1],
      [2, 2],
      [3, 99],
    ] as const)
      await machine.putInParts(named(number), bytesOf(400_000, number), blocks)
    const check = async (): Promise<void> => {
      for (const number of [1, 2, 3]) await machine.holds(named(number), bytesOf(400_000, number))
      const { bytes } = await machine.log.readRange(named(2), 1, 2)
      expect(Buffer.compare(bytes, bytesOf(400_000, 2).subarray(BLOCK_BYTES, 3 * BLOCK_BYTES))).toBe(0)
      expect((await machine.log.proveLeaf(named(1), 9000)).leaf).toEqual(bytesOf(400_000, 1).slice(288_000, 288_032))
    }
    await check()
    await machine.crash('power')
    await check()
    await machine.loseIndex()
    await check()
  })

  it('counts for nothing before all of it is there', async () => {
    const machine = await Machine.started()
    const writer = await half(machine, ONE)
    expect(await machine.log.find(ONE)).toBeUndefined()
    await expect(writer.finish()).rejects.toSatisfy(failsWith('STORAGE_NOT_AUTHENTIC'))
    expect(await machine.log.find(ONE)).toBeUndefined()
  })

  it('is refused when its bytes are not those of the root, whichever part is wrong, and can come again', async () => {
    const machine = await Machine.started()
    for (const block of [0, 3, 5]) {
      const writer = await machine.begun(ONE, PIECE)
      const wrong = PIECE.map((byte, at) => (at === block * BLOCK_BYTES + 7 ? byte ^ 1 : byte))
      await writer.append(wrong.subarray(0, 4 * BLOCK_BYTES))
      await writer.append(wrong.subarray(4 * BLOCK_BYTES))
      await expect(writer.finish()).rejects.toSatisfy(failsWith('STORAGE_NOT_AUTHENTIC'))
    }
    await machine.putInParts(ONE, PIECE)
    await machine.holds(ONE, PIECE)
  })

  it('takes no more than was declared, and no parts that are not whole blocks', async () => {
    const machine = await Machine.started()
    const writer = await machine.begun(ONE, PIECE)
    await expect(writer.append(PIECE.subarray(0, 100))).rejects.toThrow(RangeError)
    await expect(writer.append(new Uint8Array(0))).rejects.toThrow(RangeError)
    await expect(writer.append(new Uint8Array(PIECE.length + 1))).rejects.toThrow(RangeError)
    await writer.append(PIECE)
    await expect(writer.append(PIECE.subarray(0, BLOCK_BYTES))).rejects.toThrow(RangeError)
    await writer.finish()
    await machine.holds(ONE, PIECE)
    for (const lengthBytes of [0, 16 * 1024 * 1024 + 1])
      await expect(machine.log.begin(TWO, { root: new Uint8Array(32), lengthBytes })).rejects.toThrow(RangeError)
  })

  it('has its room from the beginning, and gives it back when it is given up', async () => {
    const machine = await Machine.started({ ...LARGE, capacityBytes: 500_000 })
    const atFirst = await roomLeft(machine)
    const writer = await machine.begun(ONE, PIECE)
    await expect(machine.begun(TWO, PIECE)).rejects.toSatisfy(failsWith('STORAGE_NO_ROOM'))
    await expect(machine.log.put(TWO, PIECE)).rejects.toSatisfy(failsWith('STORAGE_NO_ROOM'))
    writer.abandon()
    writer.abandon()
    expect(await roomLeft(machine)).toBe(atFirst)
    await machine.putInParts(ONE, PIECE)
    const { liveBytes, trashBytes } = machine.log.usage()
    expect(atFirst - (await roomLeft(machine))).toBe(liveBytes + trashBytes)
  })

  it('leaves trash behind when it is given up, which compaction takes away while the process goes on', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 300_000 })
    await machine.log.put(TWO, bytesOf(1000, 2))
    for (let round = 0; round < 3; round++) (await half(machine, ONE, 4)).abandon()
    expect(machine.log.usage().trashBytes).toBeGreaterThan(12 * BLOCK_BYTES)
    await machine.log.put(named(3), bytesOf(290_000, 3))
    await machine.log.compact()
    expect(machine.log.usage().trashBytes).toBeLessThan(BLOCK_BYTES)
    const left = (await machine.disk.list()).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    const { liveBytes, trashBytes } = machine.log.usage()
    expect(left).toBe(liveBytes + trashBytes)
    await machine.holds(TWO, bytesOf(1000, 2))
  })

  it('is not lost when files are compacted while it comes, nor when its parts are copied afterwards', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 250_000 })
    await machine.log.put(TWO, bytesOf(120_000, 2))
    const writer = await machine.begun(ONE, PIECE)
    for (let block = 0; block < 6; block++) {
      await writer.append(PIECE.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))
      if (block === 2) await machine.log.remove(TWO)
      await machine.log.put(named(10 + block), bytesOf(60_000, block))
      await machine.log.compact()
    }
    await writer.finish()
    for (let number = 10; number < 16; number++) await machine.log.remove(named(number))
    const freed = await machine.log.compact()
    expect(freed).toBeGreaterThan(100_000)
    await machine.holds(ONE, PIECE)
    for (const kind of ['kill', 'power'] as const) {
      await machine.crash(kind)
      await machine.holds(ONE, PIECE)
    }
    await machine.loseIndex()
    await machine.holds(ONE, PIECE)
    expect(await machine.log.find(named(12))).toBeUndefined()
  })

  it('may come twice at once, and as another one of its name only once', async () => {
    const machine = await Machine.started()
    await Promise.all([machine.putInParts(ONE, PIECE), machine.putInParts(ONE, PIECE, 2), machine.log.put(ONE, PIECE)])
    await machine.holds(ONE, PIECE)
    const other = bytesOf(3 * BLOCK_BYTES, 9)
    await expect(machine.putInParts(ONE, other)).rejects.toSatisfy(failsWith('STORAGE_PIECE_DIFFERS'))
    await machine.holds(ONE, PIECE)
  })

  it('is deleted as a whole, and a deletion outlives its parts', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 150_000 })
    await machine.putInParts(ONE, PIECE)
    await machine.log.put(TWO, bytesOf(1000, 2))
    await machine.log.remove(ONE)
    expect(machine.log.usage().liveBytes).toBe(1280)
    await machine.log.compact()
    await machine.loseIndex()
    expect(await machine.log.find(ONE)).toBeUndefined()
    await machine.holds(TWO, bytesOf(1000, 2))
  })

  it('is lost with one of the files that have its parts, and told so', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 150_000 })
    await machine.log.put(TWO, bytesOf(1000, 2))
    await machine.putInParts(ONE, PIECE)
    await machine.log.stop()
    machine.disk = machine.disk.reopen()
    await machine.disk.remove('00000002.log')
    machine.disk.crash()
    await machine.crash()
    expect(await machine.log.find(ONE)).toBeUndefined()
    await machine.holds(TWO, bytesOf(1000, 2))
    await machine.loseIndex()
    expect(await machine.log.find(ONE)).toBeUndefined()
  })

  it('is noticed when it rots, in a part, in its hashes or in the list of its parts', async () => {
    const ownHead = 128 + 6 * (128 + BLOCK_BYTES) - BLOCK_BYTES + Math.ceil(700 / 128) * 128
    for (const place of [
      128 + 128 + 5,
      128 + 4 * (128 + BLOCK_BYTES) + 200,
      ownHead + 128 + 3,
      ownHead + 128 + 6 * 32 + 7,
    ]) {
      const machine = await Machine.started()
      await machine.putInParts(ONE, PIECE)
      machine.disk.rot('00000001.log', place)
      await machine.loseIndex()
      await machine.log.scrub(undefined, 10_000_000)
      await expect(machine.log.readRange(ONE, 0, 99)).rejects.toSatisfy(failsWith('STORAGE_PIECE_DAMAGED'))
      // A good copy may take its place, and rotten ones may be copied and deleted.
      await machine.putInParts(ONE, PIECE, 2)
      await machine.holds(ONE, PIECE)
      expect(machine.log.usage().trashBytes).toBeGreaterThan(PIECE.length)
    }
  })

  it('is kept when it was acknowledged and else leaves nothing, whichever step a crash or an error comes at', async () => {
    const play = async (hurt: (machine: Machine) => void): Promise<number> => {
      const machine = await Machine.started({ ...LARGE, fileBytesMax: 150_000 })
      await machine.log.put(named(9), bytesOf(30_000, 9))
      const before = machine.disk.stepCount
      hurt(machine)
      const kept = new Map<Hash, Uint8Array>()
      const run = async (): Promise<void> => {
        for (const [piece, bytes] of PIECES)
          await machine.putInParts(piece, bytes).then(
            () => kept.set(piece, bytes),
            () => undefined,
          )
        for (const piece of [ONE, named(9)]) {
          kept.delete(piece)
          await machine.log.remove(piece).catch(() => undefined)
        }
        await machine.log.compact()
      }
      await Promise.race([run(), machine.disk.crashed])
      const steps = machine.disk.stepCount - before
      for (const kind of ['kill', 'power', 'kill'] as const) {
        await machine.crash(kind, kind === 'power' ? 0.4 : 0)
        for (const [piece, bytes] of kept) await machine.holds(piece, bytes)
        for (const [piece, bytes] of PIECES)
          if ((await machine.log.find(piece)) !== undefined) await machine.holds(piece, bytes)
      }
      // What is left half is only trash: the same pieces can come again.
      for (const [piece, bytes] of PIECES) await machine.putInParts(piece, bytes)
      for (const [piece, bytes] of PIECES) await machine.holds(piece, bytes)
      return steps
    }
    const steps = await play(() => undefined)
    expect(steps).toBeGreaterThan(20)
    for (let step = 1; step <= steps; step++) {
      for (const moment of ['before', 'within', 'after'] as const)
        await play(({ disk }) => disk.crashAtStep(step, moment))
      for (const code of ['STORE_FULL', 'STORE_FAILED'] as const) await play(({ disk }) => disk.failStep(step, code))
    }
  }, 120_000)

  it('has the same root as when it comes whole', async () => {
    const machine = await Machine.started()
    await machine.putInParts(ONE, PIECE, 2)
    expect((await machine.log.find(ONE))?.root).toEqual(ProofTree.of(hasher, PIECE).root)
  })
})
