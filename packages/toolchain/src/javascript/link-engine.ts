import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { engineGlue, glueGlobals, glueNames } from './engine-glue.ts'
import { readShapes, stackFrameParts, takeStackFrames } from './stack-frames.ts'

const run = promisify(execFile)

/** Functions of the engine that are called while a bundle is prepared; the sandbox sees none of them. */
export const buildExports = [
  '_initialize',
  'malloc',
  'free',
  'qjs_init',
  'qjs_eval',
  'qjs_execute_pending_job',
  'qjs_get_context_ptr',
  'qjs_get_exception',
  'qjs_get_global',
  'qjs_get_prop_string',
  'qjs_get_string_len',
  'qjs_free_cstring',
  'qjs_get_undefined',
  'qjs_is_exception',
  'qjs_is_job_pending',
  'qjs_is_undefined',
  'qjs_new_host_function',
  'qjs_new_object',
  'qjs_promise_result',
  'qjs_promise_state',
  'qjs_run_gc',
  'qjs_set_interrupt_handler',
  'qjs_set_max_stack_size',
  'qjs_set_memory_limit',
  'qjs_set_prop_string',
] as const

/** The global that points into the engine's C stack. */
const STACK_POINTER = '__stack_pointer'

const KEPT: ReadonlySet<string> = new Set([
  'memory',
  '_start',
  STACK_POINTER,
  ...buildExports,
  ...Object.values(glueGlobals),
])
// What clang made the engine with; the sandbox allows all of them.
const FEATURES = [
  'bulk-memory',
  'bulk-memory-opt',
  'mutable-globals',
  'sign-ext',
  'nontrapping-float-to-int',
  'multivalue',
  'reference-types',
]

/** Everything that decides the result of {@link linkEngine}. */
export async function engineParts(): Promise<readonly (string | Uint8Array)[]> {
  const binaryen = await readFile(new URL(import.meta.resolve('binaryen/package.json')))
  return [await readEngine(), engineGlue, binaryen, ...stackFrameParts, ...KEPT, ...FEATURES]
}

async function readEngine(): Promise<Uint8Array> {
  return await readFile(new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm')))
}

/** The JavaScript engine and its glue as one module without anything that neither a build nor a call needs. */
export async function linkEngine(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'stead-engine-'))
  try {
    const [engine, glue, output] = ['engine.wasm', 'glue.wat', 'linked.wasm'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await Promise.all([writeFile(engine, await readEngine()), writeFile(glue, engineGlue)])
    const merge = join(fileURLToPath(import.meta.resolve('binaryen/package.json')), '..', 'bin', 'wasm-merge')
    const flags = FEATURES.map((feature) => `--enable-${feature}`)
    await run(process.execPath, [merge, engine, glueNames.engine, glue, glueNames.glue, '-o', output, ...flags])
    return await fitted(await readFile(output))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The merged module without what is not used, its functions fitted to the sandbox's count of the stack. */
async function fitted(binary: Uint8Array): Promise<Uint8Array> {
  const { default: library } = await import('binaryen')
  const module = library.readBinary(binary)
  try {
    const names = Array.from({ length: module.getNumExports() }, (_, index) => {
      return library.getExportInfo(module.getExportByIndex(index)).name
    })
    for (const name of names) if (!KEPT.has(name)) module.removeExport(name)
    module.runPasses(['duplicate-import-elimination', 'remove-unused-module-elements'])
    const shapes = readShapes(module.emitBinary())
    takeStackFrames(library, { module, shapes, stackPointer: STACK_POINTER })
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}
