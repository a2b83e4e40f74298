import { type StdioOptions, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname } from 'node:path'

/** The forge project's root: the folder with foundry.toml. */
export const contractsDirectory: string = dirname(import.meta.dirname)

/** The whole checkout's root, to which generated modules are written. */
export const repositoryDirectory: string = dirname(contractsDirectory)

/**
 * The native forge of this platform. The package's own launcher is not used because it exits with 0 whatever forge
 * says.
 * @throws when npm has no build of forge for this platform, or did not install it.
 */
function forgeExecutable(): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const name = `@foundry-rs/forge-${process.platform}-${architecture}`
  const executable = process.platform === 'win32' ? 'forge.exe' : 'forge'
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/${executable}`)
  } catch (cause) {
    throw new Error(`forge is not installed for this platform (${name}). Run: npm install`, { cause })
  }
}

/**
 * Runs forge in the contracts folder, with its output on this process's, and returns its exit code.
 * @param environment Added to this process's environment, for example `FOUNDRY_SNAPSHOTS`.
 * @throws when forge cannot be started.
 */
export async function runForge(args: readonly string[], environment: Record<string, string> = {}): Promise<number> {
  return await spawnForge(args, { cwd: contractsDirectory, stdio: ['ignore', 'inherit', 'inherit'], environment })
}

/** Runs forge in a copy of the contracts folder, silently, and returns its exit code. */
export async function runForgeQuietly(args: readonly string[], directory: string): Promise<number> {
  return await spawnForge(args, { cwd: directory, stdio: 'ignore', environment: {} })
}

interface ForgeRun {
  readonly cwd: string
  readonly stdio: StdioOptions
  readonly environment: Record<string, string>
}

async function spawnForge(args: readonly string[], { cwd, stdio, environment }: ForgeRun): Promise<number> {
  // solc-shim.cjs starts by its shebang; it must find the Node.js that runs this script.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`
  const child = spawn(forgeExecutable(), args, { cwd, stdio, env: { ...process.env, ...environment, PATH: path } })
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1))
  })
}
