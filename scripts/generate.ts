// Writes docs/errors.md, docs/config.md and compiled kernels from the code; with --check it only says whether they are
// up to date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorCatalog } from '@stead/core'
import { z } from 'zod'
import { listSettings } from '../packages/node/src/config/settings.ts'
import { erasureKernelModule } from './generate/erasure-kernel.ts'
import { root } from './run-step.ts'

/** The one default that depends on the machine; the page names the rule instead. */
const MACHINE_CORES = 1

const HEAD = '<!-- Written by scripts/generate.ts from the code; edit the code, then run: npm run generate -->\n\n'

interface PackageModule {
  readonly folder: string
  /** The module's own text: its comments are the explanations. */
  readonly text: string
  readonly exports: Readonly<Record<string, unknown>>
}

async function modulesNamed(file: string): Promise<readonly PackageModule[]> {
  const found: PackageModule[] = []
  for (const folder of readdirSync(join(root, 'packages')).sort()) {
    const path = join(root, 'packages', folder, 'src', file)
    if (!existsSync(path)) continue
    const exports = (await import(path)) as Record<string, unknown>
    found.push({ folder, exports, text: readFileSync(path, 'utf8') })
  }
  return found
}

async function errorsPage(): Promise<string> {
  const lines = [
    '# Errors\n',
    'Every error has a code. `user`: something to mend on your side; `peer`: another node is at fault; `system`: this',
    'machine, the chain or the network. Retryable: the same call can succeed later without a change.\n',
  ]
  for (const { folder, exports } of await modulesNamed('errors.ts')) {
    const catalogs = Object.entries(exports).filter(([name]) => name.endsWith('ErrorCatalog'))
    for (const [, catalog] of catalogs) {
      lines.push(`## ${folder}\n`, '| code | kind | retryable | what it means | what to do |', '|---|---|---|---|---|')
      for (const [code, error] of Object.entries(catalog as ErrorCatalog)) {
        const cells = [`\`${code}\``, error.kind, error.retryable ? 'yes' : 'no', error.meaning, error.next]
        lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
      }
      lines.push('')
    }
  }
  return `${HEAD}${lines.join('\n')}`
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly pattern?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
}

function rangeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.anyOf !== undefined) return schema.anyOf.map(rangeOf).join(' or ')
  if (schema.type === 'array') return `list of ${rangeOf(schema.items ?? {})}`
  const low = schema.minimum ?? schema.exclusiveMinimum
  const high = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum
  const type = String(schema.type ?? 'text')
  if (low === undefined && high === undefined) return schema.format ?? type
  return `${type} ${low ?? '…'} .. ${high ?? '…'}`
}

/** The comment above each option of a module, as one line; where two options share a name, the first one's. */
function commentsOf(text: string): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  for (const [, comment = '', name = ''] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:readonly )?(\w+):/g)) {
    const line = comment
      .replace(/^\s*\*/gm, '')
      .replace(/@default\s+/g, 'Default: ')
      .replace(/\s+/g, ' ')
      .trim()
    if (!comments.has(name)) comments.set(name, line)
  }
  return comments
}

function rowsOf(schema: JsonSchema, path: string, comments: ReadonlyMap<string, string>): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const key = path === '' ? name : `${path}.${name}`
    if (field.properties !== undefined) return rowsOf(field, key, comments)
    const fallback = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``
    const why = (field.description ?? comments.get(name) ?? '').replaceAll('|', '\\|')
    return [`| \`${key}\` | ${rangeOf(field)} | ${fallback} | ${why} |`]
  })
}

/** The settings of `stead up`, as config.json, environment and command line spell them. */
function settingRows(): string[] {
  const settings = listSettings(MACHINE_CORES)
  return settings.map(({ key, environment, flagName, defaultValue, help, reason }) => {
    const isOfMachine = key === 'provide.concurrency'
    const fallback = isOfMachine ? 'cores - 1' : defaultValue === undefined ? '' : `\`${JSON.stringify(defaultValue)}\``
    const flag = defaultValue === true ? `--no-${flagName}` : `--${flagName}`
    const cells = [`\`${key}\``, `\`${flag}\``, `\`${environment}\``, fallback, `${help} ${reason}`]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
}

async function configPage(): Promise<string> {
  const lines = [
    '# Options\n',
    '## The node: config.json\n',
    'A flag beats the environment, the environment beats the file, the file beats the default; `stead config show`',
    'prints every value with its origin. Units are in the names.\n',
    '| setting | flag of `stead up` | environment | default | what and why |',
    '|---|---|---|---|---|',
    ...settingRows(),
    '\n## Inside: options of the packages\n',
    'For those who put the packages together themselves; the node passes its settings on and keeps the other defaults.\n',
  ]
  for (const { folder, exports, text } of await modulesNamed('options.ts')) {
    const comments = commentsOf(text)
    for (const [name, value] of Object.entries(exports)) {
      if (!(value instanceof z.ZodObject)) continue
      const schema = z.toJSONSchema(value, { io: 'input', unrepresentable: 'any' }) as JsonSchema
      const title = name.replace(/Schema$/, '')
      lines.push(`### ${folder}: ${title}\n`, '| option | range | default | why |', '|---|---|---|---|')
      lines.push(...rowsOf(schema, '', comments), '')
    }
  }
  return `${HEAD}${lines.join('\n')}`
}

const checking = process.argv.includes('--check')
const pages: Readonly<Record<string, string>> = {
  'docs/errors.md': await errorsPage(),
  'docs/config.md': await configPage(),
  'packages/storage/src/erasure/kernel-module.ts': await erasureKernelModule(),
}
for (const [file, content] of Object.entries(pages)) {
  const path = join(root, file)
  const current = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (current === content) continue
  if (checking) {
    process.stdout.write(`${file} is not what the code says; run: npm run generate\n`)
    process.exitCode = 1
  } else {
    writeFileSync(path, content)
    process.stdout.write(`wrote ${file}\n`)
  }
}
