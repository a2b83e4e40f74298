import { existsSync, readdirSync } from 'node:fs'
import { cp, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { toJson } from '../terminal/terminal.ts'

const TEMPLATES = ['ts', 'as', 'c'] as const
const TEMPLATE_FOLDER = fileURLToPath(new URL('../../templates', import.meta.url))
/** What a template has in the place of the new job's name. */
const NAME_MARK = '__NAME__'
const NAME_LENGTH_MAX = 64

/** `stead new`: a job package that runs as it is, to be changed into one's own. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('<folder>', 'where to make it; its name becomes the name of the job')
    .addOption(
      new Option('--template <language>', 'ts: TypeScript or JavaScript; as: AssemblyScript; c: C or C++')
        .choices([...TEMPLATES])
        .default('ts'),
    )
    .action(async (folder: string, { template }: { readonly template: (typeof TEMPLATES)[number] }) => {
      const name = nameOf(folder)
      const files = await copyTemplate(template, { folder, name })
      const { terminal } = context
      if (terminal.isJson) return terminal.out(toJson({ folder, name, template, files }))
      terminal.out(`${name} is made in ${folder}: ${files.join(', ')}`)
      terminal.message(`Run it here: stead test ${folder}; then on the network: stead run ${folder}`)
    })
}

function nameOf(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, NAME_LENGTH_MAX)
  if (name !== '') return name
  throw new CliError('CLI_USAGE', `the folder's name must have a letter or digit, for it names the job: ${folder}`)
}

/** @throws CliError CLI_FOLDER_IN_USE */
async function copyTemplate(
  template: string,
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<string[]> {
  if (existsSync(folder) && !isEmptyFolder(folder)) {
    throw new CliError('CLI_FOLDER_IN_USE', `${folder} is there already and is not an empty folder`, {
      details: { folder: resolve(folder) },
    })
  }
  await cp(join(TEMPLATE_FOLDER, template), folder, { recursive: true })
  // Under its own name npm would not publish it.
  await rename(join(folder, 'gitignore'), join(folder, '.gitignore'))
  const files: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const text = await readFile(path, 'utf8')
    if (text.includes(NAME_MARK)) await writeFile(path, text.replaceAll(NAME_MARK, name))
    files.push(path.slice(join(folder, '/').length))
  }
  return files.sort()
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return false
    throw error
  }
}
