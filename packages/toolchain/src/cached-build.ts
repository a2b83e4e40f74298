import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What is built, and what its result depends on. */
export interface Build {
  /** Where results are kept; made when it is not there. */
  readonly folder: string
  /** First part of the result's file name. */
  readonly name: string
  /** Everything that decides the result: sources, flags, the compiler's version. */
  readonly parts: readonly (string | Uint8Array)[]
  readonly compile: () => Promise<Uint8Array>
}

/** The result of the same build before, or else of building now. */
export async function cachedBuild({ folder, name, parts, compile }: Build): Promise<Uint8Array> {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  const target = join(folder, `${name}-${hash.digest('hex').slice(0, 32)}.wasm`)
  const before = await readFile(target).catch(() => undefined)
  if (before !== undefined) return plainBytes(before)
  const binary = await compile()
  await mkdir(folder, { recursive: true })
  // Two builds at once, in two processes or in this one, must never show each other half a file.
  const temporary = `${target}.${randomUUID()}`
  await writeFile(temporary, binary)
  await rename(temporary, target)
  return plainBytes(binary)
}

function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
