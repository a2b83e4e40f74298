/** What the glue offers to this library (javascript/engine-glue.ts). */
export interface Natives {
  /** The arguments, each with a final NUL, the program's name first. */
  readonly args: () => Uint8Array
  /** UTF-8 to text; what is malformed becomes U+FFFD. */
  readonly decode: (bytes: Uint8Array) => string
  /** Well-formed text to UTF-8. */
  readonly encode: (text: string) => Uint8Array
  /** All of standard input. */
  readonly input: () => Uint8Array
  /** Fills an array from the task's seed. */
  readonly random: (bytes: Uint8Array) => void
  readonly write: (descriptor: 1 | 2, bytes: Uint8Array) => void
  /** Begins a call; set by this library. Does not throw. */
  start?: () => void
  /** Ends a call when no promise's job is left, and gives the exit code; set by this library. */
  finish?: () => number
}

const scope = globalThis as unknown as { __stead?: Natives }
if (scope.__stead === undefined) throw new TypeError('a task runs only inside of Stead')

/** The one natives object; taken off the global object, where the task would see it. */
export const natives: Natives = scope.__stead
delete scope.__stead
