import { hasCode } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { allOf, bytesOf, type ComplianceBench, refused } from './compliance-bench.ts'

/** Writes that fail, are cancelled or are refused by a condition. */
export function writesCompliance(bench: ComplianceBench): void {
  describe('writes that are given up', () => {
    const sizes = [10, 2_000_000, 20_000_000]

    it.each(sizes)('leave what was there when the body fails after %i bytes', async (lengthBytes) => {
      await bench.put('a', 'before')
      async function* body(): AsyncGenerator<Uint8Array> {
        yield bytesOf(lengthBytes)
        throw new Error('the line broke')
      }
      await expect(bench.store.put('bucket', 'a', body())).rejects.toThrow('the line broke')
      await expect(bench.store.put('bucket', 'b', body())).rejects.toThrow('the line broke')
      expect(await bench.textOf('a')).toBe('before')
      expect(await bench.keysOf()).toEqual(['a'])
    })

    it.each(sizes)('leave what was there when they are cancelled after %i bytes', async (lengthBytes) => {
      await bench.put('a', 'before')
      const controller = new AbortController()
      async function* body(): AsyncGenerator<Uint8Array> {
        yield bytesOf(lengthBytes)
        controller.abort()
        // A body that hangs: the end must not wait for it.
        await new Promise<void>(() => undefined)
      }
      await refused(bench.store.put('bucket', 'a', body(), { signal: controller.signal }), 'CORE_ABORTED')
      await refused(bench.store.put('bucket', 'b', [], { signal: AbortSignal.abort() }), 'CORE_ABORTED')
      await refused(bench.store.get('bucket', 'a', { signal: AbortSignal.abort() }), 'CORE_ABORTED')
      expect(await bench.textOf('a')).toBe('before')
      expect(await bench.keysOf()).toEqual(['a'])
    })

    it('end the body that they do not read any further', async () => {
      const controller = new AbortController()
      let isEnded = false
      async function* body(): AsyncGenerator<Uint8Array> {
        try {
          yield bytesOf(10)
          controller.abort()
          yield bytesOf(10)
        } finally {
          isEnded = true
        }
      }
      await refused(bench.store.put('bucket', 'a', body(), { signal: controller.signal }), 'CORE_ABORTED')
      expect(isEnded).toBe(true)
    })

    it('end a read that is under way', async () => {
      await bench.store.put('bucket', 'a', [bytesOf(20_000_000)])
      const controller = new AbortController()
      const { body } = await bench.store.get('bucket', 'a', { signal: controller.signal })
      const chunks = body[Symbol.asyncIterator]()
      await chunks.next()
      controller.abort()
      await refused(chunks.next(), 'CORE_ABORTED')
    })
  })
  describe('conditions', () => {
    it('hold or refuse a write', async () => {
      const absent = { condition: { is: 'absent' } } as const
      const present = (etag: string) => ({ condition: { is: 'present', etag } }) as const
      await refused(bench.store.put('bucket', 'a', [], present('x')), 'STORAGE_CONDITION')
      await bench.store.put('bucket', 'a', [], { ...absent, etag: () => 'one' })
      await refused(bench.store.put('bucket', 'a', [], absent), 'STORAGE_CONDITION')
      await refused(bench.store.put('bucket', 'a', [], present('two')), 'STORAGE_CONDITION')
      await bench.store.put('bucket', 'a', [], { ...present('one'), etag: () => 'two' })
      await refused(bench.store.delete('bucket', 'a', present('one')), 'STORAGE_CONDITION')
      await refused(
        bench.store.copy({ bucket: 'bucket', key: 'a' }, { bucket: 'bucket', key: 'a' }, absent),
        'STORAGE_CONDITION',
      )
      await bench.store.delete('bucket', 'a', present('two'))
      await bench.store.put('bucket', 'a', [], absent)
    })

    it('take a deleted object for absent', async () => {
      await bench.store.setVersioning('bucket', 'on')
      await bench.put('a', '1')
      await bench.store.delete('bucket', 'a')
      await bench.store.put('bucket', 'a', [bytesOf(2_000_000)], { condition: { is: 'absent' } })
    })

    it.each([10, 2_000_000])('let exactly one of many writers of %i bytes through', async (lengthBytes) => {
      const stores = [...(await Promise.all([bench.open(), bench.open()])), bench.store]
      const writers = Array.from({ length: 9 }, (_, index) => {
        const writer = stores[index % stores.length] ?? bench.store
        const etag = (): string => `writer ${index}`
        return writer.put('bucket', 'a', [bytesOf(lengthBytes, index)], { condition: { is: 'absent' }, etag })
      })
      const settled = await Promise.allSettled(writers)
      const won = settled.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
      expect(won.length).toBe(1)
      for (const result of settled)
        if (result.status === 'rejected') expect(hasCode(result.reason, 'STORAGE_CONDITION')).toBe(true)
      const { info, body } = await bench.store.get('bucket', 'a')
      expect(info.etag).toBe(`writer ${won[0]}`)
      expect(Buffer.compare(await allOf(body), bytesOf(lengthBytes, won[0]))).toBe(0)
    })
  })
}
