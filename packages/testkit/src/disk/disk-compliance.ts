import { type Disk, hasCode } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Opens disks for the suite: always the same folder, so that opening again shows what was kept. */
export interface DiskFixture {
  open(): Promise<Disk>
  /** Removes what was made. */
  clean(): Promise<void>
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** What every Disk must do; run on each adapter and on the simulated one. */
export function diskCompliance(name: string, makeFixture: () => Promise<DiskFixture>): void {
  describe(`Disk: ${name}`, () => {
    let fixture: DiskFixture
    let disk: Disk
    beforeEach(async () => {
      fixture = await makeFixture()
      disk = await fixture.open()
    })
    afterEach(() => fixture.clean())

    it('gives back what was appended, from anywhere, and less where the file ends', async () => {
      const file = await disk.open('a.log')
      expect(file.lengthBytes).toBe(0)
      await file.append(bytes(1, 2, 3))
      await file.append(bytes(4, 5))
      expect(file.lengthBytes).toBe(5)
      expect(await file.read(0, 5)).toEqual(bytes(1, 2, 3, 4, 5))
      expect(await file.read(2, 2)).toEqual(bytes(3, 4))
      expect(await file.read(4, 10)).toEqual(bytes(5))
      expect(await file.read(9, 1)).toEqual(bytes())
      await file.close()
    })

    it('appends in the order of the calls', async () => {
      const file = await disk.open('a')
      await Promise.all(Array.from({ length: 100 }, (_, index) => file.append(bytes(index, index))))
      expect(await file.read(0, 200)).toEqual(Uint8Array.from({ length: 200 }, (_, index) => index >> 1))
      await file.close()
    })

    it('reads while it appends', async () => {
      const file = await disk.open('a')
      await file.append(bytes(7, 7))
      const more = file.append(new Uint8Array(1_000_000).fill(9))
      expect(await file.read(0, 2)).toEqual(bytes(7, 7))
      await more
      expect((await file.read(2, 1_000_000)).every((byte) => byte === 9)).toBe(true)
      await file.close()
    })

    it('keeps files over closing, and cuts them off for good', async () => {
      const file = await disk.open('a')
      await file.append(bytes(1, 2, 3, 4))
      await file.sync()
      await file.truncate(2)
      expect(file.lengthBytes).toBe(2)
      await file.append(bytes(9))
      await file.close()
      const again = await (await fixture.open()).open('a')
      expect(again.lengthBytes).toBe(3)
      expect(await again.read(0, 10)).toEqual(bytes(1, 2, 9))
      await again.close()
    })

    it('lists files by name with their lengths, and removes them', async () => {
      for (const [index, each] of ['b', 'a', 'c.log'].entries()) {
        const file = await disk.open(each)
        await file.append(new Uint8Array(index))
        await file.close()
      }
      const listed = async (): Promise<readonly string[]> =>
        (await disk.list()).map(({ name: file, lengthBytes }) => `${file} ${lengthBytes}`)
      expect(await listed()).toEqual(['a 1', 'b 0', 'c.log 2'])
      await disk.remove('b')
      await disk.remove('never')
      expect(await listed()).toEqual(['a 1', 'c.log 2'])
    })

    it('knows how much room there is', async () => {
      const { freeBytes, totalBytes } = await disk.space()
      expect(freeBytes).toBeGreaterThan(0)
      expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
    })

    it('refuses use after the end, and an empty file is one', async () => {
      const file = await disk.open('a')
      await file.close()
      await file.close()
      await expect(file.append(bytes(1))).rejects.toSatisfy((error) => hasCode(error, 'CORE_STOPPED'))
      expect(await disk.list()).toEqual([{ name: 'a', lengthBytes: 0 }])
    })

    it.each(['', '.', '..', '.hidden', 'a/b', '../a', 'A', 'a'.repeat(65), 'a\0b'])(
      'has no file named %j',
      async (bad) => {
        await expect(disk.open(bad)).rejects.toThrow(RangeError)
        await expect(disk.remove(bad)).rejects.toThrow(RangeError)
      },
    )
  })
}
