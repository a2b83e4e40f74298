import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SdkError } from '@stead/sdk/job'
import { cachedBuild } from './cached-build.ts'

// stub: memory of a call goes with its instance, so nothing needs to be freed.
const FLAGS = ['--runtime', 'stub', '-O3', '--converge', '--enable', 'simd']

/**
 * The function module whose source is `assembly/index.ts` in a job package's folder.
 * @throws SdkError JOB_BUILD_FAILED with what the compiler said
 */
export async function buildAssemblyScript(directory: string, name: string): Promise<Uint8Array> {
  const parts: (string | Uint8Array)[] = [...FLAGS]
  parts.push(await readFile(new URL(import.meta.resolve('assemblyscript/package.json'))))
  for (const file of (await readdir(join(directory, 'assembly'))).sort()) {
    if (file.endsWith('.ts')) parts.push(file, await readFile(join(directory, 'assembly', file)))
  }
  return await cachedBuild({ directory, name, parts, compile: () => compile(directory) })
}

async function compile(directory: string): Promise<Uint8Array> {
  // The compiler takes a quarter of a second to load; most runs find the module compiled.
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array | undefined
  const files = ['assembly/index.ts', '--outFile', 'module.wasm', '--baseDir', directory]
  const { error, stderr } = await asc.main([...files, ...FLAGS], {
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== 'string') binary = contents
    },
  })
  if (error === null && binary !== undefined) return binary
  const said = stderr.toString().trim() || String(error)
  throw new SdkError('JOB_BUILD_FAILED', `${directory}/assembly does not compile: ${said}`)
}
