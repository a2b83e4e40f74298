import { type Code, F64, I32, I64, op, u32 } from './module-builder.ts'
import { randomLoop } from './random-loop.ts'
import type { SeededNumbers } from './seeded-numbers.ts'

const V128 = 0x7b
const EMPTY = 0x40
/** i32s for expressions, three counters with a limit each, then two of each other type. */
const PLAIN = 3
const COUNTERS = 3

/** Parameters and results of a generated function. */
export interface Signature {
  readonly parameters: readonly number[]
  readonly results: readonly number[]
}

/** What a generated body may refer to. */
export interface RandomBodyContext {
  readonly numbers: SeededNumbers
  /** All functions of the program, by index; table entry n holds function n modulo their number. */
  readonly functions: readonly Signature[]
  /** Which of them is written. */
  readonly own: number
  readonly tableSize: number
  typeIndex(signature: Signature): number
}

/** Local declarations of every generated function. */
export const bodyLocals: readonly (readonly [count: number, type: number])[] = [
  [PLAIN + 2 * COUNTERS, I32],
  [2, I64],
  [2, F64],
  [2, V128],
]

/** Writes a function body at random: valid, of any control flow, mostly ending after some thousand units. */
export class RandomBody {
  readonly #context: RandomBodyContext
  readonly #numbers: SeededNumbers
  readonly #firstLocal: number
  /** Values that a branch to each open label carries, innermost last. */
  #labels: (readonly number[])[] = []
  #budget = 0
  #loops = 0

  constructor(context: RandomBodyContext) {
    this.#context = context
    this.#numbers = context.numbers
    this.#firstLocal = this.#own.parameters.length
  }

  write(): Code {
    this.#labels = [this.#own.results]
    this.#budget = 6 + this.#numbers.below(50)
    return [this.#statements(4), this.#values(this.#own.results, 3)]
  }

  get #own(): Signature {
    return this.#context.functions[this.#context.own] as Signature
  }

  #values(types: readonly number[], depth: number): Code {
    return types.map((type) => this.#expression(type, depth))
  }

