import { describe, expect, test } from 'vitest'
import type { Outcome } from '../src/call.ts'
import { SandboxError, type SandboxErrorCode } from '../src/errors.ts'
import { compileModule, prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { webAssembly } from '../src/webassembly.ts'
import { functionCall, limits } from './calls.ts'
import { memoryImports } from './metered-run.ts'
import { type Code, F64, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const FUNCREF = 0x70
const EXTERNREF = 0x6f
/** A module must be refused or accepted this fast, however it was made; seconds, because tests share a machine. */
const VERDICT_MS_MAX = 8000

function refusal(bytes: Uint8Array): SandboxError {
  const begun = performance.now()
  try {
    prepareModule(bytes)
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error
    expect(performance.now() - begun).toBeLessThan(VERDICT_MS_MAX)
    return error
  }
  throw new Error('the module was accepted')
}

function run(bytes: Uint8Array): Outcome {
  return runCall(compileModule(bytes), functionCall(), limits())
}

/** The bytes of a module with its sections as they are in the list. */
function assembled(sections: readonly (readonly [id: number, content: readonly number[]])[]): Uint8Array {
  return Uint8Array.from([...HEADER, ...sections.flatMap(([id, content]) => [id, ...u32(content.length), ...content])])
}

/** The sections of a module. */
function sectionsOf(bytes: Uint8Array): (readonly [id: number, content: readonly number[]])[] {
  const sections: [number, number[]][] = []
  for (let at = HEADER.length; at < bytes.length; ) {
    const id = bytes[at++] as number
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number
      size |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    sections.push([id, [...bytes.subarray(at, at + size)]])
    at += size
  }
  return sections
}

/** Has one of each section but imports and custom ones. */
function fullModule(): Uint8Array {
  const builder = new ModuleBuilder()
    .table(1)
    .global(I32, true, ...op.i32(1))
    .passiveData([1])
  const start = builder.function({ body: [] })
  return builder.start(start).elements(0, start).steadFunction(op.i64(0)).build()
}

function withCustom(...contents: (readonly number[])[]): Uint8Array {
  const builder = new ModuleBuilder().steadFunction(op.i64(0))
  for (const content of contents) builder.section(0, content)
  return builder.build()
}

describe('sections', () => {
  const sections = sectionsOf(fullModule())

  test.each(sections.map(([id]) => id))('section %i twice is malformed', (id) => {
    const twice = sections.flatMap((section) => (section[0] === id ? [section, section] : [section]))
    expect(refusal(assembled(twice)).code).toBe('SANDBOX_MALFORMED')
  })

  test('each two neighbours in the wrong order are malformed', () => {
    expect(run(assembled(sections)).status).toBe('ok')
    for (let index = 0; index + 1 < sections.length; index++) {
      const swapped = sections.with(index, sections[index + 1] as never).with(index + 1, sections[index] as never)
      expect(refusal(assembled(swapped)).code).toBe('SANDBOX_MALFORMED')
    }
  })

  test.each(sections.map(([id]) => id))('section %i with a byte too many or too few is malformed', (id) => {
    const changed = (change: (content: readonly number[]) => readonly number[]): Uint8Array =>
      assembled(sections.map(([at, content]) => [at, at === id ? change(content) : content]))
    expect(refusal(changed((content) => [...content, 0])).code).toBe('SANDBOX_MALFORMED')
    expect(refusal(changed((content) => content.slice(0, -1))).code).toBe('SANDBOX_MALFORMED')
    expect(refusal(changed(() => [])).code).toBe('SANDBOX_MALFORMED')
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 9, 10, 11])('section %i that counts 2^32 - 1 entries costs nothing', (id) => {
    const bytes = assembled([[id, [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]]])
    expect(refusal(bytes).code).toMatch(/^SANDBOX_(MALFORMED|MODULE_LIMIT|FORBIDDEN_FEATURE)$/)
  })

  test('a million custom sections are read past', () => {
    const plain = withCustom()
    const bytes = new Uint8Array(plain.length + 3_000_000)
    bytes.set(plain)
    for (let at = plain.length; at < bytes.length; at += 3) bytes[at + 1] = 1
    const begun = performance.now()
    expect(run(bytes).status).toBe('ok')
    expect(performance.now() - begun).toBeLessThan(VERDICT_MS_MAX)
  })

  test('a custom section of 30 MB is dropped', () => {
    const content = new Uint8Array(30_000_000).fill(0x61)
    content.set([4, 0x6e, 0x61, 0x6d, 0x65])
    const plain = withCustom()
    const bytes = Uint8Array.of(...plain, 0, ...u32(content.length))
    const whole = new Uint8Array(bytes.length + content.length)
    whole.set(bytes)
    whole.set(content, bytes.length)
    const { facts } = prepareModule(whole)
    expect(facts.meteredBytes).toBe(prepareModule(plain).facts.meteredBytes)
  })

  test.each([
    ['name', [0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]],
    ['sourceMappingURL', [0xff, 0xff]],
    ['metadata.code.branch_hint', [9, 9, 9]],
    ['dylink.0', [1, 2, 3]],
    ['stead:fuel', [1]],
  ])('nonsense in a custom section called %s changes nothing', (name, nonsense) => {
    const bytes = withCustom([...u32(name.length), ...new TextEncoder().encode(name), ...nonsense])
    expect(prepareModule(bytes).metered).toEqual(prepareModule(withCustom()).metered)
  })

  test.each([
    ['no UTF-8', [2, 0xc3, 0x28]],
    ['a lone surrogate', [3, 0xed, 0xa0, 0x80]],
    ['longer than its section', [9, 0x61]],
    ['missing', []],
  ])('a custom section whose name is %s is malformed', (_what, content) => {
    expect(webAssembly.validate(withCustom(content))).toBe(false)
    expect(refusal(withCustom(content)).code).toBe('SANDBOX_MALFORMED')
  })
})

describe('names', () => {
  test.each(['stead:fuel', 'stead:stack', 'stead:pages-max', 'stead:growth', 'stead:start'])(
    'a guest that exports %s itself gains nothing',
    (name) => {
      const plain = new ModuleBuilder().global(I64, true, ...op.i64(0)).steadFunction(op.i64(0))
      const expected = run(plain.build())
      const clash = new ModuleBuilder()
        .global(I64, true, ...op.i64(0))
        .export(name, 3, 0)
        .steadFunction(op.i64(0))
      expect(run(clash.build())).toEqual(expected)
      const memory = new ModuleBuilder().global(I64, true, ...op.i64(0)).export(name, 2, 0)
      expect(run(memory.steadFunction(op.i64(0)).build())).toEqual(expected)
    },
  )

  test('an import called like the fuel counter is refused', () => {
    const imported = (...kind: number[]): Uint8Array =>
      new ModuleBuilder()
        .importRaw('stead', 'stead:fuel', ...kind)
        .steadFunction(op.i64(0))
        .build()
    expect(refusal(imported(3, I64, 1)).code).toBe('SANDBOX_FORBIDDEN_IMPORT')
    expect(refusal(imported(0, 0)).code).toBe('SANDBOX_FORBIDDEN_IMPORT')
  })

  test('two exports of one name are malformed', () => {
    const builder = new ModuleBuilder().steadFunction(op.i64(0)).export('memory', 2, 0)
    expect(refusal(builder.build()).code).toBe('SANDBOX_MALFORMED')
  })

  test('names of 64 KiB are refused by their limit, wherever they stand', () => {
    const long = 'n'.repeat(65_536)
    const exported = new ModuleBuilder().steadFunction(op.i64(0)).export(long, 2, 0).build()
    expect(refusal(exported).details).toMatchObject({ limit: 'nameBytes', have: 65_536 })
    for (const [module, name] of [
      [long, 'abort'],
      ['env', long],
    ] as const) {
      const builder = new ModuleBuilder()
      builder.importFunction(module, name, [], [])
      const bytes = builder.steadFunction(op.i64(0)).build()
      expect(refusal(bytes).details).toMatchObject({ limit: 'nameBytes', have: 65_536 })
    }
  })

  test('a name that is no UTF-8 is malformed', () => {
    const bytes = new ModuleBuilder().steadFunction(op.i64(0)).export('AAAA', 2, 0).build()
    const at = Buffer.from(bytes).indexOf('AAAA')
    for (const wrong of [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88], [0xff]]) {
      const changed = bytes.slice()
      changed.set(wrong, at)
      expect(webAssembly.validate(changed)).toBe(false)
      expect(refusal(changed).code).toBe('SANDBOX_MALFORMED')
    }
  })
})

describe('imports', () => {
  const imports: readonly (readonly [what: string, kind: readonly number[], code: SandboxErrorCode])[] = [
    ['a function of an unknown module', [0, 0], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a table', [1, FUNCREF, 0, 1], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a memory', [2, 0, 1], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a shared memory', [2, 3, 1, 1], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a global', [3, I32, 0], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a mutable global', [3, I64, 1], 'SANDBOX_FORBIDDEN_IMPORT'],
    ['a tag', [4, 0, 0], 'SANDBOX_FORBIDDEN_FEATURE'],
    ['a kind that does not exist', [9, 0], 'SANDBOX_MALFORMED'],
  ]
  test.each(imports)('%s is refused', (_what, kind, code) => {
    const bytes = new ModuleBuilder()
      .importRaw('env', 'thing', ...kind)
      .steadFunction(op.i64(0))
      .build()
    expect(refusal(bytes).code).toBe(code)
  })

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])('%j is no function of WASI', (name) => {
    const builder = new ModuleBuilder()
    builder.importFunction('wasi_snapshot_preview1', name, [], [])
    expect(refusal(builder.steadFunction(op.i64(0)).build()).code).toBe('SANDBOX_FORBIDDEN_IMPORT')
  })

  test('10,000 of them are refused by their limit', () => {
    const builder = new ModuleBuilder()
    for (let count = 0; count < 10_000; count++) builder.importFunction('env', 'abort', [I32, I32, I32, I32], [])
    expect(refusal(builder.steadFunction(op.i64(0)).build()).details).toMatchObject({ limit: 'imports', have: 10_000 })
  })
})

