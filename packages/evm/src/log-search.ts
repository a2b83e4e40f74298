import type { ChainLog, ChainRpc, LogFilter } from './chain-rpc.ts'
import { ChainError } from './errors.ts'

/** Below this many blocks a refusal is not about the span. */
const SPAN_BLOCKS_MIN = 10

/**
 * Searches any span of blocks, page by page, oldest first. Endpoints limit the span, each to another number: a refused
 * page is tried again at half its size.
 * @throws ChainError as every request
 */
export async function searchLogs(rpc: ChainRpc, filter: LogFilter, pageBlocks: number): Promise<readonly ChainLog[]> {
  const found: ChainLog[] = []
  let span = pageBlocks
  let fromBlock = filter.fromBlock
  while (fromBlock <= filter.toBlock) {
    const toBlock = Math.min(filter.toBlock, fromBlock + span - 1)
    try {
      found.push(...(await rpc.logs({ ...filter, fromBlock, toBlock })))
    } catch (error) {
      const mayBeSpan = error instanceof ChainError && error.code === 'CHAIN_REFUSED' && span > SPAN_BLOCKS_MIN
      if (!mayBeSpan) throw error
      span = Math.max(SPAN_BLOCKS_MIN, Math.floor(span / 2))
      continue
    }
    fromBlock = toBlock + 1
  }
  return found
}
