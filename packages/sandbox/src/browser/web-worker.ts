/**
 * The part of the Web Worker interface that the executor uses, typed here because this package must not depend on the
 * DOM's type library. A `Worker` of a page fits.
 */

/** What a worker tells its page: `message` with data, `error` with words, `messageerror` with neither. */
export interface WebWorkerEvent {
  readonly type: string
  readonly data?: unknown
  readonly message?: unknown
}

/** A dedicated web worker as its page sees it. */
export interface WebWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: WebWorkerEvent) => void): void
  terminate(): void
}

/** The worker's own side. */
export interface WebWorkerScope {
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void
  addEventListener(type: 'message', listener: (event: WebWorkerEvent) => void): void
}

interface Page {
  readonly Worker?: new (url: string | URL, options: { readonly type: 'module' }) => WebWorker
  readonly navigator?: { readonly hardwareConcurrency?: number }
}

const page = globalThis as unknown as Page

/** Starts a module worker. @throws TypeError where there are no web workers */
export function startWebWorker(url: string | URL): WebWorker {
  if (page.Worker === undefined) throw new TypeError('there are no web workers here')
  return new page.Worker(url, { type: 'module' })
}

/** Processor cores that the browser admits to; 2 when it does not say. */
export function coreCount(): number {
  return page.navigator?.hardwareConcurrency ?? 2
}