describe('what a module may have', () => {
  test('exports of every kind, which nobody outside can reach', () => {
    const builder = new ModuleBuilder().table(1).global(I32, true, ...op.i32(1))
    const other = builder.function({ body: [] })
    builder.export('a', 0, other).export('b', 1, 0).export('c', 2, 0).export('d', 3, 0)
    const { metered, facts } = prepareModule(builder.steadFunction(op.i64(0)).build())
    const { exports } = new webAssembly.Instance(new webAssembly.Module(metered), memoryImports(facts))
    expect(Object.keys(exports).filter((name) => !name.startsWith('stead'))).toEqual(['memory'])
  })

  const globals: readonly (readonly [string, number, readonly number[]])[] = [
    ['a signalling NaN', F64, [0x44, 1, 0, 0, 0, 0, 0, 0xf0, 0x7f]],
    ['an external reference', EXTERNREF, [0xd0, EXTERNREF]],
    ['a function reference', FUNCREF, [0xd2, 0]],
    ['a vector', 0x7b, [0xfd, 12, ...new Array<number>(16).fill(0xff)]],
  ]
  test.each(globals)('a global that is %s', (_what, type, init) => {
    expect(
      run(
        new ModuleBuilder()
          .global(type, true, ...init)
          .steadFunction(op.i64(0))
          .build(),
      ).status,
    ).toBe('ok')
  })

  test('64 results of every type, through blocks and calls', () => {
    const builder = new ModuleBuilder()
    const results = Array.from({ length: 64 }, (_, index) => [I32, I64, F64][index % 3] as number)
    const values: Code = results.map((type) =>
      type === I32 ? op.i32(1) : type === I64 ? op.i64(1) : [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    )
    const type = builder.type([], results)
    const many = builder.function({ results, body: [0x02, ...u32(type), values, 0x0b] })
    const drop = new Array<number>(64).fill(0x1a)
    expect(run(builder.steadFunction([op.call(many), drop, op.i64(0)]).build()).status).toBe('ok')
  })

  test('no reference to a function that it has not declared', () => {
    const undeclared = new ModuleBuilder()
    const hidden = undeclared.function({ body: [] })
    const bytes = undeclared.steadFunction([0xd2, ...u32(hidden), 0x1a, op.i64(0)]).build()
    expect(refusal(bytes).message).toMatch(/not a valid module: .*undeclared/)
  })

  test('no memory that begins above its own maximum', () => {
    expect(refusal(new ModuleBuilder().memory(3, 2).steadFunction(op.i64(0)).build()).code).toBe('SANDBOX_MALFORMED')
  })

  test('no element of a function that does not exist', () => {
    const bytes = new ModuleBuilder().table(1).elements(0, 99).steadFunction(op.i64(0)).build()
    expect(refusal(bytes).code).toBe('SANDBOX_MALFORMED')
  })

  test('no start function that takes or gives something', () => {
    const builder = new ModuleBuilder()
    const start = builder.function({ parameters: [I32], body: [] })
    expect(refusal(builder.start(start).steadFunction(op.i64(0)).build()).code).toBe('SANDBOX_MALFORMED')
  })
})
