// `npm run bench`: the table of speeds, each figure beside its reference of the same run. Nothing here is a test: a missed
// target is printed as missed.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '@stead/core'
import { benches } from './bench/benches.ts'
import { type BenchRow, jsonRows, printTable } from './bench/row.ts'
import { EXIT_BAD_ARGUMENTS } from './command-arguments.ts'

const HELP = `npm run bench -- [options] [names]     measures, and prints each figure beside its reference of the same run

  names       what to measure, or how its name begins (\`storage\`); default: all, which takes half an hour
${Object.keys(benches)
  .map((name) => `                ${name}`)
  .join('\n')}
  --json      prints {rows} in place of a table
  -h, --help  this text
`

/** What a command line asks for. */
interface Wanted {
  readonly names: readonly string[]
  readonly isJson: boolean
  readonly isHelp: boolean
}

/** @throws Error that says what is wrong, in words */
function wanted(args: string[]): Wanted {
  const options = { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const chooses = (wish: string, name: string): boolean => name === wish || name.startsWith(`${wish}-`)
  const all = Object.keys(benches)
  const unknown = positionals.filter((wish) => !all.some((name) => chooses(wish, name)))
  if (unknown.length > 0) throw new Error(`no bench named ${unknown.join(', ')}; there are: ${all.join(', ')}`)
  const names = positionals.length === 0 ? all : all.filter((name) => positionals.some((wish) => chooses(wish, name)))
  return { names, isJson: values.json === true, isHelp: values.help === true }
}

/** In a process of its own: what one bench compiled, collected and left in memory is no other's business. */
async function measured(name: string): Promise<readonly BenchRow[]> {
  process.stderr.write(`measuring ${name} …\n`)
  const child = fork(join(import.meta.dirname, 'bench/measure.ts'), [name], { serialization: 'advanced' })
  let rows: readonly BenchRow[] | undefined
  child.on('message', (message: readonly BenchRow[]) => {
    rows = message
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (rows === undefined || code !== 0) throw new Error(`the bench ${name} failed`)
  return rows
}

async function main(): Promise<number> {
  let asked: Wanted
  try {
    asked = wanted(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${messageOf(error)}; npm run bench -- --help tells of all\n`)
    return EXIT_BAD_ARGUMENTS
  }
  if (asked.isHelp) {
    process.stdout.write(HELP)
    return 0
  }
  const rows: BenchRow[] = []
  for (const name of asked.names) rows.push(...(await measured(name)))
  process.stdout.write(
    asked.isJson ? `${JSON.stringify({ rows: jsonRows(rows) }, null, 2)}\n` : `${printTable(rows)}\n`,
  )
  return 0
}

process.exitCode = await main()
