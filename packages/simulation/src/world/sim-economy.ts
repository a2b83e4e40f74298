import type { Economy, EconomyHistory, EconomyLedger, TransactionOutcome } from '@stead/core'
import type { ChainEndpoint } from './sim-chain.ts'

/** What changes the chain; everything else of these ports asks it. */
const TRANSACTIONS: ReadonlySet<string> = new Set<keyof Economy>([
  'buyLot',
  'bond',
  'unbond',
  'withdraw',
  'reportEquivocation',
  'propose',
  'challenge',
  'decide',
  'finalize',
  'drop',
  'accrue',
  'claimReward',
  'sponsor',
])

/**
 * A port of the economy behind a node's endpoint: as slow, as lossy and as absent as the chain itself is for that node.
 */
export function throughEndpoint<Port extends Economy | EconomyHistory | EconomyLedger>(
  port: Port,
  endpoint: ChainEndpoint,
): Port {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...parameters: readonly unknown[]): Promise<unknown> => {
        if (typeof key !== 'string' || !TRANSACTIONS.has(key))
          return endpoint.ask((): Promise<unknown> => Reflect.apply(value, target, parameters))
        return endpoint.transact(key, (): Promise<TransactionOutcome> => Reflect.apply(value, target, parameters))
      }
    },
  })
}
