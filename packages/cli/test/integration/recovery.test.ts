import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { address, microUsd, silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { SteadProcess, stead } from './stead-process.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'stead-recovery-'))
const events = { onNotice: () => undefined, onFailure: () => undefined }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 4 })
const file = join(directory, 'file')
const back = join(directory, 'back')
const words = join(directory, 'words')
const bytes = new SeededRandom(1).bytes(3_000_000)
const running: SteadProcess[] = []

beforeAll(async () => {
  await network.start()
  writeFileSync(file, bytes)
}, 120_000)

afterAll(async () => {
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all(running.map(({ finished }) => finished))
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

async function run(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await stead([...args, '--data-dir', folder])
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return stdout
}

/** How a machine joins the network. */
function joining(): readonly string[] {
  const [known] = network.processOf('provider-1')?.ready.addresses ?? []
  return [
    ...['--rpc', network.rpcUrl, '--address-book', network.layout.addressBook, '--no-mdns'],
    ...['--listen', '/ip4/127.0.0.1/tcp/0', '--bootstrap', known ?? '', '--api-port', '0'],
    ...['--no-storage-spread', '--storage-profile', '2-of-3'],
  ]
}

/** The same as a file in the folder of a machine. */
function writeConfig(folder: string): void {
  const [known = ''] = network.processOf('provider-1')?.ready.addresses ?? []
  const config = {
    network: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [known], mdns: false },
    chain: { rpcUrl: network.rpcUrl, addressBook: network.layout.addressBook },
    storage: { spread: false, profile: '2-of-3' },
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
}

async function refusal(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await stead(['recover', '--phrase-file', words, ...args, '--data-dir', folder])
  expect(code).not.toBe(0)
  return stderr
}

async function up(folder: string, settings = joining()): Promise<void> {
  const node = new SteadProcess(['up', ...settings, '--data-dir', folder, '--json'])
  running.push(node)
  await node.untilOutput(/ready/)
}

/** Coins for gas, and dollars. */
async function give(node: string): Promise<void> {
  await network.giveDollars(address(node), microUsd(10_000_000n))
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'anvil_setBalance',
    params: [node, '0x3635c9adc5dea00000'],
  })
  await fetch(network.rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

describe('a recovery phrase on a new machine', () => {
  it('reads and writes beside the machine that drew it, each seeing at once what the other wrote', async () => {
    const first = network.layout.root
    await run(first, 'put', file, 'stead://photos/one')
    const phrase = await run(first, 'phrase')
    expect(phrase.split(' ')).toHaveLength(24)
    writeFileSync(words, phrase)
    const log = readFileSync(network.processOf('payer')?.logFile ?? '', 'utf8')
    expect(log).toContain('stead phrase')
    expect(log).not.toContain(phrase.split(' ').slice(0, 3).join(' '))
    const second = join(directory, 'second')
    const recover = ['recover', '--beside', '--phrase-file', words, ...joining(), '--json']
    const recovered = JSON.parse(await run(second, ...recover))
    expect(recovered).toMatchObject({ node: expect.stringMatching(/^0x/), buckets: ['photos'], dataDir: second })
    await give(recovered.node)
    await up(second, [])
    await run(second, 'get', 'stead://photos/one', back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
    await run(second, 'put', file, 'stead://photos/two')
    expect(await run(first, 'ls', 'stead://photos')).toMatch(/one\n.*two\n/s)
    await Promise.all([
      run(first, 'put', file, 'stead://photos/three'),
      run(second, 'put', file, 'stead://photos/four'),
    ])
    for (const machine of [first, second])
      expect(await run(machine, 'ls', 'stead://photos')).toMatch(/four\n.*one\n.*three\n.*two\n/s)
    expect(await refusal(join(directory, 'x'), ...joining())).toContain('NODE_PAYER_UNKNOWN')
  }, 300_000)

  it('is brought back and started by the commands that the README prints', async () => {
    const [, command, next] =
      /^npx (stead recover (?:.*\\\n)*.*)\nnpx (stead up \S+ \S+)/m.exec(readFileSync('README.md', 'utf8')) ?? []
    if (command === undefined || next === undefined) throw new Error('the README does not print the commands')
    const checkout = join(directory, 'checkout')
    mkdirSync(checkout)
    symlinkSync(network.layout.root, join(checkout, '.stead'))
    writeFileSync(join(checkout, 'words'), readFileSync(words))
    const npx = `npx() { shift; ${process.execPath} --conditions=@stead/source ${MAIN} "$@"; }`
    const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', `${npx}\nnpx ${command}`], {
      cwd: checkout,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
        HOME: '/nonexistent',
        STEAD_NETWORK_LISTEN: '/ip4/127.0.0.1/tcp/0',
        STEAD_NETWORK_MDNS: 'false',
      },
    })
    expect(stdout).toContain('1 bucket is back: photos')
    const machine = join(directory, 'second-machine')
    expect(stderr).toContain(`go to ${machine}\n`)
    expect(stdout).toContain(`\nnow: ${next}\n`)
    const kept = readFileSync(join(machine, 'config.json'), 'utf8')
    expect(JSON.parse(kept)).toMatchObject({ chain: { addressBook: join(checkout, '.stead', 'address-book.json') } })
    // Without a flag, and from another folder: where the network is was kept.
    await up(machine, [])
    expect(await run(machine, 'ls', 'stead://photos')).toContain('one')
    expect(await run(machine, 'usage')).toContain('pays nothing; 1 bucket is there: photos\n')
  }, 120_000)

  it('takes the place of no machine that still runs, and touches no folder whose node runs', async () => {
    const payer = network.members.find(({ name }) => name === 'payer')
    const third = join(directory, 'third')
    const told = await refusal(third, '--replace', payer?.node ?? '', ...joining())
    expect(told).toContain(`${payer?.node} still runs`)
    expect(told).toContain('NODE_PAYER_RUNS')
    expect(readdirSync(join(third, 'keys'))).toEqual(['node.key'])
    // Nothing of the place that it did not get: beside the others it may write.
    await run(third, 'recover', '--beside', '--phrase-file', words, ...joining())
    const second = join(directory, 'second')
    expect(await refusal(second, '--beside', ...joining())).toMatch(/runs in .*second \(process \d+\).*NODE_RUNNING/)
    rmSync(join(second, 'storage.phrase'))
    expect(await refusal(second, '--beside', ...joining())).toContain('NODE_RUNNING')
    expect(existsSync(join(second, 'storage.phrase'))).toBe(false)
    writeFileSync(join(second, 'storage.phrase'), readFileSync(words))
  }, 120_000)

  it('is told of wrong words before it is asked where the network is', async () => {
    const wrong = join(directory, 'wrong')
    writeFileSync(wrong, `${'abandon '.repeat(23)}zoo`)
    const nowhere = join(directory, 'nowhere')
    const { stderr } = await stead(['recover', '--phrase-file', wrong, '--no-mdns', '--data-dir', nowhere])
    expect(stderr).toContain('STORAGE_BAD_PHRASE')
    expect(existsSync(nowhere)).toBe(false)
  })

  it('is told what is not set of the network, before anything is written', async () => {
    const nowhere = join(directory, 'nowhere')
    const told = await refusal(nowhere, '--no-mdns')
    expect(told).toMatch(/not set: chain.rpcUrl \(--rpc.*chain.addressBook.*network.bootstrap.*NODE_NETWORK_UNKNOWN/)
    expect(existsSync(nowhere)).toBe(false)
  })

  it('brings back everything of a machine that is gone: objects, money, agreements', async () => {
    const payer = network.members.find(({ name }) => name === 'payer')
    if (payer === undefined) throw new Error('no payer')
    network.killMember('payer')
    const old = join(directory, 'old')
    renameSync(network.layout.payerDir, old)
    const fresh = join(directory, 'fresh')
    writeConfig(fresh)
    const recovered = JSON.parse(
      await run(fresh, 'recover', '--without-absent', '--replace', payer.node, '--phrase-file', words, '--json'),
    )
    expect(recovered).toMatchObject({ node: payer.node, buckets: ['photos'], books: { silentNodes: 0 } })
    expect(recovered.books.segments).toBeGreaterThan(2)
    await up(fresh, [])
    for (const name of ['one', 'two', 'three', 'four']) {
      await run(fresh, 'get', `stead://photos/${name}`, back)
      expect(readFileSync(back).equals(bytes)).toBe(true)
    }
    const usage = JSON.parse(await run(fresh, 'usage', '--now', '--json'))
    expect(usage.round.outcomes).toMatchObject({ paid: recovered.books.nodes, lied: 0, lost: 0, offline: 0 })
    await run(fresh, 'put', file, 'stead://photos/five')
    expect(await run(fresh, 'rm', 'stead://photos/one')).toContain('1 deleted')
    expect(await run(join(directory, 'second'), 'ls', 'stead://photos')).toMatch(/five\n.*four\n.*three\n.*two\n/s)
    await up(old)
    const { stderr } = await stead(['ls', 'stead://photos', '--data-dir', old])
    expect(stderr).toContain('STORAGE_PLACE_TAKEN')
  }, 300_000)

  it('is refused with wrong words, and where nobody keeps anything under it', async () => {
    const other = join(directory, 'other')
    writeFileSync(words, `${'abandon '.repeat(23)}art`)
    const unknown = await stead(['recover', '--phrase-file', words, ...joining(), '--data-dir', other])
    expect([unknown.code, unknown.stderr]).toEqual([5, expect.stringContaining('STORAGE_ROOT_UNKNOWN')])
    writeFileSync(words, `${'abandon '.repeat(23)}zoo`)
    const wrong = await stead(['recover', '--phrase-file', words, ...joining(), '--data-dir', join(directory, 'y')])
    expect([wrong.code, wrong.stderr]).toEqual([expect.any(Number), expect.stringContaining('STORAGE_BAD_PHRASE')])
  }, 120_000)
})
