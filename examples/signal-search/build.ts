import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SdkError } from '@stead/sdk/job'

const FLAGS = ['--runtime', 'stub', '-O3', '--converge', '--enable', 'simd']
const here = import.meta.dirname

/**
 * The search module: compiled from assembly/ by the AssemblyScript compiler, or read from build/ when the same source
 * was compiled before.
 * @throws SdkError JOB_BUILD_FAILED with what the compiler said
 */
export async function buildModule(): Promise<Uint8Array> {
  const target = join(here, 'build', `signal-search-${await sourceDigest()}.wasm`)
  const cached = await readFile(target).catch(() => undefined)
  if (cached !== undefined) return cached
  const binary = await compile()
  await mkdir(join(here, 'build'), { recursive: true })
  // Two builds at once must never show each other half a file.
  const temporary = `${target}.${process.pid}`
  await writeFile(temporary, binary)
  await rename(temporary, target)
  return binary
}

async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(FLAGS)).update(await readFile(new URL(import.meta.resolve('assemblyscript/package.json'))))
  for (const name of (await readdir(join(here, 'assembly'))).sort()) {
    if (name.endsWith('.ts')) hash.update(`\n${name}\n`).update(await readFile(join(here, 'assembly', name)))
  }
  return hash.digest('hex').slice(0, 32)
}

async function compile(): Promise<Uint8Array> {
  // The compiler takes a quarter of a second to load; most runs find the module compiled.
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main(
    ['assembly/index.ts', '--outFile', 'module.wasm', '--baseDir', here, ...FLAGS],
    {
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents
      },
    },
  )
  if (error !== null || binary === undefined) {
    throw new SdkError(
      'JOB_BUILD_FAILED',
      `the search module does not compile: ${stderr.toString().trim() || String(error)}`,
    )
  }
  return binary
}
