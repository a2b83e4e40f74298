import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A server of S3 from npm that keeps objects as files; not kept up any more, so it is no dependency and lives for a bench. */
const PEER = 's3rver@3.7.1'
const UP_MS = 20_000

/** Where an S3 client goes. */
export interface S3Place {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Another S3 server on this machine, in a directory that goes with the bench. */
export class S3Peer {
  readonly place: S3Place
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, place: S3Place) {
    this.#child = child
    this.place = place
  }

  /** @throws when it cannot be installed or does not come up */
  static async start(directory: string): Promise<S3Peer> {
    await run('npm', ['install', '--no-save', '--no-audit', '--ignore-scripts', '--prefix', directory, PEER])
    const port = await freePort()
    const data = join(directory, 'data')
    mkdirSync(data, { recursive: true })
    const file = join(directory, 'node_modules/s3rver/bin/s3rver.js')
    const args = [file, '--silent', '--directory', data, '--port', String(port), '--configure-bucket', 'bench']
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const endpoint = `http://127.0.0.1:${port}`
    for (const endMs = performance.now() + UP_MS; ; ) {
      if (await isUp(endpoint)) break
      if (performance.now() > endMs || child.exitCode !== null) {
        child.kill()
        throw new Error('the peer does not come up')
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return new S3Peer(child, { endpoint, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' })
  }

  stop(): void {
    this.#child.kill()
  }
}

async function isUp(endpoint: string): Promise<boolean> {
  try {
    await fetch(endpoint)
    return true
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Copies a file to a bucket `bench` and back with rclone. @returns milliseconds each @throws when rclone is not there */
export async function copyWithRclone(
  { endpoint, accessKeyId, secretAccessKey }: S3Place,
  from: string,
  back: string,
): Promise<{ readonly putMs: number; readonly getMs: number }> {
  const settings = { type: 's3', provider: 'Other', access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  const config = Object.entries({ ...settings, endpoint, force_path_style: 'true' })
  const environment = Object.fromEntries(
    config.map(([name, value]) => [`RCLONE_CONFIG_PEER_${name.toUpperCase()}`, value]),
  )
  // Loopback needs none, and rclone's client takes none.
  const { AWS_CA_BUNDLE: _bundle, ...rest } = process.env
  const copy = async (source: string, target: string): Promise<number> => {
    const start = performance.now()
    await run('rclone', ['--config', '/dev/null', '--retries', '1', 'copyto', source, target], {
      env: { ...rest, ...environment },
    })
    return performance.now() - start
  }
  // What is there already is not fetched.
  rmSync(back, { force: true })
  return { putMs: await copy(from, 'peer:bench/rclone'), getMs: await copy('peer:bench/rclone', back) }
}
