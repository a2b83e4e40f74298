// A process that keeps a local chain until it is killed; or ends at once, without stopping it, when told `exit`.
import { writeSync } from 'node:fs'
import { address, silentLogger, type Wei } from '@stead/core'
import { AnvilProcess } from '../../src/anvil/index.ts'
import { systemClock } from '../system-clock.ts'

const [directory = '', account = '', mode = 'stay'] = process.argv.slice(2)
const anvil = new AnvilProcess({ clock: systemClock, logger: silentLogger }, { directory, stateIntervalMs: 60_000 })
await anvil.start()
await anvil.faucet(address(account), { gasWei: 9n as Wei })
writeSync(1, `${anvil.pid}\n`)
if (mode === 'exit') process.exit(0)
