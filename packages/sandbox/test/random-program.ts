import { packed } from './calls.ts'
import { type Code, F64, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { SeededNumbers } from './seeded-numbers.ts'

const EMPTY = 0x40
const RESULT_AT = 2048
const RESULT_BYTES = 96
const TABLE_SIZE = 8

interface Label {
  /** Value type that a branch to it carries, if any. */
  readonly type: number | undefined
}

/**
 * A valid module with random control flow: nested blocks, loops (some endless), branches of all kinds, direct and
 * indirect recursion, traps, bulk memory and growth. Its result depends on locals, memory and a global.
 */
export function randomProgram(seed: number): Uint8Array {
  return new ProgramWriter(new SeededNumbers(seed)).write()
}

class ProgramWriter {
  readonly #numbers: SeededNumbers
  readonly #builder = new ModuleBuilder()
  readonly #functionCount: number
  readonly #signature = { parameters: [I32, I64], results: [I32] }
  #labels: Label[] = []
  #budget = 0

  constructor(numbers: SeededNumbers) {
    this.#numbers = numbers
    this.#functionCount = 1 + numbers.below(4)
  }

  write(): Uint8Array {
    const builder = this.#builder
    builder
      .memory(1, 4)
      .table(TABLE_SIZE)
      .global(I32, true, ...op.i32(7))
    for (let index = 0; index < this.#functionCount; index++) {
      builder.function({
        ...this.#signature,
        locals: [
          [3, I32],
          [2, I64],
          [2, F64],
        ],
        body: this.#body(),
      })
    }
    const entries = Array.from({ length: TABLE_SIZE - 1 }, (_, index) => index % this.#functionCount)
    builder.elements(0, ...entries)
    const store = (at: number, value: Code): Code => [op.i32(RESULT_AT + at), value, 0x36, 2, ...u32(0)]
    builder.steadFunction([
      store(0, [op.i32(3), op.i64(5), op.call(0)]),
      store(4, [0x23, 0]),
      store(8, [op.get(1), op.i64(this.#numbers.below(1000)), op.call(this.#functionCount - 1)]),
      op.i64(packed(RESULT_AT, RESULT_BYTES)),
    ])
    return builder.build()
  }

  #body(): Code {
    this.#labels = [{ type: I32 }]
    this.#budget = 10 + this.#numbers.below(60)
    return [this.#statements(4), this.#expression(I32, 3)]
  }

  #statements(depth: number): Code {
    const code: Code[] = []
    for (let count = 1 + this.#numbers.below(5); count > 0 && this.#budget > 0; count--)
      code.push(this.#statement(depth))
    return code
  }

  #statement(depth: number): Code {
    this.#budget--
    const simple = depth <= 0 || this.#budget <= 0
    const kinds = simple ? 7 : 16
    switch (this.#numbers.below(kinds)) {
      case 0:
        return [this.#expression(I32, 2), op.set(this.#local(I32))]
      case 1:
        return [this.#expression(I64, 2), op.set(this.#local(I64))]
      case 2:
        return [this.#expression(F64, 2), op.set(this.#local(F64))]
      case 3:
        return [this.#address(), this.#expression(I32, 2), 0x36, 2, 0]
      case 4:
        return [this.#expression(I32, 2), 0x24, 0]
      case 5:
        return this.#rare()
      case 6:
        return this.#branch(depth)
      case 7:
      case 8:
        return [this.#expression(I32, 2), 0x04, EMPTY, this.#inside(undefined, depth), 0x0b]
      case 9:
        return [
          [this.#expression(I32, 2), 0x04, EMPTY],
          [this.#inside(undefined, depth), 0x05, this.#inside(undefined, depth), 0x0b],
        ]
      case 10:
      case 11:
        return [0x02, EMPTY, this.#inside(undefined, depth), 0x0b]
      case 12:
      case 13:
        return this.#loop(depth)
      case 14:
        return this.#branchTable(depth)
      default:
        return [this.#expression(I32, 3), 0x1a]
    }
  }

  /** Statements in a new block with this label. */
  #inside(type: number | undefined, depth: number): Code {
    this.#labels.push({ type })
    const code = this.#statements(depth - 1)
    this.#labels.pop()
    return code
  }

  /** Counts a local down to zero; sometimes forgets to, and only fuel ends it. */
  #loop(depth: number): Code {
    const counter = 2 + this.#numbers.below(3)
    const step = this.#numbers.chance(12) ? 0 : 1
    const body = this.#inside(undefined, depth)
    const again = [op.get(counter), op.i32(step), 0x6b, op.tee(counter), op.brIf(0)]
    return [op.i32(1 + this.#numbers.below(20)), op.set(counter), 0x03, EMPTY, body, again, 0x0b]
  }

  #branch(depth: number): Code {
    const label = this.#numbers.below(this.#labels.length)
    const target = this.#labels[this.#labels.length - 1 - label] as Label
    const value = target.type === undefined ? [] : this.#expression(target.type, 1)
    if (depth > 2 || this.#numbers.below(3) > 0)
      return [value, this.#expression(I32, 1), op.brIf(label), target.type === undefined ? [] : 0x1a]
    return this.#numbers.chance(3) && this.#labels[0]?.type === I32
      ? [this.#expression(I32, 1), 0x0f]
      : [value, op.br(label)]
  }

  /** A switch over blocks that carry nothing. */
  #branchTable(depth: number): Code {
    const arms = 1 + this.#numbers.below(4)
    for (let arm = 0; arm < arms; arm++) this.#labels.push({ type: undefined })
    let code: Code = [this.#expression(I32, 2), op.i32(7), 0x71, 0x0e, ...u32(arms)]
    code = [...code, ...Array.from({ length: arms + 1 }, () => u32(this.#numbers.below(arms)))]
    for (let arm = 0; arm < arms; arm++) {
      this.#labels.pop()
      code = [0x02, EMPTY, code, 0x0b, this.#statements(depth - 2)]
    }
    return code
  }

  #rare(): Code {
    switch (this.#numbers.below(8)) {
      case 0:
        return this.#numbers.chance(6) ? op.unreachable : [0x01]
      case 1:
        return [op.i32(1), 0x40, 0, 0x1a]
      case 2:
        return [this.#address(), this.#expression(I32, 1), op.i32(this.#numbers.below(300)), 0xfc, 11, 0]
      case 3:
        return [this.#address(), this.#address(), op.i32(this.#numbers.below(300)), 0xfc, 10, 0, 0]
      default:
        return [this.#expression(I32, 1), 0x1a]
    }
  }

  #local(type: number): number {
    if (type === I32) return this.#numbers.pick([0, 2, 3, 4])
    return type === I64 ? this.#numbers.pick([1, 5, 6]) : this.#numbers.pick([7, 8])
  }

  #address(): Code {
    return [this.#expression(I32, 1), op.i32(this.#numbers.chance(40) ? 0xfffffff : 0x3fc), 0x71]
  }

  #expression(type: number, depth: number): Code {
    if (depth <= 0 || this.#numbers.chance(4)) return this.#leaf(type)
    const next = (of: number): Code => this.#expression(of, depth - 1)
    if (this.#numbers.chance(8)) return [next(type), next(type), next(I32), 0x1b]
    if (this.#numbers.chance(9)) return this.#conditional(type, next)
    if (this.#numbers.chance(10)) return this.#valueBlock(type, depth)
    if (type === I64) return this.#expression64(next)
    if (type === F64) return this.#expressionFloat(next)
    switch (this.#numbers.below(9)) {
      case 0:
        return [next(I64), 0xa7]
      case 1:
        return [next(F64), next(F64), this.#numbers.pick([0x61, 0x62, 0x63, 0x65])]
      case 2:
        return [this.#address(), 0x28, 2, 0]
      case 3:
        return this.#numbers.chance(2)
          ? [next(I32), next(I64), op.call(this.#numbers.below(this.#functionCount))]
          : [0x3f, 0]
      case 4:
        return [next(I32), next(I64), next(I32), op.i32(7), 0x71, 0x11, ...u32(this.#typeIndex()), 0]
      case 5:
        return [next(I32), next(I32), this.#numbers.pick([0x6d, 0x6e, 0x6f, 0x70])]
      case 6:
        return [next(F64), 0xfc, 2]
      default:
        return [next(I32), next(I32), this.#numbers.pick([0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x76, 0x48, 0x4f])]
    }
  }

  #expression64(next: (type: number) => Code): Code {
    if (this.#numbers.chance(3)) return [next(I32), 0xac]
    if (this.#numbers.chance(8)) return [next(I64), next(I64), 0x80]
    return [next(I64), next(I64), this.#numbers.pick([0x7c, 0x7d, 0x7e, 0x83, 0x85, 0x89])]
  }

  #expressionFloat(next: (type: number) => Code): Code {
    if (this.#numbers.chance(3)) return [next(I32), 0xb7]
    return [next(F64), next(F64), this.#numbers.pick([0xa0, 0xa1, 0xa2, 0xa3])]
  }

  #conditional(type: number, next: (type: number) => Code): Code {
    const condition = next(I32)
    this.#labels.push({ type })
    const code = [condition, 0x04, type, next(type), 0x05, next(type), 0x0b]
    this.#labels.pop()
    return code
  }

  /** A block with a value, left early now and then. */
  #valueBlock(type: number, depth: number): Code {
    this.#labels.push({ type })
    const early = [this.#expression(type, depth - 2), this.#expression(I32, 1), op.brIf(0), 0x1a]
    const body = [early, this.#statements(1), this.#expression(type, depth - 1)]
    this.#labels.pop()
    return [0x02, type, body, 0x0b]
  }

  #leaf(type: number): Code {
    if (this.#numbers.chance(2)) return op.get(this.#local(type))
    if (type === I64) return op.i64(this.#numbers.below(100))
    if (type === F64) return [op.i32(this.#numbers.below(50)), 0xb7]
    return op.i32(this.#numbers.below(64) - 8)
  }

  #typeIndex(): number {
    return this.#builder.type(this.#signature.parameters, this.#signature.results)
  }
}
