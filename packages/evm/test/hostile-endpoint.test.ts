import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { address, hasCode, hash, isSteadError, microUsd, silentLogger, silentMetrics } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EvmChain } from '../src/index.ts'
import { newSigner } from './devnet.ts'
import { systemClock } from './system-clock.ts'

type Answer = (request: { id: number; method: string; params: unknown[] }, response: ServerResponse) => void

const contract = '0x1111111111111111111111111111111111111111'
const ID = hash(`0x${'ab'.repeat(32)}`)
const SHARE = {
  purse: ID,
  node: address(`0x${'11'.repeat(20)}`),
  operator: address(`0x${'22'.repeat(20)}`),
  allocationMicroUsd: microUsd(1n),
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** An endpoint that answers as it likes, and an adapter that believes in it. */
async function chainAt(answer: Answer): Promise<EvmChain> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => answer(JSON.parse(body), response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const chain = new EvmChain(
    { clock: systemClock, logger: silentLogger, metrics: silentMetrics, signer: newSigner() },
    {
      rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      identity: { chainId: 1, escrow: contract, stake: contract, dollar: contract },
      requestTimeoutMs: 300,
      receiptTimeoutMs: 1000,
    },
  )
  onTestFinished(async () => {
    await chain.stop()
    server.closeAllConnections()
    server.close()
  })
  return chain
}

const reply = (response: ServerResponse, id: number, result: unknown): void => {
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}

describe('an endpoint that cannot be believed', () => {
  const bodies: readonly (readonly [string, Answer, string])[] = [
    ['no JSON', (_, response) => void response.end('<html>'), 'CHAIN_BAD_ANSWER'],
    ['an empty answer', (_, response) => void response.end(), 'CHAIN_BAD_ANSWER'],
    ['an answer to another request', ({ id }, response) => reply(response, id + 1, '0x1'), 'CHAIN_BAD_ANSWER'],
    ['a list', (_, response) => void response.end('[]'), 'CHAIN_BAD_ANSWER'],
    ['neither result nor error', ({ id }, response) => void response.end(`{"id":${id}}`), 'CHAIN_BAD_ANSWER'],
    ['an error without words', ({ id }, response) => void response.end(`{"id":${id},"error":{}}`), 'CHAIN_REFUSED'],
    ['status 500', (_, response) => void response.writeHead(500).end('no'), 'CHAIN_UNREACHABLE'],
    ['status 429', (_, response) => void response.writeHead(429).end('slow down'), 'CHAIN_UNREACHABLE'],
    ['status 401', (_, response) => void response.writeHead(401).end('who are you'), 'CHAIN_REFUSED'],
    ['silence', () => undefined, 'CHAIN_UNREACHABLE'],
    ['half an answer', (_, response) => void response.write('{"id":'), 'CHAIN_UNREACHABLE'],
    ['a closed connection', (_, response) => void response.destroy(), 'CHAIN_UNREACHABLE'],
    [
      'an answer without end',
      (_, response) => {
        const chunk = Buffer.alloc(1024 * 1024, 0x20)
        const pour = (): void => {
          while (!response.destroyed && response.write(chunk));
          response.once('drain', pour)
        }
        pour()
      },
      'CHAIN_',
    ],
  ]
  it.each(bodies)('%s is a typed error, in time', async (_, answer, code) => {
    const chain = await chainAt(answer)
    const startedMs = performance.now()
    const error: unknown = await chain.blockTime().catch((thrown: unknown) => thrown)
    expect(isSteadError(error) && error.code).toMatch(new RegExp(`^${code}`))
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })

  it('whatever JSON the results are, nothing but typed errors comes out', async () => {
    let result: unknown
    const chain = await chainAt(({ id }, response) => reply(response, id, result))
    const calls = [
      () => chain.blockTime(),
      () => chain.balances(chain.account),
      () => chain.gasPrice(),
      () => chain.purse(ID),
      () => chain.claimedMicroUsd(ID),
      () => chain.claimsOf([SHARE]),
      () => chain.owedMicroUsd(chain.account),
      () => chain.operatorOf(chain.account),
      () => chain.payout(chain.account),
      () => chain.start(),
    ]
    const hex = fc.oneof(
      fc.stringMatching(/^0x[0-9a-f]{0,200}$/),
      fc.constantFrom('0x', '0x0', `0x${'00'.repeat(31)}`, `0x${'ff'.repeat(224)}`, `0x${'00'.repeat(400)}`),
    )
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      hex,
      fc.array(fc.record({ address: hex, topics: hex, data: hex })),
    )
    await fc.assert(
      fc.asyncProperty(value, fc.nat(calls.length - 1), async (given, index) => {
        result = given
        try {
          await calls[index]?.()
        } catch (error) {
          expect(isSteadError(error)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('a revert nested beyond all reason does not exhaust the stack', async () => {
    const chain = await chainAt(({ id }, response) => {
      const deep = `${'{"data":'.repeat(100_000)}"0x"${'}'.repeat(100_000)}`
      response.end(`{"id":${id},"error":{"code":3,"message":"execution reverted","data":${deep}}}`)
    })
    await expect(chain.payout(chain.account)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_REVERTED'))
  })

  it('events of another contract or purse are not taken for ours', async () => {
    const log = {
      address: '0x2222222222222222222222222222222222222222',
      topics: [ID],
      data: '0x',
      transactionHash: ID,
      blockNumber: '0x1',
      logIndex: '0x0',
    }
    const chain = await chainAt(({ id, method }, response) =>
      reply(response, id, method === 'eth_getLogs' ? [log] : '0x5'),
    )
    await expect(chain.claimsOf([SHARE])).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_BAD_ANSWER'))
  })

  it('asks for smaller spans when an endpoint limits them', async () => {
    const spans: number[] = []
    const chain = await chainAt(({ id, method, params }, response) => {
      if (method !== 'eth_getLogs') {
        reply(response, id, '0x1387')
        return
      }
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }]
      const span = Number(toBlock) - Number(fromBlock) + 1
      spans.push(span)
      if (span <= 1000) reply(response, id, [])
      else response.end(`{"id":${id},"error":{"code":-32005,"message":"block range too large"}}`)
    })
    expect(await chain.claimsOf([SHARE])).toEqual([])
    expect(spans.filter((span) => span <= 1000).reduce((sum, span) => sum + span, 0)).toBe(5000)
  })
})
