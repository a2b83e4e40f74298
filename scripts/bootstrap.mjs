// Runs one TypeScript file under the Node.js version that the project pins, installing dependencies first when they
// are missing or older than the lock file. Plain JavaScript for the machine's own Node.js (>= 20), which only has to
// run npm; everything after this file runs under Node.js 26.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const PARENT_LOOK_MS = 500
const stampFile = join(root, 'node_modules', '.stead-installed')

function manifestsDigest() {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json']) {
    const path = join(root, file)
    if (existsSync(path)) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

function installed() {
  return existsSync(pinnedNode) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === manifestsDigest()
}

function install() {
  process.stderr.write('Installing dependencies (only when they changed) …\n')
  const npm = process.env.npm_execpath
  const [command, prefix] = npm === undefined ? ['npm', []] : [process.execPath, [npm]]
  const result = spawnSync(command, [...prefix, 'install', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32',
  })
  if (result.status !== 0) {
    process.stderr.write('npm install failed. Check that the npm registry is reachable, then run the command again.\n')
    process.exit(1)
  }
  writeFileSync(stampFile, manifestsDigest())
}

const [script, ...args] = process.argv.slice(2)
if (script === undefined) {
  process.stderr.write('usage: node scripts/bootstrap.mjs <script.ts> [arguments]\n')
  process.exit(2)
}
if (!installed()) install()

// npm hands its own configuration to what it runs; the pinned Node.js must not see a NODE_OPTIONS meant for another.
const child = spawn(pinnedNode, ['--conditions=@stead/source', join(root, script), ...args], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends Ctrl-C to the whole group; the child decides how to stop, this process only waits for it.
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
}
// npm, when a signal ends it, ends the shell between it and this process, and this process hears of nothing but that its
// parent is another one now.
const parent = process.ppid
const isOrphan = () => process.env.npm_lifecycle_event !== undefined && process.ppid !== parent
setInterval(() => isOrphan() && child.kill('SIGTERM'), PARENT_LOOK_MS).unref()
child.on('error', (error) => {
  process.stderr.write(`cannot run ${pinnedNode}: ${error.message}\nRemove node_modules and run the command again.\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
