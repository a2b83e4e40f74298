import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

/** The forge project's root: the folder with foundry.toml. */
export const contractsDirectory: string = dirname(import.meta.dirname)

/** The whole checkout's root, to which generated modules are written. */
export const repositoryDirectory: string = dirname(contractsDirectory)

/**
 * Runs forge from npm in the contracts folder, with its output on this process's, and returns its exit code.
 * @param environment Added to this process's environment, for example `FOUNDRY_SNAPSHOTS`.
 * @throws when forge cannot be started, for example because npm has no build of it for this platform.
 */
export async function runForge(args: readonly string[], environment: Record<string, string> = {}): Promise<number> {
  const manifest = createRequire(import.meta.url).resolve('@foundry-rs/forge/package.json')
  // solc-shim.cjs starts by its shebang; it must find the Node.js that runs this script.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`
  const child = spawn(process.execPath, [join(dirname(manifest), 'bin.mjs'), ...args], {
    cwd: contractsDirectory,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment, PATH: path },
  })
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1))
  })
}
