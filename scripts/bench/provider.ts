// A provider's process of the benches: a whole node, and beside it a plain TCP echo as the reference.
import { createServer } from 'node:net'
import { IdleMemory } from '../../packages/node/src/daemon/idle-memory.ts'
import type { TrialProvider } from './trial-network.ts'
import { startNode } from './trial-network.ts'

interface ProviderSettings {
  readonly dataDir: string
  readonly concurrency: number
  readonly storageGib: number
  readonly bootstrap: readonly string[]
  readonly 'chain.rpcUrl': string
  readonly 'chain.addressBook': string
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ProviderSettings
const operator = `0x${process.pid.toString(16).padStart(40, '0')}`
const node = await startNode(settings.dataDir, {
  'chain.rpcUrl': settings['chain.rpcUrl'],
  'chain.addressBook': settings['chain.addressBook'],
  'network.bootstrap': settings.bootstrap,
  'provide.enabled': true,
  'provide.operator': operator,
  'provide.concurrency': settings.concurrency,
  'storage.shareGib': settings.storageGib,
  'storage.keepFreeGib': 1,
})
// As the daemon does.
new IdleMemory(node.foundation).start()
const echo = createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('data', (bytes) => socket.write(bytes))
  socket.on('error', () => socket.destroy())
})
echo.listen(0, '127.0.0.1', () => {
  const address = echo.address()
  const echoPort = typeof address === 'object' && address !== null ? address.port : 0
  const ready: TrialProvider = { addresses: node.foundation.network.addresses(), echoPort }
  process.send?.(ready)
})
process.on('SIGTERM', () => {
  echo.close()
  void node.stop().then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(0))
