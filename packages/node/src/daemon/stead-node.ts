import { isFinal } from '@stead/compute'
import type { Logger } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import { METER_VERSION } from '@stead/sandbox/facts'
import { LazyExecutor } from '../adapters/lazy-executor.ts'
import { removeApiFile, writeApiFile } from '../api/api-file.ts'
import { ApiServer } from '../api/api-server.ts'
import type { NodeDirectories } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import { createExecutor } from './create-executor.ts'
import type { DaemonReady } from './daemon-ready.ts'
import { EpochLoader } from './epoch-loader.ts'
import { type Foundation, type NetworkDecorator, openFoundation } from './foundation.ts'
import { StopStack } from './stop-stack.ts'
import { openTrade, type Trade } from './trade.ts'

/** What a node is given from outside. */
export interface SteadNodeComponents {
  readonly logger: Logger
  /** @default the network itself */
  readonly decorateNetwork?: NetworkDecorator | undefined
}

/** How a node is put together. */
export interface SteadNodeOptions {
  readonly config: NodeConfig
  readonly directories: NodeDirectories
}

/** What a node is asked to do with its work in hand. */
export type NodeIntent = 'run' | 'finish' | 'stop'

/** An executor without work for so long gives its memory back: a job's next step comes sooner, the next job later. */
const EXECUTOR_REST_AFTER_MS = 120_000

/** The whole node: the one place where everything is put together. */
export class SteadNode {
  readonly startedAtMs: number = Date.now()
  readonly config: NodeConfig
  readonly directories: NodeDirectories
  readonly logger: Logger
  readonly #stops: StopStack
  readonly #decorateNetwork: NetworkDecorator | undefined
  readonly #stopping = new AbortController()
  readonly #finished = Promise.withResolvers<void>()
  #foundation: Foundation | undefined
  #trade: Trade | undefined
  #executor: LazyExecutor | undefined
  #epochs: EpochLoader | undefined
  #intent: NodeIntent = 'run'

  constructor(components: SteadNodeComponents, options: SteadNodeOptions) {
    this.logger = components.logger
    this.#decorateNetwork = components.decorateNetwork
    this.config = options.config
    this.directories = options.directories
    this.#stops = new StopStack(components)
  }

  /** Resolves when `finish` has completed everything. */
  get finished(): Promise<void> {
    return this.#finished.promise
  }

  get intent(): NodeIntent {
    return this.#intent
  }

  /** @throws TypeError before start */
  get foundation(): Foundation {
    return started(this.#foundation)
  }

  /** @throws TypeError before start */
  get trade(): Trade {
    return started(this.#trade)
  }

  /** @throws TypeError before start */
  get executor(): LazyExecutor {
    return started(this.#executor)
  }

  /** Undefined while the node takes no part in epochs. */
  get epochs(): EpochService | undefined {
    return this.#epochs?.service
  }

  /** Brings everything up; after a failure call {@link stop}. @throws SteadError of the part that does not come up */
  async start(): Promise<DaemonReady> {
    const { logger, config, directories } = this
    const stops = this.#stops
    const decorateNetwork = this.#decorateNetwork
    const foundation = await openFoundation({ logger, stops, decorateNetwork }, { config, directories })
    this.#foundation = foundation
    const executor = new LazyExecutor(
      { clock: foundation.clock, logger, create: () => createExecutor(foundation, config) },
      { meterVersion: METER_VERSION, restAfterMs: EXECUTOR_REST_AFTER_MS },
    )
    this.#executor = executor
    stops.push('executor', () => executor.stop())
    this.#trade = await openTrade({ foundation, executor, stops }, config)
    if (config.s3.enabled) {
      const { openS3 } = await import('./s3-door.ts')
      await openS3({ foundation, stops, storage: this.#trade.payer.storage }, { config, directories })
    }
    const { offers, payer } = this.#trade
    const epochs = new EpochLoader({ foundation, offers, storage: payer.storage }, config)
    this.#epochs = epochs
    stops.push('epochs', () => epochs.stop())
    await epochs.start()
    const apiUrl = await this.#openApi()
    const ready = this.#describe(apiUrl)
    logger.info('node is up', { node: ready.node, peer: ready.peer, addresses: ready.addresses, api: apiUrl })
    return ready
  }

  /** Hands unfinished work back within the grace time, then stops everything in the opposite order of the start. */
  async stop(): Promise<void> {
    this.#intent = 'stop'
    await this.#drain()
    this.#stopping.abort()
    await this.#stops.stopAll()
  }

  /** Takes no new work; when what runs is done and claimed, {@link finished} resolves. Returns the tasks in hand. */
  finish(): { readonly running: number } {
    const provider = this.#trade?.provider
    if (this.#intent === 'run') {
      this.#intent = 'finish'
      this.#complete().then(this.#finished.resolve, this.#finished.reject)
    }
    const { running = 0, waiting = 0 } = provider?.compute.status() ?? {}
    return { running: running + waiting }
  }

  async #complete(): Promise<void> {
    const { provider, payer } = this.trade
    for (const { id, state } of await payer.compute.jobs()) {
      if (!isFinal(state)) await (await payer.compute.job(id)).result()
    }
    if (provider !== undefined) {
      await provider.compute.finish()
      await provider.market.finish()
      await provider.market.settle()
    }
    await payer.market.settle()
    this.logger.info('finished', {})
  }

  /** Lets tasks of others that run end, within a bound; what is not done then is handed back unbilled. */
  async #drain(): Promise<void> {
    const provider = this.#trade?.provider
    if (provider === undefined) return
    const { clock } = this.foundation
    const { graceMs } = this.config.stop
    const done = provider.compute.finish().then(() => true)
    const late = clock.sleep(graceMs).then(() => false)
    if (!(await Promise.race([done, late]))) {
      this.logger.warn('tasks handed back', { graceMs, tasks: provider.compute.status().running })
    }
  }

  async #openApi(): Promise<string> {
    const { logger, config, directories } = this
    const server = new ApiServer({ logger, loadRoutes: () => this.#loadRoutes() }, config.api)
    const access = await server.start()
    this.#stops.push('api', () => server.stop())
    writeApiFile(directories.stateDir, access)
    this.#stops.push('api file', () => removeApiFile(directories.stateDir, process.pid))
    return access.url
  }

  async #loadRoutes(): ReturnType<typeof import('../api/create-routes.ts').createRoutes> {
    const [{ createRoutes }, { createHandlers }] = await Promise.all([
      import('../api/create-routes.ts'),
      import('../api/create-handlers.ts'),
    ])
    return await createRoutes({
      logger: this.logger,
      handlers: createHandlers(this),
      renderMetrics: () => this.foundation.metrics.render(),
      stopping: this.#stopping.signal,
    })
  }

  #describe(apiUrl: string): DaemonReady {
    const { network, signer } = this.foundation
    const operator = this.trade.provider?.operator
    return {
      node: signer.address,
      peer: network.self,
      ...(operator === undefined ? {} : { operator }),
      addresses: network.addresses(),
      apiUrl,
      pid: process.pid,
    }
  }
}

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new TypeError('the node is not started')
  return part
}
