import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { SourceMap } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shownPath } from './compile-failure.ts'

/** Name of the bundle in the engine's stacks. */
export const BUNDLE_NAME = 'task.js'
/** Where the library around a task lies; its frames are nobody's concern. */
export const LIBRARY_FOLDER: string = fileURLToPath(new URL('./javascript/guest', import.meta.url))
/** Where the bundler believes the bundle to lie; the map's sources are relative to it. */
const OUTPUT_FOLDER = 'dist'

/** Keeps a bundle's source map beside its module, for {@link sourceStack}. */
export async function keepSourceMap(directory: string, module: Uint8Array, map: string): Promise<void> {
  await writeFile(mapFile(directory, createHash('sha256').update(module).digest('hex')), map)
}

/**
 * A text of a task's standard error with the places of the task's own sources in the place of the bundle's.
 * @param moduleId sha-256 of the module, hexadecimal; the text stays as it is when this machine did not build the module
 */
export async function sourceStack(directory: string, moduleId: string, text: string): Promise<string> {
  let map: string
  try {
    map = await readFile(mapFile(directory, moduleId), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return text
    throw error
  }
  return mapStack(directory, map, text)
}

/** {@link sourceStack} with a map that is at hand. */
export function mapStack(directory: string, map: string, text: string): string {
  const sourceMap = new SourceMap(JSON.parse(map))
  const pattern = new RegExp(`${BUNDLE_NAME}:(\\d+):(\\d+)`)
  const lines = text.split('\n').flatMap((line) => {
    const [place, row, column] = pattern.exec(line) ?? []
    if (place === undefined) return [line]
    const entry = sourceMap.findEntry(Number(row) - 1, Number(column) - 1)
    if (!('originalSource' in entry)) return []
    const file = resolve(directory, OUTPUT_FOLDER, entry.originalSource)
    if (file.startsWith(LIBRARY_FOLDER)) return []
    return [line.replace(place, `${shownPath(directory, file)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`)]
  })
  return lines.join('\n')
}

function mapFile(directory: string, moduleId: string): string {
  return join(directory, 'build', `${moduleId.slice(0, 32)}.js.map`)
}
