import { type ChildProcess, spawn } from 'node:child_process'
import { type Address, type Clock, type Logger, messageOf, type Timer } from '@stead/core'
import { z } from 'zod'
import { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import type { JsonRpc } from '../json-rpc.ts'
import { findAnvil } from './binary.ts'
import { type FaucetGift, giveFromFaucet } from './faucet.ts'
import {
  connectLocal,
  dumpState,
  END_TIMEOUT_MS,
  endProcess,
  instanceOf,
  isAlive,
  untilGone,
  withSurvivor,
} from './left-behind.ts'
import { OwnerWatch } from './owner-watch.ts'
import { freePort } from './port.ts'
import { type RunRecord, StateFiles } from './state-file.ts'

/** Chain id of every local chain; wallets and contracts know it as a devnet's. */
export const ANVIL_CHAIN_ID = 31337
/** Blocks whose state stays readable; more only costs memory. */
const HISTORY_BLOCKS = 64
const LAST_WORDS_BYTES_MAX = 4096
const READY_PAUSE_MS = 20
/** A process that could not take its port has ended by then. */
const SETTLED_AFTER_MS = 100
/** How long what watches a dead owner's chain may take to save and end it. */
const ORPHAN_TIMEOUT_MS = 20_000

/** What the local chain needs from its surroundings. */
export interface AnvilComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Called when the process ends without having been asked to. */
  readonly onEnded?: (error: ChainError) => void
}

/** Options of the local chain; strict. */
export const anvilOptionsSchema: z.ZodType<AnvilOptions, AnvilInput> = z.strictObject({
  /** Folder for the chain's state, made when missing. */
  directory: z.string().min(1),
  /** Port on 127.0.0.1; 0 picks a free one. @default 0 */
  port: z.int().min(0).max(65_535).default(0),
  /** Longest wait until the chain answers. @default 20000 ms, for a machine that is busy installing */
  startTimeoutMs: z.int().min(100).max(120_000).default(20_000),
  /** How often new blocks are written to disk; that much may be lost when the machine dies. @default 1000 ms */
  stateIntervalMs: z.int().min(100).max(60_000).default(1000),
  /** A block at least so often, beside those for transactions. @default none: nothing happens, nothing is written */
  blockSeconds: z.int().min(1).max(3600).optional(),
})

interface AnvilOptions {
  readonly directory: string
  readonly port: number
  readonly startTimeoutMs: number
  readonly stateIntervalMs: number
  readonly blockSeconds?: number | undefined
}

/** What a caller may write; defaults are filled in. */
export interface AnvilInput {
  readonly directory: string
  readonly port?: number | undefined
  readonly startTimeoutMs?: number | undefined
  readonly stateIntervalMs?: number | undefined
  readonly blockSeconds?: number | undefined
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<void>
  readonly watch: OwnerWatch | undefined
  readonly jsonRpc: JsonRpc
  readonly rpc: ChainRpc
  readonly port: number
  /** Known as soon as it answers. */
  instanceId: string | undefined
  lastWords: string
}

/**
 * A local chain: the anvil program from npm as a child process, its state kept in a folder. It ends with its
 * owner, however that ends; one that outlived a killed owner all the same is recognised, its last state is saved, and a
 * new process goes on from there.
 */
