import { silentLogger } from '@stead/core'
import { loadSecp256k1 } from '@stead/protocol'
import { devLayout } from './src/dev/dev-layout.ts'
import { LocalChain } from './src/dev/local-chain.ts'

const keep = setInterval(() => {}, 1000)
for (let i = 0; i < 40; i++) {
  const t0 = performance.now()
  const c = new LocalChain(
    { logger: silentLogger, secp256k1: await loadSecp256k1(), onEnded: console.error },
    { layout: devLayout('/tmp/nc/devloop/' + i), port: 0 },
  )
  await Promise.race([c.start(), new Promise((r) => setTimeout(() => r(console.log('SLOW', i, c.rpcUrl)), 5000))])
  process.stdout.write(' ' + Math.round(performance.now() - t0))
  if (performance.now() - t0 > 5000) {
    for (const [m, p] of [
      ['txpool_content', []],
      ['eth_blockNumber', []],
      ['anvil_getAutomine', []],
      ['anvil_nodeInfo', []],
    ])
      console.log(
        m,
        JSON.stringify(
          await (
            await fetch(c.rpcUrl, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: m, params: p }),
            })
          ).json(),
        ).slice(0, 1500),
      )
    break
  }
  await c.stop()
}
clearInterval(keep)
process.exit()
