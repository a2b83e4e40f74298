import { describe, expect, test } from 'vitest'
import { MemoryShelf } from '../src/memory-shelf.ts'
import { compileModule } from '../src/prepare.ts'
import { CallRunner } from '../src/run.ts'
import { functionCall, limits, packed } from './calls.ts'
import { type Code, ModuleBuilder, op } from './module-builder.ts'

const PAGE_BYTES = 65_536

/** Returns its whole memory but the first 16 bytes, and fills it before or after that. */
function spy(...before: Code[]): Uint8Array {
  return new ModuleBuilder().steadFunction([before, op.i64(packed(16, PAGE_BYTES - 16))]).build()
}

const fill: Code = [op.i32(16), op.i32(0xaa), op.i32(PAGE_BYTES - 16), 0xfc, 11, 0]
const grow: Code = [op.i32(1), 0x40, 0, 0x1a]

describe('memories that are used again', () => {
  const calls = new CallRunner()
  const secret = functionCall(new TextEncoder().encode('a secret of the one before'))
  const nothing = functionCall(new Uint8Array(0))
  const left = (bytes: Uint8Array = spy()): Uint8Array => {
    const outcome = calls.run(compileModule(bytes), nothing, limits())
    if (outcome.status !== 'ok') throw new Error(outcome.status)
    return outcome.output
  }

  test.each([
    ['that ended', spy(fill)],
    ['that trapped', spy(fill, op.unreachable)],
    ['that ran out of fuel', spy(fill, op.loop(op.br(0)))],
    ['that grew its memory', spy(fill, grow, fill)],
    [
      'whose data did not fit',
      new ModuleBuilder()
        .data(100, [1, 2, 3])
        .data(PAGE_BYTES - 1, [4, 5])
        .steadFunction(op.i64(0))
        .build(),
    ],
  ])('hold nothing of a guest %s', (_, bytes) => {
    calls.run(compileModule(bytes), secret, limits())
    expect(left().every((byte) => byte === 0)).toBe(true)
    // The same module again is a stranger to itself.
    expect(left(spy(fill)).every((byte) => byte === 0xaa)).toBe(true)
    expect(left().every((byte) => byte === 0)).toBe(true)
  })

  test('are the same ones for the same size, up to 2 MiB, four at most, and none that grew', () => {
    const shelf = new MemoryShelf()
    const small = shelf.take({ min: 1, max: 9 })
    shelf.giveBack({ min: 1, max: 9 }, small)
    expect(shelf.take({ min: 1, max: 8 })).not.toBe(small)
    expect(shelf.take({ min: 1, max: 9 })).toBe(small)
    // It is somebody's now.
    expect(shelf.take({ min: 1, max: 9 })).not.toBe(small)
    const grown = shelf.take({ min: 2, max: 9 })
    ;(grown as unknown as { grow(pages: number): number }).grow(1)
    shelf.giveBack({ min: 2, max: 9 }, grown)
    expect(shelf.take({ min: 2, max: 9 })).not.toBe(grown)
    const large = shelf.take({ min: 33, max: 40 })
    shelf.giveBack({ min: 33, max: 40 }, large)
    expect(shelf.take({ min: 33, max: 40 })).not.toBe(large)
    for (let max = 10; max < 15; max++) shelf.giveBack({ min: 1, max }, shelf.take({ min: 1, max }))
    const kept = [10, 11, 12, 13, 14].map((max) => shelf.take({ min: 1, max }))
    for (const [index, memory] of kept.entries()) shelf.giveBack({ min: 1, max: 10 + index }, memory)
    expect(shelf.take({ min: 1, max: 10 })).not.toBe(kept[0])
    expect(shelf.take({ min: 1, max: 14 })).toBe(kept[4])
  })
})