export class AnvilProcess {
  readonly #components: AnvilComponents
  readonly #options: AnvilOptions
  readonly #files: StateFiles
  #running: Running | undefined
  #savedBlock = -1
  #saving: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #isStopping = false
  readonly #killChild = (): void => {
    this.#running?.child.kill('SIGKILL')
    this.#running?.watch?.stop()
  }

  /** @throws ZodError for wrong options */
  constructor(components: AnvilComponents, input: AnvilInput) {
    this.#components = components
    this.#options = anvilOptionsSchema.parse(input)
    this.#files = new StateFiles(this.#options.directory)
  }

  /** Where the chain answers. @throws TypeError while it is not started */
  get rpcUrl(): string {
    return `http://127.0.0.1:${this.#started().port}`
  }

  /** The chain's process. @throws TypeError while it is not started */
  get pid(): number {
    return this.#started().child.pid ?? 0
  }

  /**
   * Starts the chain where it was left and returns when it answers.
   * @throws ChainError CHAIN_LOCAL_BUSY, CHAIN_LOCAL_FAILED
   */
  async start(): Promise<void> {
    this.#isStopping = false
    await this.#files.prepare()
    await this.#takeOver()
    const port = await freePort(this.#options.port)
    const running = await this.#spawn(port)
    this.#running = running
    process.once('exit', this.#killChild)
    try {
      await this.#ready(running)
      await this.#catchUpTime(running.rpc)
      running.instanceId = await instanceOf(running.rpc)
      await this.#writeRecord(running)
    } catch (error) {
      await this.#end(running)
      throw error
    }
    void running.ended.then(() => this.#ended(running))
    this.#scheduleSave()
    this.#components.logger.info('local chain started', { pid: running.child.pid, port })
  }

  /** Saves the state and ends the process; does nothing when it is not running. Never throws: the end is the end. */
  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined || this.#isStopping) return
    this.#isStopping = true
    this.#timer?.clear()
    await this.saveState().catch((error: unknown) => {
      this.#components.logger.error('local chain not saved', { error: messageOf(error) })
    })
    await this.#end(running)
    await this.#files.removeRecord()
  }

  /** Writes the state to disk now. @throws ChainError CHAIN_UNREACHABLE when the process is gone */
  saveState(): Promise<void> {
    const { rpc } = this.#started()
    const saved = this.#saving.then(() => this.#save(rpc))
    this.#saving = saved.catch(() => undefined)
    return saved
  }

  /** Gives an account gas and test dollars; returns when they have arrived. @throws as {@link giveFromFaucet} */
  async faucet(account: Address, gift: FaucetGift): Promise<void> {
    await giveFromFaucet({ rpc: this.#started().rpc, clock: this.#components.clock }, account, gift)
  }

  #started(): Running {
    if (this.#running === undefined) throw new TypeError('the local chain was not started')
    return this.#running
  }

  /** Deals with a process that a killed owner left behind. @throws ChainError CHAIN_LOCAL_BUSY when its owner lives */
  async #takeOver(): Promise<void> {
    const record = await this.#files.readRecord()
    if (record === undefined) return
    const { clock } = this.#components
    const { watchPid, ownerPid } = record
    const isOwned = ownerPid !== process.pid && isAlive(ownerPid)
    // It may just be saving the chain of its dead owner.
    if (watchPid !== undefined && ownerPid !== process.pid && !isOwned)
      await untilGone(watchPid, clock, ORPHAN_TIMEOUT_MS)
    await withSurvivor(record, clock, async (rpc) => {
      if (isOwned) throw this.#busy(record)
      this.#components.logger.warn('local chain outlived its owner', { pid: record.pid, port: record.port })
      await this.#save(rpc)
      await endProcess(record.pid, clock)
    })
    await this.#files.removeRecord()
  }

  #busy({ ownerPid, port }: RunRecord): ChainError {
    const { directory } = this.#options
    return new ChainError('CHAIN_LOCAL_BUSY', `process ${ownerPid} uses the local chain in ${directory}`, {
      details: { directory, ownerPid, port },
    })
  }

  async #writeRecord({ child, watch, port, instanceId }: Running): Promise<void> {
    if (instanceId === undefined) return
    const watchPid = watch?.pid
    await this.#files.writeRecord({
      version: 1,
      pid: child.pid ?? 0,
      ownerPid: process.pid,
      ...(watchPid === undefined ? {} : { watchPid }),
      port,
      instanceId,
    })
  }

  async #spawn(port: number): Promise<Running> {
    const state = (await this.#files.hasState()) ? ['--load-state', this.#files.statePath] : []
    const { blockSeconds } = this.#options
    const mining = blockSeconds === undefined ? [] : ['--block-time', String(blockSeconds), '--mixed-mining']
    const numbers = ['--port', port, '--chain-id', ANVIL_CHAIN_ID, '--accounts', 1, '--balance', 1_000_000]
    const child = spawn(
      findAnvil(),
      [
        '--host',
        '127.0.0.1',
        '--silent',
        '--prune-history',
        String(HISTORY_BLOCKS),
        ...numbers.map(String),
        ...mining,
        ...state,
      ],
      // Its own group: Ctrl-C in a terminal must reach us only, or the state of the last moment would be lost.
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true, windowsHide: true },
    )
    const jsonRpc = connectLocal(this.#components.clock, port)
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    const watch = this.#watch(child.pid)
    const rpc = new ChainRpc(jsonRpc)
    const running: Running = { child, ended, watch, jsonRpc, rpc, port, instanceId: undefined, lastWords: '' }
    const hear = (chunk: Buffer): void => {
      running.lastWords = (running.lastWords + chunk.toString('utf8')).slice(-LAST_WORDS_BYTES_MAX)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', (error) => hear(Buffer.from(error.message)))
    return running
  }

  #watch(chainPid: number | undefined): OwnerWatch | undefined {
    if (chainPid === undefined) return undefined
    const { directory } = this.#options
    const onReplaced = (): void => {
      if (this.#running === undefined) return
      this.#writeRecord(this.#running).catch((error: unknown) => {
        this.#components.logger.warn('local chain not recorded', { error: messageOf(error) })
      })
    }
    const onFailed = (error: Error): void =>
      this.#components.logger.info('local chain outlives this process if that is killed', { error: messageOf(error) })
    return new OwnerWatch({ directory, chainPid, onReplaced, onFailed })
  }

  async #ready(running: Running): Promise<void> {
    const { clock } = this.#components
    const startedMs = clock.monotonicMs()
    let isEnded = false
    void running.ended.then(() => {
      isEnded = true
    })
    while (clock.monotonicMs() - startedMs < this.#options.startTimeoutMs) {
      if (isEnded) throw this.#failed(running, 'ended while it was starting')
      try {
        await running.rpc.chainId()
        // Somebody else's chain may have taken the port in between and answer in our process's place, which then ends.
        await clock.sleep(Math.max(0, startedMs + SETTLED_AFTER_MS - clock.monotonicMs()))
        if (isEnded) throw this.#failed(running, 'ended while it was starting')
        return
      } catch (error) {
        if (!(error instanceof ChainError) || error.code !== 'CHAIN_UNREACHABLE') throw error
      }
      await clock.sleep(READY_PAUSE_MS)
    }
    throw this.#failed(running, `did not answer in ${this.#options.startTimeoutMs} ms`)
  }

  /** Time that was moved forward before the chain stopped must not run back now that it goes on. */
  async #catchUpTime(rpc: ChainRpc): Promise<void> {
    const { timestampSeconds } = await rpc.latestBlock()
    const aheadSeconds = timestampSeconds - Math.floor(this.#components.clock.now() / 1000)
    if (aheadSeconds > 0) await rpc.development('evm_increaseTime', [aheadSeconds])
  }

  #failed(running: Running, what: string): ChainError {
    const lastWords = running.lastWords.trim()
    return new ChainError(
      'CHAIN_LOCAL_FAILED',
      `the local chain ${what}${lastWords === '' ? '' : `: ${lastWords.slice(0, 300)}`}`,
      { details: { directory: this.#options.directory, port: running.port, lastWords } },
    )
  }

  #scheduleSave(): void {
    this.#timer = this.#components.clock.setTimer(this.#options.stateIntervalMs, () => {
      this.saveState()
        .catch((error: unknown) => {
          if (!this.#isStopping) this.#components.logger.warn('local chain not saved', { error: messageOf(error) })
        })
        .finally(() => {
          if (!this.#isStopping && this.#running !== undefined) this.#scheduleSave()
        })
    })
  }

  async #save(rpc: ChainRpc): Promise<void> {
    const block = await rpc.blockNumber()
    if (block === this.#savedBlock) return
    await this.#files.saveState(await dumpState(rpc))
    this.#savedBlock = block
  }

  #ended(running: Running): void {
    if (this.#isStopping) return
    this.#timer?.clear()
    this.#release(running)
    const error = this.#failed(running, `ended unexpectedly (${running.child.signalCode ?? running.child.exitCode})`)
    this.#components.logger.error('local chain ended', { error: error.message })
    this.#components.onEnded?.(error)
  }

  #release(running: Running): void {
    process.removeListener('exit', this.#killChild)
    running.watch?.stop()
    running.jsonRpc.stop()
    this.#running = undefined
    this.#savedBlock = -1
  }

  async #end(running: Running): Promise<void> {
    this.#isStopping = true
    running.child.kill('SIGTERM')
    const timer = this.#components.clock.setTimer(END_TIMEOUT_MS, () => running.child.kill('SIGKILL'))
    await running.ended
    timer.clear()
    this.#release(running)
  }
}
