/** A worker that dies of an uncaught error when the call's input begins with 0xdd, before its guest runs. */

interface CallEvent {
  readonly data: { readonly request: { readonly call?: { readonly input: Uint8Array } } }
  stopImmediatePropagation(): void
}

const scope = globalThis as unknown as {
  addEventListener(type: 'message', listener: (event: CallEvent) => void): void
}

scope.addEventListener('message', (event) => {
  if (event.data.request.call?.input[0] !== 0xdd) return
  event.stopImmediatePropagation()
  throw new Error('struck by lightning')
})

// Only now: whoever listens first is told first.
await import('@stead/sandbox/browser/worker')
