/** Takes away a line of progress, which is drawn again. */
export const CLEAR_LINE = '\r\u001b[2K'

/** What a command writes to and reads about its surroundings; made once per process. */
export interface Terminal {
  /** Data, and nothing else, goes here. */
  out(text: string): void
  /** Messages to the person. */
  message(text: string): void
  readonly isJson: boolean
  /** Standard error is a terminal that may be redrawn. */
  readonly isInteractive: boolean
  readonly columns: number
  readonly style: Style
}

/** Makes text stand out, or leaves it alone where colour is not wanted. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
}

const plain: Style = { bold: (text) => text, dim: (text) => text, good: (text) => text, bad: (text) => text }

const colored: Style = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  good: (text) => `\u001b[32m${text}\u001b[39m`,
  bad: (text) => `\u001b[31m${text}\u001b[39m`,
}

/** `stead receipts | head` closes the pipe early; that is the reader's right and no fault. Anything else is. */
function hearFailures(stream: NodeJS.WriteStream, fail: (error: NodeJS.ErrnoException) => void): void {
  if (stream.listenerCount('error') > 0) return
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') fail(error)
  })
}

function rethrow(error: Error): never {
  throw error
}

/**
 * The process's own terminal. Colour is off under NO_COLOR (no-color.org), TERM=dumb and where output is not a terminal.
 * @param options `onOutputFailure` hears that standard output takes nothing more; by default that ends the process as any
 * error that nobody catches
 */
export function createTerminal(options: {
  readonly isJson: boolean
  readonly onOutputFailure?: (error: Error) => void
}): Terminal {
  hearFailures(process.stdout, options.onOutputFailure ?? rethrow)
  hearFailures(process.stderr, rethrow)
  const isInteractive = process.stderr.isTTY === true && process.env.TERM !== 'dumb' && !process.env.CI
  const hasColor = isInteractive && !process.env.NO_COLOR
  return {
    out: (text) => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    message: (text) => void process.stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    isJson: options.isJson,
    isInteractive,
    // A terminal that does not know its width says 0.
    columns: process.stderr.columns || 80,
    style: hasColor ? colored : plain,
  }
}

/** Amounts that grow beyond 2^53: token units, wei, and what a swap takes and gives. */
const AMOUNT_KEY = /(Units|Wei)$|^(amountIn|amountOut|minimumOut)$/

/**
 * JSON of values that JSON has no form for. Bigints under the keys of large amounts are always decimal text, so that a
 * program reads one form whatever the amount is; others are numbers, or text beyond 2^53-1, where programs would round
 * them. Bytes are base64.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (typeof inner === 'bigint') {
      const isNumber = !AMOUNT_KEY.test(key) && Number.isSafeInteger(Number(inner))
      return isNumber ? Number(inner) : inner.toString()
    }
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('base64')
    return inner
  })
}
