import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasCode, silentLogger, type Wei } from '@stead/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findAnvil } from '../src/anvil/binary.ts'
import { AnvilProcess } from '../src/anvil/index.ts'
import type { ChainError } from '../src/index.ts'
import { newSigner, rawRpc } from './devnet.ts'
import { systemClock } from './system-clock.ts'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'stead-anvil-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function startAnvil(
  directory: string,
  options: { port?: number; onEnded?: (error: ChainError) => void } = {},
): Promise<AnvilProcess> {
  const { port, onEnded } = options
  const components = { clock: systemClock, logger: silentLogger, ...(onEnded === undefined ? {} : { onEnded }) }
  const anvil = new AnvilProcess(components, { directory, port })
  onTestFinished(() => anvil.stop())
  await anvil.start()
  return anvil
}

const balanceOf = async (anvil: AnvilProcess, account: string): Promise<bigint> =>
  BigInt(String(await rawRpc(anvil.rpcUrl, 'eth_getBalance', [account, 'latest'])))
const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

/** A process that keeps a chain, and the chain's own; it has given the account 9 wei. */
async function startOwner(
  directory: string,
  account: string,
  ...mode: readonly string[]
): Promise<{ readonly owner: ChildProcess; readonly chain: number }> {
  const script = fileURLToPath(new URL('process/anvil-owner.ts', import.meta.url))
  const owner = spawn(process.execPath, ['--conditions=@stead/source', script, directory, account, ...mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(owner.stdout, 'data')) as [Buffer]
  return { owner, chain: Number(line.toString('utf8')) }
}

/** The process that ends the chain of a folder when its owner is gone. */
function watchOf(directory: string): number {
  const { watchPid } = JSON.parse(readFileSync(join(directory, 'chain-process.json'), 'utf8')) as { watchPid: number }
  return watchPid
}

describe('the local chain', () => {
  it('goes on where it was stopped, time and events included', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const first = await startAnvil(directory)
    const { pid } = first
    await first.faucet(account, { gasWei: 5n as Wei })
    await rawRpc(first.rpcUrl, 'evm_increaseTime', [1_000_000])
    await rawRpc(first.rpcUrl, 'evm_mine', [])
    const before = (await rawRpc(first.rpcUrl, 'eth_getBlockByNumber', ['latest', false])) as { timestamp: string }
    await first.stop()
    expect(isGone(pid)).toBe(true)
    const second = await startAnvil(directory)
    expect(await balanceOf(second, account)).toBe(5n)
    await rawRpc(second.rpcUrl, 'evm_mine', [])
    const after = (await rawRpc(second.rpcUrl, 'eth_getBlockByNumber', ['latest', false])) as { timestamp: string }
    expect(Number(after.timestamp)).toBeGreaterThanOrEqual(Number(before.timestamp))
  })

  it('killed with -9, has what was mined two seconds ago, and says that it ended', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const ended = Promise.withResolvers<ChainError>()
    const anvil = await startAnvil(directory, { onEnded: ended.resolve })
    await anvil.faucet(account, { gasWei: 7n as Wei })
    const statePath = join(directory, 'chain-state.json')
    const isSaved = (): boolean => existsSync(statePath) && readFileSync(statePath, 'utf8').includes(account.slice(2))
    await expect.poll(isSaved, { timeout: 5000 }).toBe(true)
    process.kill(anvil.pid, 'SIGKILL')
    expect(hasCode(await ended.promise, 'CHAIN_LOCAL_FAILED')).toBe(true)
    const again = await startAnvil(directory)
    expect(await balanceOf(again, account)).toBe(7n)
  })

  it('ends with an owner that is killed, with nothing lost', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const { owner, chain } = await startOwner(directory, account)
    await expect(startAnvil(directory)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_LOCAL_BUSY'))
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    await expect.poll(() => isGone(chain), { timeout: 20_000 }).toBe(true)
    expect(await balanceOf(await startAnvil(directory), account)).toBe(9n)
  })

  it('of a killed owner is saved and ended by a next one that starts at once', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const { owner, chain } = await startOwner(directory, account)
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    const anvil = await startAnvil(directory)
    await expect.poll(() => isGone(chain), { timeout: 20_000 }).toBe(true)
    expect(await balanceOf(anvil, account)).toBe(9n)
  })

  it('is watched again when what watches its owner is killed', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const { owner, chain } = await startOwner(directory, account)
    const watch = watchOf(directory)
    process.kill(watch, 'SIGKILL')
    await expect.poll(() => watchOf(directory), { timeout: 5000 }).not.toBe(watch)
    owner.kill('SIGKILL')
    await expect.poll(() => isGone(chain), { timeout: 20_000 }).toBe(true)
    expect(await balanceOf(await startAnvil(directory), account)).toBe(9n)
  })

  it('outlives an owner that is killed with what watches it, and the next owner takes over with nothing lost', async () => {
    const directory = temporaryDirectory()
    const account = newSigner().address
    const { owner, chain } = await startOwner(directory, account)
    // Stopped, so that it cannot have itself watched again.
    owner.kill('SIGSTOP')
    process.kill(watchOf(directory), 'SIGKILL')
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    expect(isGone(chain)).toBe(false)
    const anvil = await startAnvil(directory)
    // Its number stays until the system's first process has collected it.
    await expect.poll(() => isGone(chain), { timeout: 20_000 }).toBe(true)
    expect(anvil.pid).not.toBe(chain)
    expect(await balanceOf(anvil, account)).toBe(9n)
  })

  it('leaves no process behind that watches once it is stopped', async () => {
    const directory = temporaryDirectory()
    const anvil = await startAnvil(directory)
    const watch = watchOf(directory)
    expect(isGone(watch)).toBe(false)
    await anvil.stop()
    await expect.poll(() => isGone(watch), { timeout: 5000 }).toBe(true)
  })

  it('ends with an owner that ends without stopping it', async () => {
    const directory = temporaryDirectory()
    const { owner, chain } = await startOwner(directory, newSigner().address, 'exit')
    await once(owner, 'exit')
    await expect.poll(() => isGone(chain), { timeout: 5000 }).toBe(true)
  })

  it('refuses a port that is taken, and names it', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const started = startAnvil(temporaryDirectory(), { port })
    await expect(started).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_LOCAL_BUSY'))
    await expect(started).rejects.toThrow(`port ${port}`)
  })

  it('says what the program said when the state cannot be read, and leaves the file', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'chain-state.json'), 'rubbish')
    const started = startAnvil(directory)
    await expect(started).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_LOCAL_FAILED'))
    await expect(started).rejects.toThrow(/failed to parse/)
    expect(readFileSync(join(directory, 'chain-state.json'), 'utf8')).toBe('rubbish')
  })

  it('starts and stops again and again on the same object', async () => {
    const anvil = await startAnvil(temporaryDirectory())
    await anvil.stop()
    await anvil.stop()
    expect(() => anvil.rpcUrl).toThrow(/not started/)
    await anvil.start()
    expect(await balanceOf(anvil, newSigner().address)).toBe(0n)
    await anvil.stop()
  })

  it('names the package that is missing on a platform without one', () => {
    expect(() => findAnvil('plan9', 'mips')).toThrow(/anvil-plan9-mips/)
  })
})
