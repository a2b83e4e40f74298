#!/usr/bin/env node
// Starts the `stead` command. In the workspace it runs from source under the pinned Node.js; an installed package runs
// its built files under the Node.js that started it. Plain JavaScript, because any Node.js >= 20 may read it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cacheDirectory, processEnvironment } from './launch.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, '..', 'src', 'main.ts')
const built = join(here, '..', 'dist', 'main.js')
const root = join(here, '..', '..', '..')
const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

if (existsSync(pinnedNode) && existsSync(source)) {
  runFromSource()
} else {
  module.enableCompileCache?.(cacheDirectory(process.env))
  await import(pathToFileURL(built).href)
}

/** Becomes the pinned Node.js, or where a process cannot be replaced, waits for it: a waiting one takes 40 MB more. */
function runFromSource() {
  const nodeArguments = ['--conditions=@stead/source', source, ...process.argv.slice(2)]
  const environment = processEnvironment(process.env)
  if (process.platform !== 'win32' && typeof process.execve === 'function') {
    process.execve(pinnedNode, [pinnedNode, ...nodeArguments], environment)
  }
  const child = spawn(pinnedNode, nodeArguments, { stdio: 'inherit', env: environment })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the whole group; the child decides how to stop, this process only waits for it.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  child.on('error', (error) => {
    process.stderr.write(`cannot run ${pinnedNode}: ${error.message}\nRun: npm install\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : signal === 'SIGINT' ? 130 : 143))
}
