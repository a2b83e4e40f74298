/** Whether a path that somebody else chose stays below the folder that it is put into, on any system. */
export function isSafePath(path: string): boolean {
  const steps = path.split('/')
  return steps.every((step) => step !== '' && step !== '.' && step !== '..' && !/[\\:\p{Cc}]/u.test(step))
}
