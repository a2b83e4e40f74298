import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { messageOf } from '@stead/core'
import type { Wall } from '../executor.ts'

/** Long enough for a refused connection on the loopback interface. */
const CONNECT_TIMEOUT_MS = 500

/**
 * Tries, from inside the executor process, each thing that its walls must prevent. What is tried is harmless where it
 * succeeds: open the null device or the root directory, connect to a closed loopback port, run this program's version.
 */
export async function probeWalls(): Promise<Wall[]> {
  const network = await tryConnect()
  return [
    wall(
      'no-file-read',
      attempt(() => closeSync(openSync('/etc/passwd', 'r'))),
    ),
    wall('no-file-write', attempt(openToWrite)),
    wall('no-network', network),
    wall('no-child-process', attempt(runItself)),
    wall(
      'no-addons',
      attempt(() => process.dlopen({ exports: {} }, '/nonexistent.node')),
    ),
    {
      name: 'no-environment',
      up: Object.keys(process.env).length === 0,
      detail: `${Object.keys(process.env).length} variables are visible`,
    },
  ]
}

interface Attempt {
  readonly isDenied: boolean
  readonly detail: string
}

function wall(name: string, { isDenied, detail }: Attempt): Wall {
  return { name, up: isDenied, detail }
}

function attempt(action: () => unknown): Attempt {
  try {
    action()
    return { isDenied: false, detail: 'the attempt succeeded' }
  } catch (error) {
    return denial(error)
  }
}

function denial(error: unknown): Attempt {
  const code = (error as { readonly code?: unknown }).code
  return { isDenied: isDenialCode(code), detail: `the attempt ended in ${String(code ?? messageOf(error))}` }
}

/** Refused by the permission model, or impossible because bubblewrap left nothing there. */
function isDenialCode(code: unknown): boolean {
  return ['ERR_ACCESS_DENIED', 'ERR_DLOPEN_DISABLED', 'ENOENT', 'EROFS', 'ENETUNREACH', 'EACCES', 'EPERM'].includes(
    String(code),
  )
}

function openToWrite(): void {
  if (process.getBuiltinModule('node:sqlite') !== undefined) return
  closeSync(openSync('/dev/null', 'w'))
}

function runItself(): void {
  const { error } = spawnSync(process.execPath, ['--version'], { timeout: CONNECT_TIMEOUT_MS })
  if (error !== undefined) throw error
}

/** A refusal by the loopback interface itself (ECONNREFUSED) means that there is a network. */
function tryConnect(): Promise<Attempt> {
  return new Promise((resolve) => {
    try {
      const socket = connect({ host: '127.0.0.1', port: 9, timeout: CONNECT_TIMEOUT_MS })
      const settle = (result: Attempt): void => {
        socket.destroy()
        resolve(result)
      }
      socket.once('connect', () => settle({ isDenied: false, detail: 'the attempt succeeded' }))
      socket.once('timeout', () => settle({ isDenied: false, detail: 'the attempt was still waiting' }))
      socket.once('error', (error) => settle(denial(error)))
    } catch (error) {
      resolve(denial(error))
    }
  })
}
