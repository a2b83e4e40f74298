import type { EventEmitter } from 'node:events'

/** Resolves when the first of these events comes, and listens to none of them any more. */
export function firstOf(...events: readonly (readonly [emitter: EventEmitter, name: string])[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => {
    for (const [emitter, name] of events) emitter.off(name, done)
    resolve()
  }
  for (const [emitter, name] of events) emitter.once(name, done)
  return promise
}