  #statements(depth: number): Code {
    const code: Code[] = []
    for (let count = 1 + this.#numbers.below(4); count > 0 && this.#budget > 0; count--)
      code.push(this.#statement(depth))
    return code
  }

  #statement(depth: number): Code {
    this.#budget--
    const kinds = depth <= 0 || this.#budget <= 0 ? 9 : 20
    switch (this.#numbers.below(kinds)) {
      case 0:
      case 1:
      case 2:
        return this.#assignment()
      case 3:
        return [this.#address(), this.#expression(I32, 2), 0x36, 2, 0]
      case 4:
        return [this.#expression(I32, 2), 0x24, 0]
      case 5:
        return this.#rare()
      case 6:
        return this.#branch(depth)
      case 7:
        return this.#call()
      case 8:
        return [this.#expression(I32, 3), 0x1a]
      case 9:
      case 10:
        return [this.#expression(I32, 2), op.if(this.#inside(depth, []))]
      case 11:
        return [
          [this.#expression(I32, 2), 0x04, EMPTY],
          [this.#inside(depth, []), 0x05, this.#inside(depth, []), 0x0b],
        ]
      case 12:
        return op.block(this.#inside(depth, []))
      case 13:
        return this.#branchTable(depth)
      case 14:
        return this.#manyValues(depth)
      default:
        return this.#loop(depth)
    }
  }

  #assignment(): Code {
    const type = this.#numbers.pick([I32, I32, I64, F64, V128])
    return [this.#expression(type, 2), op.set(this.#local(type))]
  }

  /** Statements inside new labels. */
  #inside(depth: number, ...labels: readonly (readonly number[])[]): Code {
    this.#labels.push(...labels)
    const code = this.#statements(depth - 1)
    this.#labels.length -= labels.length
    return code
  }

  #loop(depth: number): Code {
    // Loops in loops count with other locals, or nothing would ever end.
    const counter = this.#firstLocal + PLAIN + 2 * (this.#loops % COUNTERS)
    this.#loops++
    const code = randomLoop({
      numbers: this.#numbers,
      counter,
      limit: counter + 1,
      other: this.#local(I32),
      oneParameter: u32(this.#context.typeIndex({ parameters: [I32], results: [] })),
      inside: (...labels) => this.#inside(depth, ...labels),
    })
    this.#loops--
    return code
  }

  #branch(depth: number): Code {
    const label = this.#numbers.below(this.#labels.length)
    const carried = this.#labels[this.#labels.length - 1 - label] as readonly number[]
    const values = this.#values(carried, 1)
    const drops = carried.map(() => 0x1a)
    if (depth > 2 || this.#numbers.below(3) > 0) return [values, this.#expression(I32, 1), op.brIf(label), drops]
    if (this.#numbers.chance(3)) return [this.#values(this.#own.results, 1), 0x0f]
    return this.#numbers.chance(2) ? [values, this.#expression(I32, 1), 0x0e, 0, ...u32(label)] : [values, op.br(label)]
  }

  /** A switch over blocks that carry nothing. */
  #branchTable(depth: number): Code {
    const arms = 1 + this.#numbers.below(4)
    for (let arm = 0; arm < arms; arm++) this.#labels.push([])
    let code: Code = [this.#expression(I32, 2), op.i32(7), 0x71, 0x0e, ...u32(arms)]
    code = [...code, ...Array.from({ length: arms + 1 }, () => u32(this.#numbers.below(arms)))]
    for (let arm = 0; arm < arms; arm++) {
      this.#labels.pop()
      code = [0x02, EMPTY, code, 0x0b, this.#statements(depth - 2)]
    }
    return code
  }

  /** A block, or an `if`, from one value to two. */
  #manyValues(depth: number): Code {
    const results = [I64, I32]
    const type = u32(this.#context.typeIndex({ parameters: [I32], results }))
    const arm = (): Code => {
      this.#labels.push(results)
      const code = [op.set(this.#local(I32)), this.#statements(depth - 1), this.#values(results, 2)]
      this.#labels.pop()
      return code
    }
    const store = [op.set(this.#local(I32)), op.set(this.#local(I64))]
    if (this.#numbers.chance(2)) return [this.#expression(I32, 2), 0x02, ...type, arm(), 0x0b, store]
    const condition = this.#values([I32, I32], 2)
    return [[condition, 0x04, ...type], [arm(), 0x05, arm(), 0x0b], store]
  }

  /** A call, direct or through the table; mostly of a later function, so that most trees of calls end. */
  #call(): Code {
    const { functions, own } = this.#context
    const later = functions.length - own - 1
    const callee =
      later > 0 && !this.#numbers.chance(10)
        ? own + 1 + this.#numbers.below(later)
        : this.#numbers.below(functions.length)
    // Recursion ends when a bit of memory, counted on the way, says so.
    if (callee > own || this.#numbers.chance(3)) return this.#invocation(callee)
    const flag = op.i32(3000 + 4 * own)
    this.#labels.push([])
    const once = [flag, flag, 0x28, 2, 0, op.i32(1), 0x6a, 0x36, 2, 0, this.#invocation(callee)]
    this.#labels.pop()
    return [flag, 0x28, 2, 0, op.i32(this.#numbers.pick([3, 10, 200])), 0x48, op.if(once)]
  }

  #invocation(callee: number): Code {
    const signature = this.#context.functions[callee] as Signature
    const entry = this.#numbers.chance(9) ? this.#numbers.below(this.#context.tableSize) : callee
    const invoke = this.#numbers.chance(3)
      ? [op.i32(entry), 0x11, ...u32(this.#context.typeIndex(signature)), 0]
      : op.call(callee)
    const results = [...signature.results].reverse().map((type) => op.set(this.#local(type)))
    return [this.#values(signature.parameters, 1), invoke, results]
  }

  #rare(): Code {
    switch (this.#numbers.below(8)) {
      case 0:
        return this.#numbers.chance(4) ? op.unreachable : [0x01]
      case 1:
        return this.#numbers.chance(4) ? [op.i32(1), 0x40, 0, 0x1a] : [0x3f, 0, 0x1a]
      case 2:
        return [this.#address(), this.#expression(I32, 1), op.i32(this.#numbers.below(300)), 0xfc, 11, 0]
      case 3:
        return [this.#address(), this.#address(), op.i32(this.#numbers.below(300)), 0xfc, 10, 0, 0]
      default:
        return this.#assignment()
    }
  }

  #local(type: number): number {
    const first = this.#firstLocal
    const others = first + PLAIN + 2 * COUNTERS
    const parameter = this.#own.parameters.indexOf(type)
    if (parameter >= 0 && this.#numbers.chance(3)) return parameter
    if (type === I32)
      return this.#numbers.chance(20) ? others - 1 - this.#numbers.below(6) : first + this.#numbers.below(PLAIN)
    return others + 2 * [I64, F64, V128].indexOf(type) + this.#numbers.below(2)
  }

  #address(): Code {
    return [this.#expression(I32, 1), op.i32(this.#numbers.chance(30) ? 0xfffffff : 0x3fc), 0x71]
  }

  #expression(type: number, depth: number): Code {
    if (depth <= 0 || this.#numbers.chance(4)) return this.#leaf(type)
    const next = (of: number): Code => this.#expression(of, depth - 1)
    if (this.#numbers.chance(8) && type !== V128) return [next(type), next(type), next(I32), 0x1b]
    if (this.#numbers.chance(9)) return this.#conditional(type, next)
    if (this.#numbers.chance(10)) return this.#valueBlock(type, depth)
    if (type === I64) return this.#expression64(next)
    if (type === F64) return this.#expressionFloat(next)
    if (type === V128) return this.#expressionVector(next)
    switch (this.#numbers.below(9)) {
      case 0:
        return [next(I64), 0xa7]
      case 1:
        return [next(F64), next(F64), this.#numbers.pick([0x61, 0x62, 0x63, 0x65])]
      case 2:
        return [this.#address(), 0x28, 2, 0]
      case 3:
        return [next(V128), 0xfd, 27, this.#numbers.below(4)]
      case 4:
        // Divided by an odd number, most times.
        return [
          next(I32),
          next(I32),
          this.#numbers.chance(20) ? [] : [op.i32(1), 0x72],
          this.#numbers.pick([0x6e, 0x70]),
        ]
      case 5:
        return [next(F64), 0xfc, 2]
      default:
        return [next(I32), next(I32), this.#numbers.pick([0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x76, 0x48, 0x4f])]
    }
  }

  #expression64(next: (type: number) => Code): Code {
    if (this.#numbers.chance(3)) return [next(I32), 0xac]
    if (this.#numbers.chance(8)) return [next(I64), [next(I64), op.i64(1), 0x84], 0x80]
    return [next(I64), next(I64), this.#numbers.pick([0x7c, 0x7d, 0x7e, 0x83, 0x85, 0x89])]
  }

  #expressionFloat(next: (type: number) => Code): Code {
    if (this.#numbers.chance(3)) return [next(I32), 0xb7]
    return [next(F64), next(F64), this.#numbers.pick([0xa0, 0xa1, 0xa2, 0xa3])]
  }

  #expressionVector(next: (type: number) => Code): Code {
    if (this.#numbers.chance(3)) return [next(I32), 0xfd, 17]
    return [next(V128), next(V128), 0xfd, this.#numbers.pick([78, 80, 81, [174, 1], [181, 1]])]
  }

  #conditional(type: number, next: (type: number) => Code): Code {
    const condition = next(I32)
    this.#labels.push([type])
    const code = [condition, 0x04, type, next(type), 0x05, next(type), 0x0b]
    this.#labels.pop()
    return code
  }

  /** A block with a value, left early now and then. */
  #valueBlock(type: number, depth: number): Code {
    this.#labels.push([type])
    const early = [this.#expression(type, depth - 2), this.#expression(I32, 1), op.brIf(0), 0x1a]
    const body = [early, this.#statements(1), this.#expression(type, depth - 1)]
    this.#labels.pop()
    return [0x02, type, body, 0x0b]
  }

  #leaf(type: number): Code {
    if (type === V128 || this.#numbers.chance(2)) return op.get(this.#local(type))
    if (type === I64) return op.i64(this.#numbers.below(100))
    if (type === F64) return [op.i32(this.#numbers.below(50)), 0xb7]
    return op.i32(this.#numbers.below(64) - 8)
  }
}
