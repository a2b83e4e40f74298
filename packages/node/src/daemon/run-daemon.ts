import { flushCompileCache } from 'node:module'
import { isSteadError, type Logger, messageOf, type SteadError } from '@stead/core'
import { createLogger } from '../adapters/log-writer.ts'
import { systemClock } from '../adapters/system-clock.ts'
import type { NodeDirectories } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import type { DaemonReady } from './daemon-ready.ts'
import type { NetworkDecorator } from './foundation.ts'
import { IdleMemory } from './idle-memory.ts'
import type { SteadNode } from './stead-node.ts'

/** How a daemon process is run. */
export interface DaemonOptions {
  readonly config: NodeConfig
  readonly directories: NodeDirectories
  /** Called once it serves. */
  readonly onReady?: (ready: DaemonReady, node: SteadNode) => void
  /** @default the network itself */
  readonly decorateNetwork?: NetworkDecorator
}

/** Why a daemon ended. */
export type DaemonEnd = 'terminated' | 'interrupted' | 'finished'

/** How long a stop may take beyond the grace of running tasks before the process ends without it. */
const STOP_MARGIN_MS = 15_000

/**
 * Runs a node in this process until a signal, the parent's end or `finish` ends it. Faults of our own (an unhandled
 * rejection, a failed assertion) are logged and end the process with code 1: what matters is in the journals.
 * @throws SteadError when the node cannot start
 */
export async function runDaemon(options: DaemonOptions): Promise<DaemonEnd> {
  const { config } = options
  const logger = createLogger({
    ...config.log,
    write: (line) => void process.stderr.write(line),
    now: () => Date.now(),
  })
  catchFaults(logger)
  const end = Promise.withResolvers<DaemonEnd>()
  listenForEnd(logger, config.stop.graceMs, end.resolve)
  // Loaded late: a wrong setting must not wait for all of this.
  const { SteadNode } = await import('./stead-node.ts')
  const node = new SteadNode({ logger, decorateNetwork: options.decorateNetwork }, options)
  const idleMemory = new IdleMemory({ clock: systemClock })
  try {
    const ready = await node.start()
    idleMemory.start()
    // What was compiled is kept now, for the daemons that start next: one that is killed would not get to it.
    flushCompileCache()
    tellParent({ type: 'ready', ready })
    options.onReady?.(ready, node)
    const reason = await Promise.race([end.promise, node.finished.then((): DaemonEnd => 'finished')])
    logger.info('stopping', { reason })
    return reason
  } finally {
    idleMemory.stop()
    await node.stop()
    logger.info('stopped')
  }
}

/** Tells a parent process that waits for this daemon why it did not come up. */
export function tellParentFailure(error: unknown): void {
  const facts: Pick<SteadError, 'code' | 'message' | 'next'> = isSteadError(error)
    ? { code: error.code, message: error.message, next: error.next }
    : { code: 'INTERNAL', message: messageOf(error), next: 'Read the log.' }
  tellParent({ type: 'failed', ...facts })
}

function tellParent(message: object): void {
  if (process.connected) process.send?.(message)
}

function catchFaults(logger: Logger): void {
  const die = (what: string) => (error: unknown) => {
    logger.error(what, { error: error instanceof Error ? error : String(error) })
    // Standard error may be a pipe: the line is handed over before the process ends.
    process.stderr.write('', () => process.exit(1))
  }
  process.on('uncaughtException', die('uncaught exception'))
  process.on('unhandledRejection', die('unhandled rejection'))
}

/** A Ctrl-C reaches every process of a group, and launchers hand it on as well: within this time it is the same one. */
const SAME_SIGNAL_MS = 300

function listenForEnd(logger: Logger, graceMs: number, end: (reason: DaemonEnd) => void): void {
  let asked = false
  let askedAtMs = 0
  const onEnd = (reason: DaemonEnd) => (): void => {
    if (asked && performance.now() - askedAtMs < SAME_SIGNAL_MS) return
    if (asked) {
      logger.warn('stopped at once')
      process.exit(130)
    }
    asked = true
    askedAtMs = performance.now()
    end(reason)
    setTimeout(() => {
      logger.error('stop took too long', { limitMs: graceMs + STOP_MARGIN_MS })
      process.exit(1)
    }, graceMs + STOP_MARGIN_MS).unref()
  }
  process.on('SIGTERM', onEnd('terminated'))
  process.on('SIGINT', onEnd('interrupted'))
  if (process.connected) {
    process.channel?.unref()
    // The supervisor is gone, killed perhaps: nobody would stop this process any more.
    process.once('disconnect', () => (asked ? undefined : onEnd('terminated')()))
  }
}
