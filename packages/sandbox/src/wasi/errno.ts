/** Error numbers of WASI preview 1. */
export const Errno = {
  success: 0,
  badf: 8,
  busy: 10,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  inval: 28,
  isdir: 31,
  loop: 32,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  perm: 63,
  spipe: 70,
  notcapable: 76,
} as const

/** One of {@link Errno}. */
export type Errno = (typeof Errno)[keyof typeof Errno]

/** Thrown inside a host call and returned to the guest as its error number. */
export class WasiFault {
  readonly errno: Errno

  constructor(errno: Errno) {
    this.errno = errno
  }
}

/** Ends the current host call with an error number. */
export function fail(errno: Errno): never {
  throw new WasiFault(errno)
}
