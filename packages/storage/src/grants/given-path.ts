import { StorageError } from '../errors.ts'
import { checkObjectKey } from '../objects/names.ts'

/** Characters that move cursors or end lines, where names are shown. */
const CONTROL_PATTERN = /\p{Cc}/u

/** What disks take as a name, in bytes of UTF-8; and how deep it goes. */
const [STEP_BYTES_MAX, STEPS_MAX] = [255, 64]
const utf8 = new TextEncoder()

/**
 * A path that somebody else chose: steps between `/`, none of them empty, `.`, `..` or longer than a disk takes; a folder
 * ends with `/`. Its owner may copy what lies there to a disk.
 * @throws StorageError STORAGE_BAD_NAME
 */
export function checkGivenPath(path: string): void {
  checkObjectKey(path)
  const steps = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  if (steps.length <= STEPS_MAX && !steps.some(isOdd)) return
  throw new StorageError(
    'STORAGE_BAD_NAME',
    'a name that is written through a link has no empty step, none that is . or .., and no control characters',
    { next: `Its steps have 1 to ${STEP_BYTES_MAX} bytes of UTF-8 between /, at most ${STEPS_MAX} of them.` },
  )
}

function isOdd(step: string): boolean {
  const isPlace = step === '' || step === '.' || step === '..'
  return isPlace || CONTROL_PATTERN.test(step) || utf8.encode(step).length > STEP_BYTES_MAX
}
