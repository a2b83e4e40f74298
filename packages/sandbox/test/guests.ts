import { packed } from './calls.ts'
import { type Code, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'

/** Pushes the i64 that returns the input as the output. */
const inputRange: Code = [op.get(0), 0xad, op.i64(32), 0x86, op.get(1), 0xad, 0x84]

/** Small modules, friendly and hostile, that several tests run. */
export const guests = {
  /** Returns its input. */
  echo: (): Uint8Array => new ModuleBuilder().steadFunction(inputRange).build(),

  /** Never returns; its loop pays fuel. */
  endlessLoop: (): Uint8Array => new ModuleBuilder().steadFunction([op.loop(op.br(0)), op.i64(0)]).build(),

  /** Repeats one instruction sequence for ever. */
  repeat: (body: Code, builder: ModuleBuilder = new ModuleBuilder()): Uint8Array =>
    builder.steadFunction([op.loop(body, op.br(0)), op.i64(0)]).build(),

  /** Loops when the first input byte is 1, otherwise returns its input. */
  loopOnDemand: (): Uint8Array =>
    new ModuleBuilder()
      .steadFunction([[op.get(0), 0x2d, 0, 0, op.i32(1), 0x46, op.if(op.loop(op.br(0)))], inputRange])
      .build(),

  /** Its start function runs for ever. */
  endlessStart: (): Uint8Array => {
    const builder = new ModuleBuilder()
    const start = builder.function({ body: op.loop(op.br(0)) })
    return builder.start(start).steadFunction(op.i64(0)).build()
  },

  /** Its start function traps. */
  trappingStart: (): Uint8Array => {
    const builder = new ModuleBuilder()
    const start = builder.function({ body: op.unreachable })
    return builder.start(start).steadFunction(op.i64(0)).build()
  },

  /** Calls itself directly, for ever. */
  recursion: (): Uint8Array => {
    const builder = new ModuleBuilder()
    const self = builder.function({ body: op.call(0) })
    return builder.steadFunction([op.call(self), op.i64(0)]).build()
  },

  /** Two functions that call each other through a table, for ever. */
  indirectRecursion: (): Uint8Array => {
    const builder = new ModuleBuilder().table(2)
    const type = builder.type([], [])
    builder.function({ body: [op.i32(1), 0x11, ...u32(type), 0] })
    builder.function({ body: [op.i32(0), 0x11, ...u32(type), 0] })
    return builder
      .elements(0, 0, 1)
      .steadFunction([op.call(0), op.i64(0)])
      .build()
  },

  /** Recursion with frames of 8 kB. */
  wideRecursion: (): Uint8Array => {
    const builder = new ModuleBuilder()
    const self = builder.function({ locals: [[1000, I64]], body: op.call(0) })
    return builder.steadFunction([op.call(self), op.i64(0)]).build()
  },

  /**
   * Recursion whose function computes the same values before and after the call, which an optimising compiler keeps on
   * the stack meanwhile.
   */
  keptValuesRecursion: (count: number): Uint8Array => {
    const value = (index: number): Code => [op.get(0), op.i64(index * 7919 + 12345), 0x7e]
    const values = Array.from({ length: count }, (_, index) => index)
    const builder = new ModuleBuilder()
    const self = builder.function({
      parameters: [I64],
      results: [I64],
      locals: [[1, I64]],
      body: [
        values.map((index) => [value(index), op.get(1), 0x7c, op.set(1)]),
        [op.get(1), op.call(0), op.set(1)],
        values.map((index) => [value(index), op.get(1), 0x85, op.set(1)]),
        op.get(1),
      ],
    })
    return builder.steadFunction([op.i64(1), op.call(self), 0x1a, op.i64(0)]).build()
  },

  /** Grows memory by `step` pages until it is refused, then traps. */
  memoryBomb: (step: number): Uint8Array =>
    new ModuleBuilder()
      .steadFunction([op.loop(op.i32(step), 0x40, 0, op.i32(-1), 0x47, op.brIf(0)), op.unreachable, op.i64(0)])
      .build(),

  /** Claims an output of `length` bytes. */
  claimOutput: (pointer: number, length: number): Uint8Array =>
    new ModuleBuilder().steadFunction(op.i64(packed(pointer, length))).build(),

  /** Returns all of its memory and writes its input all over it. */
  dirty: (): Uint8Array =>
    new ModuleBuilder()
      .steadFunction(
        [
          op.loop(
            [op.get(2), op.get(0), 0x2d, 0, 0, 0x3a, 0, 0],
            [op.get(2), op.i32(1), 0x6a, op.tee(2), op.i32(65_536), 0x47, op.brIf(0)],
          ),
          op.i64(0),
        ],
        [[1, I32]],
      )
      .build(),

  /** Returns its whole memory as it found it. */
  reveal: (): Uint8Array => new ModuleBuilder().steadFunction(op.i64(packed(0, 65_536))).build(),

  /** A data segment that lies outside memory. */
  dataOutOfRange: (): Uint8Array =>
    new ModuleBuilder().data(65_530, [1, 2, 3, 4, 5, 6, 7, 8]).steadFunction(op.i64(0)).build(),

  /** Runs one code sequence and returns nothing. */
  body: (body: Code, builder: ModuleBuilder = new ModuleBuilder()): Uint8Array =>
    builder.steadFunction([body, op.i64(0)]).build(),
} as const
