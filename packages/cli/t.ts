import { createLogger } from '@stead/node'
import { DevNetwork } from './src/dev/dev-network.ts'

const t0 = performance.now()
const n = new DevNetwork(
  {
    logger: createLogger({
      level: 'info',
      format: 'text',
      write: (l) => process.stderr.write(l),
      now: () => Date.now(),
    }),
    events: { onNotice: console.log, onFailure: console.error },
  },
  { directory: '/tmp/nc/dev', providers: 2 },
)
try {
  await n.start()
  console.log('up', performance.now() - t0)
} catch (e) {
  console.log(e)
}
await n.stop()
console.log('stopped', performance.now() - t0)
