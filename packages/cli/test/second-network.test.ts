import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasCode, silentLogger } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DevNetwork } from '../src/dev/dev-network.ts'
import { startEpochs } from '../src/start/start-epochs.ts'
import { createTerminal } from '../src/terminal/terminal.ts'

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const START = fileOf('../../../scripts/start.ts')
const STEAD = fileOf('../src/main.ts')

let directory = ''
/** What runs there already: it has the folder. */
let network: DevNetwork

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'stead-second-'))
  const events = { onNotice: () => undefined, onFailure: () => undefined }
  network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 1 })
  await network.claim()
})

afterEach(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Leaves something in the folder that says that a chain runs there. */
function leaveChain(): string {
  const { chainDir } = network.layout
  mkdirSync(chainDir)
  writeFileSync(join(chainDir, 'chain-state.json'), '{}')
  return join(chainDir, 'chain-state.json')
}

describe('a second network in the folder of one that runs', () => {
  it.each([
    ['npm start', START, []],
    ['npm start -- --storage', START, ['--storage']],
    ['npm start -- --epochs 1', START, ['--epochs', '1']],
    ['stead dev', STEAD, ['dev']],
  ])('%s says that one runs, and nothing of starting or stopping', (_, file, args) => {
    leaveChain()
    const all = ['--conditions=@stead/source', file, ...args, '--data-dir', directory]
    const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 20_000 })
    expect([status, stdout]).toEqual([5, ''])
    expect(stderr.split('\n')).toEqual([
      `error: a local network already runs in ${directory} (CLI_DEV_RUNNING)`,
      '  next: Use it as it is, stop it with Ctrl-C, or choose another one: --data-dir <path>',
      '',
    ])
  })

  it('does not empty the folder for epochs on a new chain', async () => {
    const state = leaveChain()
    const components = { terminal: createTerminal({ isJson: false }), root: '', signal: new AbortController().signal }
    const started = startEpochs(components, { epochs: 1, once: true, directory, isOwnDirectory: true })
    await expect(started).rejects.toSatisfy((error) => hasCode(error, 'CLI_DEV_RUNNING'))
    expect(existsSync(state)).toBe(true)
  })
})
