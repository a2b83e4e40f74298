import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { messageOf } from '@stead/core'
import { SdkError } from '@stead/sdk/job'
import type { Plugin, RolldownLog } from 'rolldown'
import { compileFailure, shownPath } from '../compile-failure.ts'
import { LIBRARY_FOLDER } from '../source-stack.ts'

/** A task with everything that it imports, as one ES module. */
export interface Bundle {
  readonly code: string
  /** Source map, version 3, as JSON. */
  readonly map: string
}

const ENTRY = '\0stead-entry'
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/**
 * Bundles the entry file of a task behind the guest library.
 * @throws SdkError JOB_BUILD_FAILED when it is missing, or with file, line and column of what is wrong
 */
export async function bundleTask(directory: string, entry: string): Promise<Bundle> {
  const file = resolve(directory, entry)
  if (!existsSync(file)) {
    throw new SdkError('JOB_BUILD_FAILED', `the task's entry file ${entry} is missing in ${directory}`, {
      details: { file },
      next: `Write ${entry} with: export default function (input, context) { … }`,
    })
  }
  const { rolldown } = await import('rolldown')
  try {
    await using build = await rolldown({
      input: ENTRY,
      cwd: directory,
      platform: 'neutral',
      logLevel: 'silent',
      tsconfig: false,
      resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'module', 'default'] },
      experimental: { attachDebugInfo: 'none' },
      plugins: [entryPlugin(file), closedPlugin(directory)],
    })
    const { output } = await build.generate({ format: 'esm', sourcemap: true, codeSplitting: false, comments: false })
    const [{ code, map }] = output
    return { code, map: String(map) }
  } catch (cause) {
    throw bundleFailure(directory, cause)
  }
}

/** The module that puts library and task together. */
function entryPlugin(file: string): Plugin {
  const source = [
    `import { serve } from ${JSON.stringify(join(LIBRARY_FOLDER, `serve.${EXTENSION}`))}`,
    `import * as task from ${JSON.stringify(file)}`,
    'serve(task)',
  ].join('\n')
  return {
    name: 'stead-entry',
    resolveId: (id) => (id === ENTRY ? id : null),
    load: (id) => (id === ENTRY ? source : null),
  }
}

/** Refuses what is not in the bundle: it would be missing on every machine that runs the task. */
function closedPlugin(directory: string): Plugin {
  return {
    name: 'stead-closed',
    async resolveId(id, importer) {
      if (importer === undefined || id === ENTRY || id.startsWith('\0')) return null
      const found = await this.resolve(id, importer, { skipSelf: true })
      if (found !== null && found.external === false) return null
      const why = isBuiltin(id)
        ? 'a module of Node.js that does not exist inside of the sandbox'
        : 'which cannot be found; is it installed?'
      throw new SdkError('JOB_BUILD_FAILED', `${shownPath(directory, importer)} imports ${id}, ${why}`, {
        details: { file: importer, import: id },
        next: 'Import only files of the job and npm packages that need neither Node.js nor a browser',
      })
    },
  }
}

function bundleFailure(directory: string, cause: unknown): SdkError {
  const errors = typeof cause === 'object' && cause !== null && 'errors' in cause ? (cause.errors as RolldownLog[]) : []
  const faults = errors.map(({ message, loc, id }) => {
    const [what = ''] = stripVTControlCharacters(message).split('\n')
    const file = loc?.file ?? id
    const place =
      file === undefined ? {} : { file, ...(loc === undefined ? {} : { line: loc.line, column: loc.column + 1 }) }
    return { what: what.replace(/^\[[A-Z_]+\] /, '').replace(/^Error: /, ''), ...place }
  })
  return compileFailure(directory, faults.length === 0 ? [{ what: messageOf(cause) }] : faults, { cause })
}
