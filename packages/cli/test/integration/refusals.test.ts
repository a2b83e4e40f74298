import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { readApiFile } from '@stead/node/files'
import { loadSecp256k1 } from '@stead/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { daemonClient } from '../../src/daemon-access.ts'
import { devLayout } from '../../src/dev/dev-layout.ts'
import { LocalChain } from '../../src/dev/local-chain.ts'
import { SteadProcess, stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-refusals-'))
const layout = devLayout(directory)
let chain: LocalChain

beforeAll(async () => {
  const onEnded = (error: Error): void => {
    throw error
  }
  chain = new LocalChain({ logger: silentLogger, secp256k1: await loadSecp256k1(), onEnded }, { layout, port: 0 })
  await chain.start()
}, 60_000)

afterAll(async () => {
  await chain.stop()
  rmSync(directory, { recursive: true, force: true })
})

let count = 0
function upArguments(rpcUrl: string, addressBook: string): string[] {
  count += 1
  const dataDir = join(directory, `node-${count}`)
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
  return ['up', '--data-dir', dataDir, '--rpc', rpcUrl, '--address-book', addressBook, ...listen]
}

describe('a node that cannot start', () => {
  it('says which chain it needs and which it found', async () => {
    const wrong = join(directory, 'wrong.json')
    writeFileSync(wrong, JSON.stringify({ ...JSON.parse(readFileSync(layout.addressBook, 'utf8')), chainId: 10 }))
    const { code, stderr } = await stead(upArguments(chain.rpcUrl, wrong))
    expect(code).toBe(1)
    expect(stderr).toContain('CHAIN_WRONG_ID')
    expect(stderr).toMatch(/need 10/)
    expect(stderr).toMatch(/have 31337/)
  })

  it('says that the chain does not answer, and that it may be tried again', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    const { code, stderr } = await stead(upArguments(`http://127.0.0.1:${port}`, layout.addressBook))
    expect([code, stderr]).toEqual([5, expect.stringContaining('CHAIN_UNREACHABLE')])
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('says that its address book is no address book', async () => {
    const { code, stderr } = await stead(upArguments(chain.rpcUrl, join(directory, 'missing.json')))
    expect([code, stderr]).toEqual([1, expect.stringContaining('CHAIN_ADDRESS_BOOK')])
  })

  it('says that the port of its API is taken, and leaves nothing behind', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const args = upArguments(chain.rpcUrl, layout.addressBook)
    const { code, stderr } = await stead([...args, '--api-port', String(port)])
    expect([code, stderr]).toEqual([5, expect.stringContaining('NODE_PORT_TAKEN')])
    server.close()
    expect(readApiFile(args[2] ?? '')).toBeUndefined()
  })

  it('asks who is paid before it sells anything', async () => {
    const { code, stderr } = await stead([...upArguments(chain.rpcUrl, layout.addressBook), '--provide'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('NODE_OPERATOR_MISSING')])
  })
})

describe('a node that runs', () => {
  it('answers, stops in peace at SIGTERM, and takes its api.json with it', async () => {
    const args = upArguments(chain.rpcUrl, layout.addressBook)
    const dataDir = args[2] ?? ''
    const node = new SteadProcess([...args, '--log-format', 'json'])
    await node.untilMessage(/node is up/)
    expect(await daemonClient(dataDir).getStatus()).toMatchObject({ roles: ['payer'], provider: { state: 'off' } })
    const doctor = await stead(['doctor', '--data-dir', dataDir, '--json'])
    expect(JSON.parse(doctor.stdout)).toMatchObject({ healthy: true })
    const selftest = await stead(['selftest', '--data-dir', dataDir, '--json'])
    expect([selftest.code, JSON.parse(selftest.stdout).healthy]).toEqual([0, true])
    node.child.kill('SIGTERM')
    const { code, stderr } = await node.finished
    expect(code).toBe(0)
    expect(readApiFile(dataDir)).toBeUndefined()
    for (const line of stderr.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('message')
  })

  it('that sells finishes when asked: claims, exits 0', async () => {
    const operator = ['--provide', '--operator', `0x${'1'.repeat(40)}`]
    const args = [...upArguments(chain.rpcUrl, layout.addressBook), ...operator]
    const node = new SteadProcess(args)
    await node.untilMessage(/node is up/)
    const finish = await stead(['finish', '--data-dir', args[2] ?? '', '--json'])
    expect([finish.code, JSON.parse(finish.stdout).running]).toEqual([0, 0])
    expect((await node.finished).code).toBe(0)
  })
})

describe('a local network whose supervisor is killed without warning', () => {
  it('stops its daemons and its chain, and the next one on the folder goes on with chain and keys', async () => {
    const dataDir = join(directory, 'dev')
    const args = ['dev', '--nodes', '1', '--json', '--data-dir', dataDir]
    const first = new SteadProcess(args)
    const before = JSON.parse(await first.untilOutput(/\n/))
    const { payerDir, providerDir, chainDir } = devLayout(dataDir)
    const chainFile = readFileSync(join(chainDir, 'chain-process.json'), 'utf8')
    const { pid: chainPid } = JSON.parse(chainFile) as { readonly pid: number }
    const pids = [chainPid, ...[payerDir, providerDir(1)].map((dir) => readApiFile(dir)?.pid ?? 0)]
    expect(pids.map(isRunning)).toEqual([true, true, true])
    first.child.kill('SIGKILL')
    await first.finished
    for (const pid of pids) await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false)
    const second = await stead([...args, '--once'])
    expect([second.code, second.stderr]).toEqual([0, expect.not.stringContaining('error')])
    expect(JSON.parse(second.stdout)).toEqual(before)
  }, 60_000)
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
