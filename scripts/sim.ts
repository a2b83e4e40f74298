// `npm run sim`: whole networks on simulated time, seed after seed. `--help` says what can be asked for; CONTRIBUTING.md
// says when. Ends with 1 when a rule was broken.
import { randomInt } from 'node:crypto'
// By their files: the entry of the package would load all that worlds are made of, which the thread loads by itself.
import { SimRun } from '../packages/simulation/src/node/run-sim.ts'
import { WorldPlayer } from '../packages/simulation/src/node/world-player.ts'
import { endWhenUnwritable, tellWhenStopped } from './command-end.ts'
import { ProgressLine } from './progress-line.ts'

const player = new WorldPlayer()
const progress = new ProgressLine(process.stderr)
const write = (stream: NodeJS.WriteStream, text: string): void => {
  progress.clear()
  stream.write(text)
}
const run = new SimRun({
  play: player.play,
  print: (text) => write(process.stdout, text),
  note: (text) => write(process.stderr, text),
  progress: (line) => progress.show(line),
  chance: () => randomInt(2 ** 31),
})
endWhenUnwritable(() => player.hold())
tellWhenStopped((signal) => run.interrupt(`stopped by ${signal}`))
process.exitCode = await run.run(process.argv.slice(2))
await player.end()
