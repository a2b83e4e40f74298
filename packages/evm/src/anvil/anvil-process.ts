import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Address, type Clock, type Logger, messageOf, type Timer } from '@stead/core'
import { z } from 'zod'
import { dataAnswer, recordAnswer } from '../answer.ts'
import { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import { JsonRpc } from '../json-rpc.ts'
import { findAnvil } from './binary.ts'
import { type FaucetGift, giveFromFaucet } from './faucet.ts'
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
/** How long a process may take to end after it was asked to, before it is killed. */
const END_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10_000

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
  readonly jsonRpc: JsonRpc
  readonly rpc: ChainRpc
  readonly port: number
  lastWords: string
}

/** True while a process with this id runs; one that ended and that nobody has collected yet is gone, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isUncollected(pid)
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM'
  }
}

/** Linux keeps the number of a killed process until its parent asks; in a container that may be never. */
function isUncollected(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    // Gone between the two questions.
    return true
  }
}

/**
 * A local chain: the anvil program from npm as a child process, its state kept in a folder. A chain that outlived a
 * killed owner is recognised, its last state is saved, and a new process goes on from there.
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
      await this.#files.writeRecord({
        version: 1,
        pid: running.child.pid ?? 0,
        ownerPid: process.pid,
        port,
        instanceId: await instanceOf(running.rpc),
      })
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
    const jsonRpc = this.#connect(record.port)
    try {
      const rpc = new ChainRpc(jsonRpc)
      const instanceId = await instanceOf(rpc).catch(() => undefined)
      if (instanceId === record.instanceId) await this.#adopt(record, rpc)
    } finally {
      jsonRpc.stop()
    }
    await this.#files.removeRecord()
  }

  async #adopt(record: RunRecord, rpc: ChainRpc): Promise<void> {
    if (record.ownerPid !== process.pid && isAlive(record.ownerPid))
      throw new ChainError(
        'CHAIN_LOCAL_BUSY',
        `process ${record.ownerPid} uses the local chain in ${this.#options.directory}`,
        { details: { directory: this.#options.directory, ownerPid: record.ownerPid, port: record.port } },
      )
    this.#components.logger.warn('local chain outlived its owner', { pid: record.pid, port: record.port })
    await this.#save(rpc)
    process.kill(record.pid, 'SIGTERM')
    const { clock } = this.#components
    const startedMs = clock.monotonicMs()
    while (isAlive(record.pid) && clock.monotonicMs() - startedMs < END_TIMEOUT_MS) await clock.sleep(READY_PAUSE_MS)
    if (isAlive(record.pid)) process.kill(record.pid, 'SIGKILL')
  }

  #connect(port: number): JsonRpc {
    return new JsonRpc(this.#components, {
      rpcUrl: `http://127.0.0.1:${port}`,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
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
    const jsonRpc = this.#connect(port)
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    const running: Running = { child, ended, jsonRpc, rpc: new ChainRpc(jsonRpc), port, lastWords: '' }
    const hear = (chunk: Buffer): void => {
      running.lastWords = (running.lastWords + chunk.toString('utf8')).slice(-LAST_WORDS_BYTES_MAX)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', (error) => hear(Buffer.from(error.message)))
    return running
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
    const dump = dataAnswer(await rpc.development('anvil_dumpState', []), 'anvil_dumpState')
    await this.#files.saveState(dump)
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

async function instanceOf(rpc: ChainRpc): Promise<string> {
  const metadata = recordAnswer(await rpc.development('anvil_metadata', []), 'anvil_metadata')
  return String(metadata.instanceId)
}
