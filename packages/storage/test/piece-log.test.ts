import { CoreError, type Hash } from '@stead/core'
import { BLOCK_BYTES, verifyLeaf, verifyRange } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, failsWith, hasher, LARGE, Machine, named } from './support/log-machine.ts'

describe('a piece log', () => {
  it('gives back pieces, ranges of them and leaves, each with its proof', async () => {
    const { log } = await Machine.started()
    const bytes = bytesOf(3 * BLOCK_BYTES + 500, 1)
    const tree = await log.put(named(1), bytes)
    for (const [first, count] of [
      [0, 1],
      [1, 2],
      [3, 1],
      [2, 99],
    ] as const) {
      const proof = await log.readRange(named(1), first, count)
      expect(Buffer.compare(proof.bytes, bytes.subarray(first * BLOCK_BYTES, (first + count) * BLOCK_BYTES))).toBe(0)
      expect(verifyRange(hasher, tree, proof)).toBe(true)
    }
    const leaf = await log.proveLeaf(named(1), 5000)
    expect(verifyLeaf(tree, leaf)).toBe(true)
    expect(leaf.leaf).toEqual(bytes.slice(160_000, 160_032))
    await expect(log.readRange(named(1), 4, 1)).rejects.toThrow(RangeError)
    await expect(log.readRange(named(2), 0, 1)).rejects.toSatisfy(failsWith('STORAGE_PIECE_UNKNOWN'))
  })

  it('keeps an empty piece', async () => {
    const machine = await Machine.started()
    await machine.log.put(named(1), new Uint8Array(0))
    await machine.crash()
    await machine.holds(named(1), new Uint8Array(0))
  })

  it('takes the same piece twice, and not another one of its name', async () => {
    const { log } = await Machine.started()
    const bytes = bytesOf(1000, 1)
    await Promise.all([log.put(named(1), bytes), log.put(named(1), bytes)])
    const { liveBytes, trashBytes } = log.usage()
    expect(liveBytes).toBe(1280)
    expect(trashBytes).toBe(128)
    await expect(log.put(named(1), bytesOf(1000, 2))).rejects.toSatisfy(failsWith('STORAGE_PIECE_DIFFERS'))
  })

  it('lets nothing in beyond what is shared, and tells what is paid, trash and free', async () => {
    const { log } = await Machine.started({ ...LARGE, capacityBytes: 3000 })
    await log.put(named(1), bytesOf(1000, 1))
    await log.put(named(2), bytesOf(1000, 2))
    await expect(log.put(named(3), bytesOf(1000, 3))).rejects.toMatchObject({
      code: 'STORAGE_NO_ROOM',
      details: { needBytes: 1280, haveBytes: 312 },
    })
    await log.remove(named(1))
    expect(log.usage()).toEqual({ liveBytes: 1280, trashBytes: 1536, capacityBytes: 3000 })
  })

  it('does not let pieces that come together share the last room', async () => {
    const { log } = await Machine.started({ ...LARGE, capacityBytes: 3000 })
    const puts = await Promise.allSettled([1, 2, 3, 4].map((number) => log.put(named(number), bytesOf(1000, number))))
    expect(puts.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('leaves the rest of the disk alone', async () => {
    const machine = new Machine({ ...LARGE, keepFreeBytes: 10_000 })
    machine.disk.setCapacity(12_000)
    await machine.log.start()
    await machine.log.put(named(1), bytesOf(1000, 1))
    await expect(machine.log.put(named(2), bytesOf(1000, 2))).rejects.toSatisfy(failsWith('STORAGE_NO_ROOM'))
  })

  it('stays whole on a full disk, and goes on when there is room', async () => {
    const machine = await Machine.started()
    await machine.log.put(named(1), bytesOf(5000, 1))
    machine.disk.setCapacity(6000)
    await expect(machine.log.put(named(2), bytesOf(5000, 2))).rejects.toSatisfy(failsWith('STORAGE_NO_ROOM'))
    machine.disk.setCapacity(2 ** 40)
    await machine.log.put(named(2), bytesOf(5000, 2))
    await machine.crash()
    await machine.holds(named(1), bytesOf(5000, 1))
    await machine.holds(named(2), bytesOf(5000, 2))
  })

  it('leaves no empty files behind on a disk that stays full', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 65_536 })
    await machine.log.put(named(1), bytesOf(60_000, 1))
    for (let number = 2; number < 6; number++) {
      machine.disk.failStep(2, 'STORE_FULL')
      await expect(machine.log.put(named(number), bytesOf(60_000, number))).rejects.toSatisfy(failsWith('STORE_FULL'))
    }
    expect((await machine.disk.list()).map(({ name }) => name)).toEqual(['00000001.log', '00000002.log'])
    await machine.log.put(named(6), bytesOf(60_000, 6))
    await machine.crash('power')
    for (const number of [1, 6]) await machine.holds(named(number), bytesOf(60_000, number))
  })

  it('opens a file again that could not be opened once', async () => {
    const machine = await Machine.started({ ...LARGE, fileBytesMax: 65_536 })
    for (const number of [1, 2]) await machine.log.put(named(number), bytesOf(60_000, number))
    await machine.crash()
    const open = machine.disk.open.bind(machine.disk)
    let failures = 1
    machine.disk.open = (name) =>
      failures-- > 0 ? Promise.reject(new CoreError('STORE_FAILED', 'too many open files')) : open(name)
    await expect(machine.log.readRange(named(1), 0, 1)).rejects.toSatisfy(failsWith('STORE_FAILED'))
    await machine.holds(named(1), bytesOf(60_000, 1))
    await machine.log.stop()
  })

  it('tells nobody of a piece whose flush failed, whoever shares the flush', async () => {
    const machine = await Machine.started()
    await machine.log.put(named(1), bytesOf(100, 1))
    machine.disk.failStep(2)
    await expect(machine.log.put(named(2), bytesOf(100, 2))).rejects.toSatisfy(failsWith('STORE_FAILED'))
    expect(await machine.log.find(named(2))).toBeUndefined()
    await machine.log.put(named(3), bytesOf(100, 3))
    await machine.crash('power')
    await machine.holds(named(1), bytesOf(100, 1))
    await machine.holds(named(3), bytesOf(100, 3))
  })

  it('keeps each piece that was acknowledged, whichever step a crash or an error comes at', async () => {
    const play = async (hurt: (machine: Machine) => void): Promise<number> => {
      const machine = await Machine.started({ ...LARGE, fileBytesMax: 65_536 })
      const before = machine.disk.stepCount
      hurt(machine)
      const kept = new Map<Hash, Uint8Array | undefined>()
      const run = async (): Promise<void> => {
        for (let number = 1; number <= 5; number++) {
          const bytes = bytesOf(20_000, number)
          await machine.log.put(named(number), bytes).then(
            () => kept.set(named(number), bytes),
            () => undefined,
          )
          if (number < 3) continue
          const removed = named(number - 2)
          kept.set(removed, undefined)
          await machine.log.remove(removed).catch(() => kept.delete(removed))
        }
        await machine.log.compact()
      }
      await Promise.race([run(), machine.disk.crashed])
      const steps = machine.disk.stepCount - before
      for (const kind of ['kill', 'power'] as const) {
        await machine.crash(kind)
        for (const [piece, bytes] of kept) if (bytes !== undefined) await machine.holds(piece, bytes)
        // Nothing rots here: what a crash leaves half is no damage, and each byte is counted.
        expect(machine.errors).toEqual([])
        const { liveBytes, trashBytes } = machine.log.usage()
        let onDisk = 0
        for (const bytes of machine.disk.files.values()) onDisk += bytes.length
        expect(liveBytes + trashBytes).toBe(onDisk)
      }
      return steps
    }
    const steps = await play(() => undefined)
    expect(steps).toBeGreaterThan(15)
    for (let step = 1; step <= steps; step++) {
      for (const moment of ['before', 'within', 'after'] as const)
        await play(({ disk }) => disk.crashAtStep(step, moment))
      for (const code of ['STORE_FULL', 'STORE_FAILED'] as const) await play(({ disk }) => disk.failStep(step, code))
    }
  }, 60_000)

  it('finds everything again without its index, and nothing that was deleted', async () => {
    const machine = await Machine.started()
    for (let number = 1; number <= 8; number++) await machine.log.put(named(number), bytesOf(400_000, number))
    for (const number of [1, 2, 5]) await machine.log.remove(named(number))
    await machine.log.put(named(2), bytesOf(10, 22))
    await machine.log.compact()
    const usage = machine.log.usage()
    await machine.loseIndex()
    for (const number of [3, 4, 6, 7, 8]) await machine.holds(named(number), bytesOf(400_000, number))
    await machine.holds(named(2), bytesOf(10, 22))
    for (const number of [1, 5]) expect(await machine.log.find(named(number))).toBeUndefined()
    expect(machine.log.usage()).toEqual(usage)
  })

  it('gives room back by compaction, while pieces are read', async () => {
    const machine = await Machine.started()
    const { log } = machine
    for (let number = 1; number <= 9; number++) await log.put(named(number), bytesOf(300_000, number))
    for (const number of [1, 2, 4, 5, 7]) await log.remove(named(number))
    const reads = [3, 6, 8, 9].map((number) => machine.holds(named(number), bytesOf(300_000, number)))
    const freed = await log.compact()
    await Promise.all(reads)
    expect(freed).toBeGreaterThan(1_200_000)
    expect(log.usage().trashBytes).toBeLessThan(700_000)
    const left = (await machine.disk.list()).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    expect(left).toBe(log.usage().liveBytes + log.usage().trashBytes)
    await machine.crash()
    for (const number of [3, 6, 8, 9]) await machine.holds(named(number), bytesOf(300_000, number))
  })

  it('misses nothing that a compaction moved, when the index is that of before', async () => {
    const machine = await Machine.started()
    for (let number = 1; number <= 9; number++) await machine.log.put(named(number), bytesOf(300_000, number))
    for (const number of [1, 2, 4, 5, 7]) await machine.log.remove(named(number))
    await machine.store.write([], 'power')
    expect(await machine.log.compact()).toBeGreaterThan(1_200_000)
    await machine.crash('power')
    for (const number of [3, 6, 8, 9]) await machine.holds(named(number), bytesOf(300_000, number))
    for (const number of [1, 2, 4, 5, 7]) expect(await machine.log.find(named(number))).toBeUndefined()
    expect(machine.errors).toEqual([])
  })

  it('notices bits that rot, in the piece or in its hashes, before it hands anything on', async () => {
    for (const place of [128 + 5, 128 + 2 * 32 + 70_000]) {
      const machine = await Machine.started()
      await machine.log.put(named(1), bytesOf(100_000, 1))
      await machine.log.put(named(2), bytesOf(100, 2))
      machine.disk.rot('00000001.log', 128 + place)
      const { damaged, next } = await machine.log.scrub(undefined, 10_000_000)
      expect([damaged, next]).toEqual([[named(1)], undefined])
      await expect(machine.log.readRange(named(1), 0, 1)).rejects.toSatisfy(failsWith('STORAGE_PIECE_DAMAGED'))
      expect((await machine.log.find(named(1)))?.isDamaged).toBe(true)
      await machine.holds(named(2), bytesOf(100, 2))
      // A good copy may take its place.
      await machine.log.put(named(1), bytesOf(100_000, 1))
      await machine.holds(named(1), bytesOf(100_000, 1))
    }
  })

  it('loses one piece and not those behind it when a head rots and the index is gone', async () => {
    const machine = await Machine.started()
    for (const number of [1, 2, 3]) await machine.log.put(named(number), bytesOf(200_000, number))
    machine.disk.rot('00000001.log', 128 + 3)
    await machine.loseIndex()
    expect(await machine.log.find(named(1))).toBeUndefined()
    for (const number of [2, 3]) await machine.holds(named(number), bytesOf(200_000, number))
  })

  it('is not fooled by a piece that holds what looks like records', async () => {
    const machine = await Machine.started()
    const victim = bytesOf(5000, 1)
    await machine.log.put(named(1), victim)
    const other = await Machine.started()
    await other.log.put(named(1), bytesOf(5000, 66))
    other.disk.crash()
    const file = await other.disk.reopen().open('00000001.log')
    // Behind its own head of 128 bytes and one hash of 32, so that the forged one begins where records do.
    const forged = Buffer.concat([new Uint8Array(96), await file.read(128, 10_000)])
    await machine.log.put(named(2), forged)
    const secondHead = 128 + Math.ceil((128 + 32 + 5000) / 128) * 128
    machine.disk.rot('00000001.log', secondHead + 3)
    await machine.loseIndex()
    await machine.holds(named(1), victim)
  })

  it('goes on when somebody removed a file', async () => {
    const machine = await Machine.started()
    for (let number = 1; number <= 6; number++) await machine.log.put(named(number), bytesOf(400_000, number))
    await machine.log.stop()
    machine.disk = machine.disk.reopen()
    await machine.disk.remove('00000001.log')
    machine.disk.crash()
    await machine.crash()
    expect(await machine.log.find(named(1))).toBeUndefined()
    await machine.holds(named(6), bytesOf(400_000, 6))
    await machine.log.put(named(1), bytesOf(400_000, 1))
    await machine.holds(named(1), bytesOf(400_000, 1))
  })

  it('scrubs a part at a time', async () => {
    const { log } = await Machine.started()
    for (let number = 1; number <= 5; number++) await log.put(named(number), bytesOf(1000, number))
    let after: Hash | undefined
    let [rounds, checked] = [0, 0]
    do {
      const report = await log.scrub(after, 2000)
      checked += report.checkedBytes
      after = report.next
      rounds++
    } while (after !== undefined)
    expect([rounds, checked]).toEqual([3, 5000])
  })

  it('holds what a plain map would, in any order of puts, deletions, compactions and crashes', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put'), piece: fc.nat(5), size: fc.integer({ min: 0, max: 500_000 }) }),
      fc.record({
        kind: fc.constantFrom('parts', 'half'),
        piece: fc.nat(5),
        size: fc.integer({ min: BLOCK_BYTES + 1, max: 500_000 }),
      }),
      fc.record({ kind: fc.constant('remove'), piece: fc.nat(5), size: fc.constant(0) }),
      fc.record({ kind: fc.constantFrom('compact', 'kill', 'power', 'index'), piece: fc.constant(0), size: fc.nat(3) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const machine = await Machine.started()
        const model = new Map<Hash, Uint8Array>()
        for (const { kind, piece, size } of steps) {
          const name = named(piece)
          if (kind === 'put') {
            const bytes = model.get(name) ?? bytesOf(size, size)
            await machine.log.put(name, bytes)
            model.set(name, bytes)
          } else if (kind === 'parts') {
            const bytes = model.get(name) ?? bytesOf(size, size)
            if (bytes.length > 0) await machine.putInParts(name, bytes, 1 + (size % 3))
            if (bytes.length > 0) model.set(name, bytes)
          } else if (kind === 'half') {
            const bytes = model.get(name) ?? bytesOf(size, size)
            if (bytes.length <= BLOCK_BYTES) continue
            const writer = await machine.begun(name, bytes)
            await writer.append(bytes.subarray(0, BLOCK_BYTES))
            if (size % 2 === 0) writer.abandon()
          } else if (kind === 'remove') {
            await machine.log.remove(name)
            model.delete(name)
          } else if (kind === 'compact') await machine.log.compact()
          else if (kind === 'index') await machine.loseIndex()
          else await machine.crash(kind === 'kill' ? 'kill' : 'power', size)
        }
        for (const [name, bytes] of model) await machine.holds(name, bytes)
        for (let piece = 0; piece <= 5; piece++)
          if (!model.has(named(piece))) expect(await machine.log.find(named(piece))).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
