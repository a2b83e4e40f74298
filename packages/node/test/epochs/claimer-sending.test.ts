import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, hash, microUsd, type Signer, silentLogger, silentMetrics, type Wei } from '@stead/core'
import { RewardClaimer } from '@stead/epochs'
import { type AddressBook, chainIdentityOf, EvmChain, type EvmInput } from '@stead/evm'
import { AnvilProcess } from '@stead/evm/anvil'
import { deployContracts } from '@stead/evm/deploy'
import { createSigner, keccakText, loadSecp256k1 } from '@stead/protocol'
import { buildTestPurse, MemoryStore } from '@stead/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/adapters/system-clock.ts'

const secp256k1 = await loadSecp256k1()
const GAS = (10n ** 19n) as Wei
const NET = 950_000n
let made = 0
const newSigner = (): Signer => createSigner(secp256k1, keccakText(`claimer sending ${++made}`))
/** Impatient, so that a test does not wait as a node does. */
const IMPATIENT: Partial<EvmInput> = { receiptPollMinMs: 10, receiptPollMaxMs: 50, replacedAfterMs: 200 }

describe('claims whose transactions have trouble on a real chain', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stead-claimer-'))
  const anvil = new AnvilProcess({ clock: systemClock, logger: silentLogger }, { directory })
  const chains: EvmChain[] = []
  let book: AddressBook
  let payer: EvmChain
  let operator: Address
  const rpc = async (method: string, ...params: unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(anvil.rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    return ((await response.json()) as { result: unknown }).result
  }
  const connect = async (signer: Signer, input: Partial<EvmInput> = {}): Promise<EvmChain> => {
    await anvil.faucet(signer.address, { gasWei: GAS, dollarMicroUsd: microUsd(100_000_000n), dollar: book.dollar })
    const chain = new EvmChain(
      { clock: systemClock, logger: silentLogger, metrics: silentMetrics, signer },
      { rpcUrl: anvil.rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock, ...input },
    )
    chains.push(chain)
    await chain.start()
    return chain
  }
  beforeAll(async () => {
    await anvil.start()
    const signer = newSigner()
    await anvil.faucet(signer.address, { gasWei: GAS })
    const components = { clock: systemClock, logger: silentLogger, signer }
    book = await deployContracts(components, { rpcUrl: anvil.rpcUrl, dollar: 'test' })
    payer = await connect(newSigner())
  }, 60_000)
  afterAll(async () => {
    for (const chain of chains) await chain.stop()
    await anvil.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  beforeEach(async () => {
    operator = newSigner().address
    await owe()
  })
  afterEach(async () => {
    await rpc('evm_setAutomine', true)
    await rpc('evm_mine')
  })

  /** A dollar is claimed for the operator: the Escrow owes it the net. */
  async function owe(): Promise<void> {
    const salt = hash(`0x${(++made).toString(16).padStart(64, '0')}`)
    const leaf = { node: newSigner().address, operator, allocationMicroUsd: microUsd(1_000_000n) }
    const purse = buildTestPurse(book, { payer: payer.account, voucherKey: newSigner(), salt }, [leaf])
    await payer.fund(purse)
    await payer.claim([purse.claimOf(0, microUsd(1_000_000n))])
  }

  async function claimerOf(input: Partial<EvmInput> = {}, store = new MemoryStore()) {
    const chain = await connect(newSigner(), { ...IMPATIENT, ...input })
    const ports = {
      clock: systemClock,
      logger: silentLogger,
      store,
      chain,
      economy: await chain.economy(book),
      history: await chain.history(book),
      books: await chain.ledger(book),
      time: { epoch: () => 0 },
    }
    const options = { operator, minimumMicroUsd: microUsd(0n), nativeCoinMicroUsd: microUsd(0n) }
    return { chain, claimer: new RewardClaimer(ports as never, {} as never, options) }
  }
  const waiting = (count: number) =>
    expect
      .poll(async () => Number(((await rpc('txpool_status')) as { pending: string }).pending), { timeout: 10_000 })
      .toBe(count)
  const balance = async (): Promise<bigint> => (await payer.balances(operator)).dollarMicroUsd
  /** Every row is a transaction of the chain, with what it cost. */
  const expectRows = async (claimer: RewardClaimer, count: number): Promise<void> => {
    const rows = await claimer.claimed()
    expect(rows).toHaveLength(count)
    for (const { transaction, gasCostWei, kind } of rows) {
      expect(kind).toBe('payout')
      expect((await payer.transaction(transaction as never))?.gasCostWei).toBe(gasCostWei)
    }
  }

  it('are offered for more when they are stuck behind a low fee, are shown meanwhile, and paid once', async () => {
    const { claimer } = await claimerOf({ feeBumpAfterMs: 300 })
    await rpc('evm_setAutomine', false)
    const claiming = claimer.claim(false)
    await waiting(1)
    expect(claimer.state).toMatchObject({ reason: 'claiming', sending: { kind: 'payout' } })
    const { baseFeePerGas } = (await rpc('eth_getBlockByNumber', 'latest', false)) as { baseFeePerGas: string }
    // Every block asks for more than was offered first, and takes nothing.
    const price = `0x${((BigInt(baseFeePerGas) + 10n ** 9n) * 3n).toString(16)}`
    let isDone = false
    const claimed = claiming.finally(() => {
      isDone = true
    })
    const mine = async (): Promise<boolean> => {
      await rpc('anvil_setNextBlockBaseFeePerGas', price)
      await rpc('evm_mine')
      return isDone
    }
    await mine()
    expect(await balance()).toBe(0n)
    expect(claimer.state.sending?.kind).toBe('payout')
    await expect.poll(mine, { timeout: 20_000 }).toBe(true)
    const [row] = await claimed
    expect(row?.gasCostWei).toBeGreaterThan(0n)
    expect(await balance()).toBe(NET)
    await expectRows(claimer, 1)
    expect(claimer.state).toMatchObject({ reason: 'claimed', sending: undefined })
  })

  it('are sent again when another program of the account takes their nonce', async () => {
    const { claimer, chain } = await claimerOf()
    await rpc('evm_setAutomine', false)
    const claiming = claimer.claim(false)
    await waiting(1)
    await rpc('anvil_dropAllTransactions')
    await rpc('anvil_setNonce', chain.account, '0x1')
    await rpc('evm_mine')
    await waiting(1)
    await rpc('evm_mine')
    await claiming
    expect(await balance()).toBe(NET)
    await expectRows(claimer, 1)
  })

  it('that no block takes in time are found when one takes them later, and not paid for twice', async () => {
    const { claimer } = await claimerOf({ receiptTimeoutMs: 1000 })
    await rpc('evm_setAutomine', false)
    await expect(claimer.claim(false)).rejects.toMatchObject({ code: 'CHAIN_TIMEOUT' })
    expect(claimer.state).toMatchObject({ reason: 'chain-unreachable', sending: undefined })
    expect(claimer.state.error).toContain('was not mined')
    await rpc('evm_mine')
    expect(await claimer.claim(false)).toEqual([])
    expect(claimer.state.error).toBeUndefined()
    expect(await balance()).toBe(NET)
    await expectRows(claimer, 1)
  })

  it('that a reorganisation takes back are made again, and the row of the lost one goes', async () => {
    const { claimer, chain } = await claimerOf()
    const before = await rpc('evm_snapshot')
    await claimer.claim(false)
    const [lost] = await claimer.claimed()
    await rpc('evm_revert', before)
    expect(await balance()).toBe(0n)
    // The other branch is another one: somebody pays in between, and blocks cost more.
    await owe()
    await rpc('anvil_setNextBlockBaseFeePerGas', `0x${(5n * 10n ** 9n).toString(16)}`)
    await rpc('evm_mine')
    expect(await chain.transaction((lost?.transaction ?? '0x') as never)).toBeUndefined()
    await claimer.claim(false)
    expect(await balance()).toBe(2n * NET)
    await expectRows(claimer, 1)
    expect((await claimer.claimed())[0]?.transaction).not.toBe(lost?.transaction)
  })

  it('that a reorganisation moves into another block keep their row', async () => {
    const { claimer, chain } = await claimerOf()
    const before = await rpc('evm_snapshot')
    await claimer.claim(false)
    const [row] = await claimer.claimed()
    const raw = await rpc('eth_getRawTransactionByHash', row?.transaction)
    await rpc('evm_revert', before)
    await rpc('evm_mine')
    await rpc('eth_sendRawTransaction', raw)
    const moved = () => chain.transaction((row?.transaction ?? '0x') as never)
    await expect.poll(moved, { timeout: 10_000 }).toBeDefined()
    expect(await claimer.claim(false)).toEqual([])
    expect(await balance()).toBe(NET)
    await expectRows(claimer, 1)
  })
}, 60_000)
