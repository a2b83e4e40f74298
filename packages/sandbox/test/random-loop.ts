import { type Code, op } from './module-builder.ts'
import type { SeededNumbers } from './seeded-numbers.ts'

const EQUAL = 0x46
const NOT_EQUAL = 0x47
const ADD = 0x6a
const SUBTRACT = 0x6b
const I32 = 0x7f

/** What a generated loop is made of. */
export interface LoopParts {
  readonly numbers: SeededNumbers
  /** i32 locals: what counts, what it is compared with, and one that may be overwritten. */
  readonly counter: number
  readonly limit: number
  readonly other: number
  /** Type of a block from one i32 to none. */
  readonly oneParameter: number[]
  /** Statements inside new labels, outermost first; each is what a branch to the label carries. */
  inside(...labels: readonly (readonly number[])[]): Code
}

interface Control {
  readonly start: number
  readonly limit: number
  readonly step: number
}

const steps: readonly number[] = [1, 1, -1, -1, 2, -2, 3, 4, -6, 7, 8, -12, 1 << 16, -(1 << 20), 1 << 30, 0x55555555]
const wideSteps: readonly number[] = [
  -(2 ** 31),
  2 ** 31 - 1,
  -(2 ** 31) + 1,
  2 ** 30 + 2 ** 29,
  123_456_789,
  -1_000_000,
]
const limits: readonly number[] = [0, 0, 1, 10, -1, 64, 2 ** 31 - 1, -(2 ** 31), 1000]
const NONE: readonly number[] = []
/** eq, and lt_s to ge_u. */
const comparisons: readonly number[] = [EQUAL, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f]

/** Counts a few passes most times; some never reach their limit, and only fuel ends them. */
function control(numbers: SeededNumbers): Control {
  const step = numbers.chance(40) ? 0 : numbers.chance(6) ? numbers.pick(wideSteps) : numbers.pick(steps)
  const limit = numbers.pick(limits)
  const passes = numbers.chance(12) ? numbers.below(300) : 1 + numbers.below(9)
  // Beside the start an even step never meets its limit.
  const beside = numbers.chance(16) ? 1 : 0
  return { start: (limit - Math.imul(passes, step) + beside) | 0, limit, step }
}

/** A loop in one of the shapes that the meter knows, or in one that is nearly so. */
export function randomLoop(parts: LoopParts): Code {
  const { numbers } = parts
  const chosen = control(numbers)
  const before = [op.i32(chosen.start), op.set(parts.counter), op.i32(chosen.limit), op.set(parts.limit)]
  switch (numbers.below(12)) {
    case 0:
      return [before, whileLoop(parts, chosen)]
    case 1:
      return [before, middleExit(parts, chosen)]
    case 2:
      return [before, parameterLoop(parts, chosen)]
    case 3:
      return [before, tableLoop(parts, chosen)]
    case 4:
      return [before, op.loop(parts.inside(NONE), condition(parts, chosen), op.if(op.br(1)))]
    case 5:
      // The last instruction does not decide alone: a pass may also begin from the middle.
      return [before, op.loop(parts.inside(NONE), condition(parts, chosen), op.brIf(0), 0x01)]
    default:
      return [before, op.loop(body(parts), condition(parts, chosen), op.brIf(0))]
  }
}

/** block loop exit? body next br end end */
function whileLoop(parts: LoopParts, chosen: Control): Code {
  return op.block(
    op.loop(
      condition(parts, chosen),
      0x45,
      op.brIf(1),
      parts.inside(NONE, NONE),
      parts.numbers.chance(4) ? 0x01 : [],
      op.br(0),
    ),
  )
}

/** A loop that is left from its middle. */
function middleExit(parts: LoopParts, chosen: Control): Code {
  const first = parts.inside(NONE, NONE)
  return op.block(op.loop(first, condition(parts, chosen), 0x45, op.brIf(1), parts.inside(NONE, NONE), op.br(0)))
}

/** Each pass takes a value with it. */
function parameterLoop(parts: LoopParts, chosen: Control): Code {
  const { oneParameter, other } = parts
  const again = parts.numbers.chance(2)
    ? [op.get(other), condition(parts, chosen), op.brIf(0), 0x1a]
    : [condition(parts, chosen), op.if(op.get(other), op.br(1))]
  return [op.get(other), 0x03, ...oneParameter, op.set(other), parts.inside([I32]), again, 0x0b]
}

/** The next pass begins by a table; its index is 0 as long as the loop goes on. */
function tableLoop(parts: LoopParts, chosen: Control): Code {
  const targets = parts.numbers.chance(2) ? [1, 0, 1] : [2, 0, 1, 0]
  return op.block(op.loop(parts.inside(NONE, NONE), condition(parts, chosen), 0x45, 0x0e, ...targets))
}

/** The statements of a pass, with something in them now and then that makes the number of passes unknown. */
function body(parts: LoopParts): Code {
  const { numbers, counter, limit } = parts
  const code = parts.inside(NONE)
  if (!numbers.chance(5)) return code
  const write = (local: number): Code => [op.get(local), op.i32(1), ADD, op.set(local)]
  switch (numbers.below(7)) {
    case 0:
      return [code, write(counter)]
    case 1:
      return [op.get(parts.other), op.if(write(counter)), code]
    case 2:
      return [code, op.get(parts.other), op.if(write(limit))]
    case 3:
      return [op.get(limit), op.i32(0), ADD, op.set(limit), code]
    case 4:
      // A write that is never reached.
      return [op.block(op.br(0), write(counter)), code]
    case 5:
      return [op.get(parts.other), op.if(op.unreachable), code]
    default:
      return [op.get(counter), op.tee(counter), op.set(parts.other), code]
  }
}

/** The counter's next value and whether there is another pass. */
function condition(parts: LoopParts, { limit, step }: Control): Code {
  const { numbers } = parts
  const adds = numbers.chance(2)
  const amount = adds ? step : -step | 0
  const next = [op.get(parts.counter), op.i32(amount), adds ? ADD : SUBTRACT]
  const isLate = numbers.chance(2)
  const counted = isLate ? [...next, op.tee(parts.counter)] : op.get(parts.counter)
  const ahead = isLate ? [] : [next, op.set(parts.counter), between(parts)]
  if (limit === 0 && numbers.chance(2)) return [ahead, counted]
  const bound = numbers.chance(2) ? op.get(parts.limit) : op.i32(limit)
  const operands = numbers.chance(2) ? [counted, bound] : [bound, counted]
  if (numbers.chance(4)) return [ahead, operands, numbers.pick(comparisons)]
  return [ahead, operands, NOT_EQUAL]
}

/** What may stand between the counting and the comparison. */
function between({ numbers, counter, other }: LoopParts): Code {
  if (numbers.chance(8)) return [op.get(other), op.i32(3), 0x71, op.if(op.get(counter), op.set(other))]
  return numbers.chance(12) ? [op.get(other), op.set(counter)] : []
}
