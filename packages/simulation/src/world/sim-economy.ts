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
      const isTransaction = typeof key === 'string' && TRANSACTIONS.has(key)
      return (...parameters: readonly unknown[]): Promise<unknown> => {
        if (!isTransaction) return endpoint.ask((): Promise<unknown> => Reflect.apply(value, target, parameters))
        return endpoint.transact((): Promise<TransactionOutcome> => Reflect.apply(value, target, parameters))
      }
    },
  })
}
