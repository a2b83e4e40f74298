import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

/** Where a program is: Debian's own before any other of its name; undefined when it is not installed. */
export function programPath(name: string): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Says in the output and in the name of the tests that a client is not there, and what installs it. */
export function clientTitle(name: string, program: string | undefined, debianPackage: string): string {
  if (program !== undefined) return name
  process.stderr.write(`\n*** ${name.toUpperCase()} IS NOT TESTED: it is missing (apt-get install ${debianPackage})\n`)
  return `${name} (NOT RUN: it is missing)`
}

/** What a program gave. */
export interface ClientOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs in a folder of its own, with no environment but what is given. */
export class ClientProcess {
  readonly folder: string
  readonly #program: string
  readonly #environment: Readonly<Record<string, string>>

  private constructor(program: string, folder: string, environment: Readonly<Record<string, string>>) {
    this.#program = program
    this.folder = folder
    this.#environment = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: folder, ...environment }
  }

  static async create(program: string, environment: Readonly<Record<string, string>> = {}): Promise<ClientProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'stead-s3-client-'))
    return new ClientProcess(program, folder, environment)
  }

  /** Runs to the end; any exit code is an outcome. */
  try(...args: readonly string[]): Promise<ClientOutcome> {
    const options = { cwd: this.folder, env: this.#environment, maxBuffer: 16 * 1024 * 1024, timeout: 120_000 }
    return new Promise((resolve) => {
      execFile(this.#program, args, options, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ exitCode, stdout, stderr })
      })
    })
  }

  /** Runs to a good end. @throws Error with the output for any other */
  async run(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(...args)
    if (exitCode === 0) return stdout
    throw new Error(`${[this.#program, ...args].join(' ')} ended with ${exitCode}:\n${stdout}\n${stderr}`)
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }

  /** The path of a file in the folder. */
  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts)
  }
}

/** Names that clients, paths, queries and XML each spell in their own way. */
const ODD_NAMES = [
  'plain.txt',
  'with  two spaces.txt',
  'ünïcödé ☃ 日本.txt',
  'emoji 😀.txt',
  'a+b=c&d;e,f.txt',
  `quo'te"s <and> tags.txt`,
  'per%20cent %2e%2e.txt',
  'hash#mark?query.txt',
  '(round)[square]{curly}.txt',
  '..double dots',
  '.hidden',
  '~tilde$dollar@at!bang*star',
  'deep/er/and/deeper still/file.bin',
  'deep/er/..and/x',
  'deep/empty.bin',
]

/** Writes files of odd names and different lengths below a folder. */
export async function writeOddTree(folder: string): Promise<void> {
  for (const [index, name] of ODD_NAMES.entries()) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, name.includes('empty') ? '' : randomBytes(1 + index * 3000))
  }
}

/** What is below a folder: paths with the hash of each file. */
export async function readTree(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hashed = files.map(async (path) => [path.slice(folder.length + 1), sha256(await readFile(path))] as const)
  return Object.fromEntries((await Promise.all(hashed)).sort(([left], [right]) => (left < right ? -1 : 1)))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Time for one test: starting a client takes seconds on a machine that is busy. */
export const CLIENT_TIMEOUT_MS: number = 300_000

/** Length of the large file that each client moves; `npm run nightly -- s3-clients` asks for more. */
export const LARGE_BYTES: number = Number(process.env.STEAD_S3_LARGE_MIB ?? 64) * 1024 * 1024

/** A large file of bytes that do not repeat; gives its hash. */
export async function writeLargeFile(path: string, lengthBytes: number): Promise<string> {
  const bytes = randomBytes(lengthBytes)
  await writeFile(path, bytes)
  return sha256(bytes)
}
