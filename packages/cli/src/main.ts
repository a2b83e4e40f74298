import { runCli } from './run-cli.ts'

process.exitCode = await runCli(process.argv.slice(2))
// A daemon is stopped by now; what its libraries still have open (closing sockets, timers) is nobody's any more.
if (process.argv[2] === 'up') process.exit()
