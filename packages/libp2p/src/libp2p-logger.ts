import type { ComponentLogger, Logger as Libp2pLogger } from '@libp2p/interface'
import type { Logger } from '@stead/core'

/**
 * Hands libp2p's error lines to our log at debug level and drops the rest: what libp2p calls an error (a peer that cannot
 * be dialled) is daily life, and its trace lines stand in the hot path.
 */
export function quietLibp2pLogger(logger: Logger): ComponentLogger {
  return { forComponent: (name) => scopedLogger(logger, name) }
}

function scopedLogger(logger: Logger, component: string): Libp2pLogger {
  const scoped = (): undefined => undefined
  return Object.assign(scoped, {
    enabled: false,
    trace: () => undefined,
    error: (format: unknown, ...values: unknown[]) => {
      logger.debug('libp2p', { component, format: String(format), values: values.map(textOf) })
    },
    newScope: (name: string) => scopedLogger(logger, `${component}:${name}`),
  })
}

function textOf(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value)
}
