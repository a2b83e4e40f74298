import { guests } from './guests.ts'
import { type Code, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'

const GIB = 2 ** 30
/** `memory.fill` of all three operands on the stack. */
const FILL = [0xfc, 11, 0]
const COPY = [0xfc, 10, 0, 0]
const INIT = [0xfc, 8, 0, 0]
const TABLE_INIT = [0xfc, 12, 0, 0]
const TABLE_COPY = [0xfc, 14, 0, 0]
const TABLE_GROW = [0xfc, 15, 0]
const TABLE_FILL = [0xfc, 17, 0]
const NULL_FUNCTION = [0xd0, 0x70]
const DROP = 0x1a

/** A module whose `stead_run` first calls each of the functions that `add` made. */
function callingAll(add: (builder: ModuleBuilder) => readonly number[]): Uint8Array {
  const builder = new ModuleBuilder()
  const functions = add(builder)
  return builder.steadFunction([functions.map((index) => op.call(index)), op.i64(0)]).build()
}

/** A body of about `bytes` bytes of arithmetic without a branch. */
function straightCode(bytes: number): Code {
  const step = [...op.get(0), ...op.i32(3), 0x6a, ...op.set(0)]
  return new Array(Math.floor(bytes / step.length)).fill(step)
}

/** Conditional branches out of as many blocks. */
function branches(count: number): Code {
  return new Array(count).fill(op.block(op.get(0), 0xa7, op.brIf(0)))
}

/** Waits for nothing, never returns: each must be ended from outside, whatever instruction it is in. */
export const endlessGuests: Readonly<Record<string, () => Uint8Array>> = {
  'an endless loop': () => guests.endlessLoop(),
  'an endless start function': () => guests.endlessStart(),
  'a loop of 1 GiB fills': () =>
    guests.repeat([op.i32(0), op.i32(1), op.i32(GIB), FILL], new ModuleBuilder().memory(16_384)),
  'a loop of 512 MiB copies': () =>
    guests.repeat([op.i32(0), op.i32(GIB / 2), op.i32(GIB / 2), COPY], new ModuleBuilder().memory(16_384)),
  'a loop of overlapping copies downwards': () =>
    guests.repeat([op.i32(1), op.i32(0), op.i32(GIB - 1), COPY], new ModuleBuilder().memory(16_384)),
  'a loop of data initialisations': () =>
    guests.repeat(
      [op.i32(0), op.i32(0), op.i32(60_000), INIT],
      new ModuleBuilder().passiveData(new Array(60_000).fill(3)),
    ),
  'a loop of growth that is refused': () => guests.repeat([op.i32(1), 0x40, 0, DROP]),
  'a loop of growth by nothing': () => guests.repeat([op.i32(0), 0x40, 0, DROP]),
  'a loop of table fills': () =>
    guests.repeat([op.i32(0), NULL_FUNCTION, op.i32(100_000), TABLE_FILL], new ModuleBuilder().table(100_000)),
  'a loop of table copies': () =>
    guests.repeat([op.i32(0), op.i32(1), op.i32(99_999), TABLE_COPY], new ModuleBuilder().table(100_000)),
  'a loop of table initialisations': () => {
    const builder = new ModuleBuilder().table(100_000)
    const target = builder.function({ body: [] })
    builder.passiveElements(...new Array<number>(100_000).fill(target))
    return guests.repeat([op.i32(0), op.i32(0), op.i32(100_000), TABLE_INIT], builder)
  },
  'a loop of table growth': () =>
    guests.repeat([NULL_FUNCTION, op.i32(1000), TABLE_GROW, DROP], new ModuleBuilder().table(1)),
  'a loop of calls': () => {
    const builder = new ModuleBuilder()
    const target = builder.function({ body: [] })
    return guests.repeat(op.call(target), builder)
  },
  'a loop of 64-bit divisions': () => guests.repeat([op.i64(-3), op.i64(7), 0x7f, DROP]),
  'a loop over 1 MB of code': () => guests.repeat(straightCode(1_000_000)),
  'a loop that touches every page': () =>
    new ModuleBuilder()
      .memory(16_384)
      .steadFunction([
        op.loop(
          [op.get(0), op.i32(1), 0x36, 2, 0],
          [op.get(0), op.i32(4096), 0x6a],
          [op.i32(GIB - 1), 0x71],
          op.set(0),
          op.br(0),
        ),
        op.i64(0),
      ])
      .build(),
  'two loops that call each other for ever': () => {
    const builder = new ModuleBuilder().table(2)
    const type = builder.type([I32], [I32])
    const body = (other: number): Code => [
      [op.get(0), 0x45, op.if(op.i32(0), 0x0f)],
      op.loop([op.get(0), op.i32(1), 0x6b, op.i32(other), 0x11, ...u32(type), 0, DROP, op.br(0)]),
      op.unreachable,
    ]
    builder.function({ parameters: [I32], results: [I32], body: body(1) })
    builder.function({ parameters: [I32], results: [I32], body: body(0) })
    return builder
      .elements(0, 0, 1)
      .steadFunction([op.i32(1000), op.call(0), DROP, op.i64(0)])
      .build()
  },
}

/** Recursion that never ends by itself, one way or another: each must be told as a stack overflow. */
export const recursiveGuests: Readonly<Record<string, () => Uint8Array>> = {
  'endless recursion': () => guests.recursion(),
  'mutual recursion through a table': () => guests.indirectRecursion(),
  'recursion with frames of 8 kB': () => guests.wideRecursion(),
  'recursion whose values the compiler keeps': () => guests.keptValuesRecursion(2000),
  'recursion in the start function': () => {
    const builder = new ModuleBuilder()
    const start = builder.function({ body: op.call(0) })
    return builder.start(start).steadFunction(op.i64(0)).build()
  },
  'recursion with 20,000 locals': () => {
    const builder = new ModuleBuilder()
    const self = builder.function({ locals: [[20_000, I64]], body: op.call(0) })
    return builder.steadFunction([op.call(self), op.i64(0)]).build()
  },
  'recursion with 256 parameters and 64 results': () => {
    const builder = new ModuleBuilder()
    const types = { parameters: new Array<number>(256).fill(I64), results: new Array<number>(64).fill(I64) }
    const values = new Array<Code>(256).fill(op.i64(5))
    const self = builder.function({ ...types, body: [values, op.call(0)] })
    return builder.steadFunction([values, op.call(self), new Array(64).fill(DROP), op.i64(0)]).build()
  },
  'recursion with 10,000 operands waiting': () => {
    const builder = new ModuleBuilder()
    const self = builder.function({
      parameters: [I64],
      results: [I64],
      body: [new Array(10_000).fill(op.get(0)), op.get(0), op.call(0), new Array(10_000).fill(0x7c)],
    })
    return builder.steadFunction([op.i64(1), op.call(self), DROP, op.i64(0)]).build()
  },
}

/** Ends, after having asked for as much of something as it may. */
export const costlyGuests: Readonly<Record<string, () => Uint8Array>> = {
  'one function of 2 MB after the other, each compiled when it is called': () =>
    callingAll((builder) =>
      Array.from({ length: 3 }, () => builder.function({ locals: [[1, I32]], body: straightCode(2_000_000) })),
    ),
  'one function after the other, each as hard to compile as is allowed': () =>
    callingAll((builder) =>
      Array.from({ length: 10 }, () =>
        builder.function({ locals: [[500, I64]], body: [op.i64(1), op.set(0), branches(3_500)] }),
      ),
    ),
  'a module with 4 GiB of memory': () => new ModuleBuilder().memory(65_536).steadFunction(op.i64(0)).build(),
  '16 tables of all entries that are allowed': () => {
    const builder = new ModuleBuilder()
    for (let count = 0; count < 16; count++) builder.table(131_072)
    return builder.steadFunction(op.i64(0)).build()
  },
  'element segments of all entries that are allowed': () => {
    const builder = new ModuleBuilder().table(131_072)
    const target = builder.function({ body: [] })
    for (let left = 262_144; left > 0; left -= 65_536) builder.elements(0, ...new Array<number>(65_536).fill(target))
    return builder.steadFunction(op.i64(0)).build()
  },
  'a million table initialisations': () => {
    const builder = new ModuleBuilder().table(10)
    const target = builder.function({ body: [] })
    return builder
      .passiveElements(target, target)
      .steadFunction(
        [
          op.loop(
            [op.i32(0), op.i32(0), op.i32(2), TABLE_INIT],
            [op.get(2), op.i32(1), 0x6a, op.tee(2), op.i32(1_000_000), 0x47, op.brIf(0)],
          ),
          op.i64(0),
        ],
        [[1, I32]],
      )
      .build()
  },
  'an element segment out of range': () => {
    const builder = new ModuleBuilder().table(1)
    const target = builder.function({ body: [] })
    return builder.elements(1, target).steadFunction(op.i64(0)).build()
  },
  'a data segment out of range': () => guests.dataOutOfRange(),
  'a data segment at a negative address': () => new ModuleBuilder().data(-1, [1]).steadFunction(op.i64(0)).build(),
  'an output of all of its memory': () => guests.claimOutput(0, 65_536),
  'an output that begins where memory ends': () => guests.claimOutput(65_536, 0),
  'an output beyond memory': () => guests.claimOutput(65_536, 1),
  'a call chain of 2,000 functions with 1,000 locals each': () => {
    const builder = new ModuleBuilder()
    for (let index = 0; index < 2000; index++)
      builder.function({ locals: [[1000, I64]], body: index === 0 ? [] : op.call(index - 1) })
    return builder.steadFunction([op.call(1999), op.i64(0)]).build()
  },
  'a switch over 65,520 cases': () =>
    new ModuleBuilder()
      .steadFunction([op.block(op.i32(-1), 0x0e, ...u32(65_520), new Array(65_521).fill(0)), op.i64(0)])
      .build(),
  'blocks 2,000 deep and a branch out of all': () =>
    new ModuleBuilder()
      .steadFunction([new Array(2000).fill([0x02, 0x40]), op.br(1999), new Array(2000).fill(0x0b), op.i64(0)])
      .build(),
}
