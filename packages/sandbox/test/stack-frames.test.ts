import { describe, expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import { findFrameSpan } from '../src/meter/frame-span.ts'
import { compileModule } from '../src/prepare.ts'
import { runBare } from './metered-run.ts'
import { type Code, I32, I64, ModuleBuilder, op } from './module-builder.ts'

const BLOCK = 0x02
const CALL = 0x10
const RETURN = 0x0f
const NOTHING = 0x01
const again: Code = [op.i32(0), op.call(0)]
const calls = [op.get(0), op.if(again)]

/** Functions of one parameter that call themselves with 0 when it is 1, by how they are left afterwards. */
const forms: Readonly<Record<string, Code>> = {
  'at their end': calls,
  'at the end of a block': op.block(calls, NOTHING),
  'by br out of the block of the call': op.block(op.get(0), op.if(again, op.br(1)), NOTHING),
  'by br out of a block around it': op.block(op.block(op.get(0), op.if(again, op.br(2))), NOTHING),
  'by br_if behind the call': op.block(calls, op.get(0), op.brIf(0), NOTHING),
  'by br_if past a block around it': op.block(op.block(calls, op.get(0), op.brIf(1)), NOTHING),
  'by br_if in the arm of the call': op.block(op.get(0), op.if(again, op.get(0), op.brIf(0)), NOTHING),
  'by a table': op.block(op.block(calls, op.get(0), 0x0e, 1, 0, 1)),
  'by return in the arm': [op.get(0), op.if(again, RETURN), NOTHING],
  'by return behind it': [calls, RETURN],
  'by br to the function': [op.get(0), op.if(again, op.br(1)), NOTHING],
  'by br_if to the function': [calls, op.get(0), op.brIf(0), NOTHING],
  'through an else': [op.get(0), 0x04, 0x40, again, 0x05, NOTHING, 0x0b],
  'from an else': [op.get(0), 0x45, 0x04, 0x40, NOTHING, 0x05, again, 0x0b],
  'after an early return': [op.get(0), 0x45, op.if(RETURN), again],
  'after an early br': op.block(op.get(0), 0x45, op.brIf(0), again),
  'from a loop': op.loop(op.get(0), op.if(again), op.i32(0), op.brIf(0)),
  'from a loop in a block': op.block(op.loop(op.get(0), 0x45, op.brIf(1), again)),
}

function recursive(body: Code): ModuleBuilder {
  const builder = new ModuleBuilder()
  builder.function({ parameters: [I32], body })
  return builder
}

describe('functions that may recurse give their frame back', () => {
  for (const [name, body] of Object.entries(forms)) {
    test(`left ${name}`, () => {
      const pass = [op.i32(1), op.call(0), op.get(2), op.i32(1), 0x6b, op.tee(2), op.brIf(0)]
      const steps = [op.i32(20_000), op.set(2), op.loop(pass), op.i64(0)]
      const run = runBare(
        compileModule(
          recursive(body)
            .steadFunction(steps, [[1, I32]])
            .build(),
        ),
        2n ** 40n,
      )
      expect(run.ending).toBe('ok')
    })

    test(`left ${name}, and pay for it while they run`, () => {
      // Calls itself with 1 for ever.
      const endless = JSON.parse(JSON.stringify(body).replace(JSON.stringify(op.i32(0)), JSON.stringify(op.i32(1))))
      const bytes = recursive(endless as Code)
        .steadFunction([op.i32(1), op.call(0), op.i64(0)])
        .build()
      expect(runBare(compileModule(bytes), 2n ** 40n).ending).toBe('stack-overflow')
    })
  }

  test('and take a large one before anything runs, since the thread has no room to spare for it', () => {
    const builder = new ModuleBuilder()
    // 160 KB each: the third does not fit, although it would return at once.
    const less = [op.get(0), op.i32(1), 0x6b, op.call(0)]
    builder.function({ parameters: [I32], locals: [[20_000, I64]], body: [op.get(0), op.if(less)] })
    const bytes = builder.steadFunction([op.i32(2), op.call(0), op.i64(0)]).build()
    expect(runBare(compileModule(bytes), 2n ** 40n).ending).toBe('stack-overflow')
  })

  test('and take none where they return without a call, if nothing but br and return leaves behind it', () => {
    const spanOf = (body: Code): object | undefined => {
      const view = readModule(recursive(body).steadFunction(op.i64(0)).build())
      const code = new FunctionReader(view.bytes).read(view.bodies[0] ?? { start: 0, end: 0 })
      const span = findFrameSpan(code, (index) => code.operations[index] === CALL)
      return span && { enters: code.operations[span.enter], exits: span.exits.size }
    }
    expect(spanOf(calls)).toEqual({ enters: CALL, exits: 0 })
    expect(spanOf([op.get(0), 0x45, op.if(RETURN), again])).toEqual({ enters: CALL, exits: 0 })
    expect(spanOf(op.block(op.get(0), op.if(again, op.br(1)), NOTHING))).toEqual({ enters: CALL, exits: 1 })
    // Inside a loop a frame would be taken and given back in each pass.
    expect(spanOf(op.block(op.loop(op.get(0), 0x45, op.brIf(1), again)))).toEqual({ enters: BLOCK, exits: 0 })
    expect(spanOf([calls, op.get(0), op.brIf(0), NOTHING])).toEqual({ enters: CALL, exits: 0 })
    expect(spanOf([op.get(0), op.if(again, op.get(0), op.brIf(1))])).toBeUndefined()
  })
})
