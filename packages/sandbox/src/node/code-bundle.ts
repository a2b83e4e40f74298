import { readFileSync } from 'node:fs'
import { findPackageJSON, stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SandboxError } from '../errors.ts'

/** All code of the executor process, as data: it starts without being able to read a single file. */
export interface CodeBundle {
  /** Module sources by made-up URL. */
  readonly sources: Readonly<Record<string, string>>
  /** URLs of packages by their names. */
  readonly packages: Readonly<Record<string, string>>
  /** Entry modules; each exports `start`. */
  readonly entries: { readonly child: string; readonly worker: string }
}

/** True when this package runs from its TypeScript sources. */
const isSource = import.meta.url.endsWith('.ts')
const CORE = '@stead/core'
const IMPORT_PATTERN = /^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"]+)\1/gm

/**
 * What the child runs: gets the bundle, answers imports from it, and starts an entry. Plain CommonJS, because `--eval`
 * and workers' `eval` take it in every Node.js version.
 */
export const bootstrapScript: string = `'use strict'
const { registerHooks } = require('node:module')
const { isMainThread, workerData } = require('node:worker_threads')
function run(code, entry, payload) {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith('node:')) return next(specifier, context)
      const url = specifier.startsWith('.') ? new URL(specifier, context.parentURL).href : code.packages[specifier] ?? specifier
      if (code.sources[url] === undefined) throw new Error('not in the bundle: ' + specifier)
      return { url, format: 'module', shortCircuit: true }
    },
    load(url, context, next) {
      const source = code.sources[url]
      return source === undefined ? next(url, context) : { source, format: 'module', shortCircuit: true }
    },
  })
  import(entry).then((module) => module.start(payload, code))
}
if (isMainThread) {
  const chunks = []
  process.stdin.on('data', (chunk) => chunks.push(chunk))
  process.stdin.on('end', () => {
    const { code, payload } = JSON.parse(Buffer.concat(chunks).toString())
    run(code, code.entries.child, payload)
  })
} else run(workerData.code, workerData.code.entries.worker, workerData.payload)
`

let bundle: CodeBundle | undefined

/** Reads the bundle once. @throws SandboxError SANDBOX_EXECUTOR_FAILED when this installation is incomplete */
export function readCodeBundle(): CodeBundle {
  bundle ??= new BundleReader().read()
  return bundle
}

/** Node.js calls the function experimental, though it runs all of this code through it: no news for a person. */
function stripTypes(text: string): string {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return stripTypeScriptTypes(text)
  } finally {
    process.emitWarning = emitWarning
  }
}

class BundleReader {
  readonly #sources: Record<string, string> = {}
  readonly #packages: Record<string, string> = {}

  read(): CodeBundle {
    const base = dirname(dirname(fileURLToPath(import.meta.url)))
    const add = (source: URL): string => {
      const file = fileURLToPath(source)
      return this.#add('sandbox', base, isSource ? file : file.replace(/\.ts$/, '.js'))
    }
    const child = add(new URL('./child.ts', import.meta.url))
    const worker = add(new URL('./worker.ts', import.meta.url))
    const entries = { child, worker }
    return { sources: this.#sources, packages: this.#packages, entries }
  }

  /** Adds a file and all that it imports; its URL. */
  #add(packageName: string, base: string, file: string): string {
    const url = `stead:/${packageName}/${relative(base, file).split(sep).join('/')}`
    if (this.#sources[url] !== undefined) return url
    const text = readFileSync(file, 'utf8')
    const source = isSource ? stripTypes(text) : text
    this.#sources[url] = source
    for (const [, , specifier = ''] of source.matchAll(IMPORT_PATTERN)) {
      if (specifier.startsWith('.')) this.#add(packageName, base, join(dirname(file), specifier))
      else if (specifier === CORE) this.#packages[CORE] ??= this.#addCore()
      else if (!specifier.startsWith('node:'))
        throw new SandboxError('SANDBOX_EXECUTOR_FAILED', `the executor's code must not import ${specifier}`)
    }
    return url
  }

  #addCore(): string {
    const manifest = findPackageJSON(CORE, import.meta.url)
    if (manifest === undefined)
      throw new SandboxError('SANDBOX_EXECUTOR_FAILED', `the package ${CORE} is not installed`)
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      readonly exports: { readonly '.': { readonly '@stead/source': string; readonly default: string } }
    }
    const entry = join(dirname(manifest), exports['.'][isSource ? '@stead/source' : 'default'])
    return this.#add('core', dirname(entry), entry)
  }
}
