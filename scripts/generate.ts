// Writes docs/errors.md and docs/config.md from the code; with --check it only says whether they are up to date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorCatalog } from '@stead/core'
import { z } from 'zod'
import { root } from './run-step.ts'

const HEAD = '<!-- Written by scripts/generate.ts from the code; edit the code, then run: npm run generate -->\n\n'

interface PackageModule {
  readonly folder: string
  readonly exports: Readonly<Record<string, unknown>>
}

async function modulesNamed(file: string): Promise<readonly PackageModule[]> {
  const found: PackageModule[] = []
  for (const folder of readdirSync(join(root, 'packages')).sort()) {
    const path = join(root, 'packages', folder, 'src', file)
    if (existsSync(path)) found.push({ folder, exports: (await import(path)) as Record<string, unknown> })
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

function rowsOf(schema: JsonSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const key = path === '' ? name : `${path}.${name}`
    if (field.properties !== undefined) return rowsOf(field, key)
    const fallback = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``
    return [`| \`${key}\` | ${rangeOf(field)} | ${fallback} | ${(field.description ?? '').replaceAll('|', '\\|')} |`]
  })
}

async function configPage(): Promise<string> {
  const lines = [
    '# Options\n',
    'A flag beats the environment, the environment beats the file, the file beats the default; `stead config show`',
    'prints every value with its origin. Units are in the names.\n',
  ]
  const modules = [...(await modulesNamed('config.ts')), ...(await modulesNamed('options.ts'))]
  for (const { folder, exports } of modules) {
    for (const [name, value] of Object.entries(exports)) {
      if (!(value instanceof z.ZodObject)) continue
      const schema = z.toJSONSchema(value, { io: 'input', unrepresentable: 'any' }) as JsonSchema
      const title = name.replace(/Schema$/, '')
      lines.push(`## ${folder}: ${title}\n`, '| option | range | default | why |', '|---|---|---|---|')
      lines.push(...rowsOf(schema, ''), '')
    }
  }
  return `${HEAD}${lines.join('\n')}`
}

const checking = process.argv.includes('--check')
const pages: Readonly<Record<string, string>> = {
  'docs/errors.md': await errorsPage(),
  'docs/config.md': await configPage(),
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
