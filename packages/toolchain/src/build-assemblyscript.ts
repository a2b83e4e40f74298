import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { cachedBuild } from './cached-build.ts'
import { type CompileFault, compileFailure } from './compile-failure.ts'
import { readSource } from './read-source.ts'

// stub: memory of a call goes with its instance, so nothing needs to be freed.
const FLAGS = ['--runtime', 'stub', '-O3', '--converge', '--enable', 'simd']
const FOLDER = 'assembly'
const ENTRY = `${FOLDER}/index.ts`
/** `ERROR TS2304: Cannot find name 'foo'.`, some lines of source, ` in assembly/index.ts(4,10)`. */
const FAULT = /^ERROR \w+: (.*)$(?:[\s\S]*?)in ([^\s()]+)\((\d+),(\d+)\)$/gm

/**
 * The function module whose source is `assembly/index.ts` in a job package's folder.
 * @throws SdkError JOB_BUILD_FAILED when that is missing, or with file, line and column of what is wrong
 */
export async function buildAssemblyScript(directory: string, name: string): Promise<Uint8Array> {
  const parts: (string | Uint8Array)[] = [...FLAGS, await readSource(directory, ENTRY)]
  parts.push(await readFile(new URL(import.meta.resolve('assemblyscript/package.json'))))
  for (const file of (await readdir(join(directory, FOLDER))).sort()) {
    if (file.endsWith('.ts')) parts.push(file, await readFile(join(directory, FOLDER, file)))
  }
  return await cachedBuild({ folder: join(directory, 'build'), name, parts, compile: () => compile(directory) })
}

async function compile(directory: string): Promise<Uint8Array> {
  // The compiler takes a quarter of a second to load; most runs find the module compiled.
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array | undefined
  const files = [ENTRY, '--outFile', 'module.wasm', '--baseDir', directory]
  const { error, stderr } = await asc.main([...files, ...FLAGS], {
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== 'string') binary = contents
    },
  })
  if (error === null && binary !== undefined) return binary
  throw compileFailure(directory, faultsOf(directory, stripVTControlCharacters(stderr.toString()), error))
}

function faultsOf(directory: string, said: string, error: Error | null): CompileFault[] {
  const faults = [...said.matchAll(FAULT)].map(([, what = '', file = '', line, column]) => {
    return { what, file: join(directory, file), line: Number(line), column: Number(column) }
  })
  return faults.length > 0 ? faults : [{ what: said.trim() || String(error) }]
}
