import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Frees what nothing holds, so that a test can measure what something does. */
export const collectGarbage: () => void = runInNewContext('gc')
