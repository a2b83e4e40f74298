import { messageOf } from '@stead/core'

/** What a shell takes for the end of a program that wrote to a closed pipe: 128 and the number of SIGPIPE. */
const EXIT_CLOSED_PIPE = 141
/** Of sysexits.h: an error in reading or writing. */
export const EXIT_UNWRITABLE = 74

/**
 * Ends this process when what it says cannot be written: in silence where the reader has closed the pipe, as `head` does,
 * and otherwise with what the system says, and with 74.
 * @param hold has all threads stand still first, where there are any: one that is in native code could abort a process that
 *   ends
 */
export function endWhenUnwritable(hold: () => Promise<unknown> = async () => undefined): void {
  let isEnding = false
  const end = (exitCode: number): void => {
    isEnding = true
    void hold().finally(() => process.exit(exitCode))
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (isEnding) return
      if (error.code === 'EPIPE') return end(EXIT_CLOSED_PIPE)
      if (stream === process.stdout) process.stderr.write(`cannot write to standard output: ${messageOf(error)}\n`)
      end(EXIT_UNWRITABLE)
    })
  }
}

/**
 * Tells what there is to tell when a signal ends this process, and then dies of it, as shells and supervisors expect: no
 * thread can keep it from that, whatever it does.
 */
export function tellWhenStopped(tell: (signal: string) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      tell(signal)
      process.kill(process.pid, signal)
    })
  }
}
