import { StorageError } from '../errors.ts'
import { checkObjectKey } from '../objects/names.ts'

/** Characters that move cursors or end lines, where names are shown. */
const CONTROL_PATTERN = /\p{Cc}/u

/**
 * A path that somebody else chose: steps between `/`, none of them empty, `.` or `..`; a folder ends with `/`. Its owner
 * may copy what lies there to a disk.
 * @throws StorageError STORAGE_BAD_NAME
 */
export function checkGivenPath(path: string): void {
  checkObjectKey(path)
  const steps = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  const isOdd = steps.some((step) => step === '' || step === '.' || step === '..' || CONTROL_PATTERN.test(step))
  if (isOdd)
    throw new StorageError(
      'STORAGE_BAD_NAME',
      'a name that is written through a link has no empty step, none that is . or .., and no control characters',
    )
}
