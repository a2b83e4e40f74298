interface LockManager {
  request(name: string, options: { readonly mode: 'shared' | 'exclusive' }, run: () => Promise<void>): Promise<void>
  query(): Promise<{ readonly held: readonly unknown[] }>
}

const { locks } = (globalThis as unknown as { readonly navigator: { readonly locks: LockManager } }).navigator
const NAME = 'worker threads'

/** Says that this thread is there, as long as it is. */
export function holdLockForever(): void {
  void locks.request(NAME, { mode: 'shared' }, () => new Promise(() => undefined))
}

/** Threads that hold the lock. */
export async function holderCount(): Promise<number> {
  return (await locks.query()).held.length
}

/** Resolves when no thread holds the lock any more. */
export function whenNobodyHolds(): Promise<void> {
  return locks.request(NAME, { mode: 'exclusive' }, async () => undefined)
}
