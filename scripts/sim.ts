// `npm run sim`: whole networks on simulated time, seed after seed. `--help` says what can be asked for; CONTRIBUTING.md
// says when. Ends with 1 when a rule was broken.
import { randomInt } from 'node:crypto'
import { loadSecp256k1 } from '@stead/protocol'
import { SimRun } from '@stead/simulation/node'

const run = new SimRun({
  secp256k1: await loadSecp256k1(),
  print: (text) => process.stdout.write(text),
  note: (text) => process.stderr.write(text),
  chance: () => randomInt(2 ** 31),
})
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.once(signal, () => {
    run.interrupt(`stopped by ${signal}`)
    process.exit(code)
  })
}
process.exitCode = await run.run(process.argv.slice(2))
