import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { address, hasCode, silentLogger } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type DeployInput, deployContracts } from '../src/deploy/index.ts'
import { type AddressBook, chainIdentityOf, readAddressBook, writeAddressBook } from '../src/index.ts'
import { type Devnet, newSigner, ONE_COIN, startDevnet } from './devnet.ts'
import { systemClock } from './system-clock.ts'

describe('deploying', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterAll(() => devnet.stop())

  async function deploy(input: Partial<DeployInput>): Promise<AddressBook> {
    const signer = newSigner()
    await devnet.give(signer.address, { gasWei: ONE_COIN })
    return deployContracts(
      { clock: systemClock, logger: silentLogger, signer },
      { rpcUrl: devnet.anvil.rpcUrl, dollar: devnet.book.dollar, ...input },
    )
  }

  it('uses a dollar that is there, and the terms that were asked for', async () => {
    const book = await deploy({ thawSeconds: 200_000, feeBps: 250 })
    expect(book).toMatchObject({
      version: 3,
      chainId: 31337,
      dollar: devnet.book.dollar,
    })
    expect(book.escrow).not.toBe(devnet.book.escrow)
    const chain = await devnet.connect({ identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock })
    expect(await chain.escrowTerms()).toEqual({ feeBps: 250, thawSeconds: 200_000 })
  })

  it('refuses terms that the contracts would refuse, and unknown ones', async () => {
    await expect(deploy({ thawSeconds: 3600 })).rejects.toThrow(/thawSeconds/)
    await expect(deploy({ feeBps: 1001 })).rejects.toThrow(/feeBps/)
    await expect(deploy({ dollar: 'eur' })).rejects.toThrow(/dollar/)
    await expect(deploy({ fee: 1 } as Partial<DeployInput>)).rejects.toThrow(/fee/)
  })

  it('refuses a dollar that is no contract, or that has not 6 decimals', async () => {
    await expect(deploy({ dollar: newSigner().address })).rejects.toSatisfy((e) => hasCode(e, 'CHAIN_WRONG_CONTRACT'))
    await expect(deploy({ dollar: devnet.book.escrow })).rejects.toSatisfy((e) => hasCode(e, 'CHAIN_REVERTED'))
  })

  it('works as a script against any endpoint: without gas it says whose and how much, with gas it writes the book', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stead-deploy-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const bookPath = join(directory, 'book.json')
    const run = async (): Promise<{ code: number; output: string }> => {
      const script = fileURLToPath(new URL('../../../scripts/deploy.ts', import.meta.url))
      const parameters = ['--rpc', devnet.anvil.rpcUrl, '--key-file', join(directory, 'key'), '--dollar', 'test']
      const child = spawn(
        process.execPath,
        ['--conditions=@stead/source', script, ...parameters, '--address-book', bookPath],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString('utf8')
        })
      const [code] = (await once(child, 'close')) as [number]
      return { code, output }
    }
    const poor = await run()
    expect(poor.code).toBe(5)
    const account = /the account (0x[0-9a-f]{40}) has 0/.exec(poor.output)?.[1]
    expect(poor.output).not.toMatch(/^\s+at /m)
    await devnet.give(address(account ?? ''), { gasWei: ONE_COIN })
    const rich = await run()
    expect(rich.code).toBe(0)
    const book = await readAddressBook(bookPath)
    expect(JSON.parse(rich.output)).toEqual(book)
    await devnet.connect({ identity: chainIdentityOf(book) })
    expect((await run()).code).toBe(2)
  })

  it('makes test money on no chain but a devnet', async () => {
    await devnet.rpc('anvil_setChainId', 8453)
    onTestFinished(async () => {
      await devnet.rpc('anvil_setChainId', 31337)
    })
    const components = { clock: systemClock, logger: silentLogger, signer: newSigner() }
    const deployed = deployContracts(components, { rpcUrl: devnet.anvil.rpcUrl, dollar: 'test' })
    await expect(deployed).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_NOT_DEVNET'))
    await expect(deployed).rejects.toThrow(/8453/)
  })
})

describe('the address book', () => {
  const book = {
    version: 3,
    chainId: 31337,
    escrow: newSigner().address,
    stake: newSigner().address,
    dollar: newSigner().address,
    token: newSigner().address,
    rewards: newSigner().address,
    equivocation: newSigner().address,
    possession: newSigner().address,
    governor: newSigner().address,
    timelock: newSigner().address,
    exchangeFactory: newSigner().address,
    exchangeRouter: newSigner().address,
    exchangePair: newSigner().address,
    deployedAtBlock: 7,
  } as const
  const pathOf = (): string => {
    const directory = mkdtempSync(join(tmpdir(), 'stead-book-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    return join(directory, 'deep', 'book.json')
  }

  it('comes back as it was written, with addresses of any letter case', async () => {
    const path = pathOf()
    await writeAddressBook(path, book)
    expect(await readAddressBook(path)).toEqual(book)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(book.escrow, `0x${book.escrow.slice(2).toUpperCase()}`))
    expect(await readAddressBook(path)).toEqual(book)
  })

  const damages: readonly (readonly [string, string])[] = [
    ['a missing file', ''],
    ['no JSON', '{'],
    ['another version', JSON.stringify({ ...book, version: 1 })],
    ['an unknown field', JSON.stringify({ ...book, stakeToken: book.dollar })],
    ['a missing field', JSON.stringify({ ...book, escrow: undefined })],
    ['a bad address', JSON.stringify({ ...book, escrow: '0x12' })],
    ['a chain id of text', JSON.stringify({ ...book, chainId: '1' })],
    ['a huge file', JSON.stringify({ ...book, escrow: 'x'.repeat(100_000) })],
  ]
  it.each(damages)('with %s is refused by path', async (_, text) => {
    const path = pathOf()
    await writeAddressBook(path, book)
    if (text === '') rmSync(path)
    else writeFileSync(path, text)
    const read = readAddressBook(path)
    await expect(read).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_ADDRESS_BOOK'))
    await expect(read).rejects.toThrow(path)
  })
})
