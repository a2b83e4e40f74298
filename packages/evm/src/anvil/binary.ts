import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ChainError } from '../errors.ts'

/** How npm's packages of anvil spell Node's names of operating systems and processors. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = { darwin: 'darwin', linux: 'linux', win32: 'win32' }
const PROCESSOR_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * Path of the anvil program that npm installed for this platform. Not its JavaScript front, which would stand between
 * us and the signals that we send.
 * @throws ChainError CHAIN_LOCAL_FAILED when there is none for this platform
 */
export function findAnvil(platform: string = process.platform, processor: string = process.arch): string {
  const [system, name] = [SYSTEM_NAMES[platform], PROCESSOR_NAMES[processor]]
  const package_ = `@foundry-rs/anvil-${system ?? platform}-${name ?? processor}`
  try {
    const require = createRequire(import.meta.url)
    // The platform's package is a dependency of the front's, so it is looked up from there.
    const front = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
    const folder = dirname(front.resolve(`${package_}/package.json`))
    const path = join(folder, 'bin', platform === 'win32' ? 'anvil.exe' : 'anvil')
    if (existsSync(path)) return path
  } catch (cause) {
    throw noAnvil(package_, cause)
  }
  throw noAnvil(package_, undefined)
}

function noAnvil(package_: string, cause: unknown): ChainError {
  return new ChainError('CHAIN_LOCAL_FAILED', `the local chain's program is not installed: ${package_}`, {
    details: { package: package_ },
    cause,
    next: 'Install the dependencies again (npm install), or use another chain: --rpc <url>',
  })
}
