/** A file that is read anywhere and written at its end. */
export interface DiskFile {
  readonly name: string
  /** Bytes that it has now, what was not forced out included. */
  readonly lengthBytes: number
  /**
   * Bytes from an offset on; fewer where the file ends before.
   * @throws CoreError STORE_FAILED
   */
  read(atByte: number, lengthBytes: number): Promise<Uint8Array>
  /**
   * Adds bytes at the end, in the order of the calls; they must not change until this settles. They outlive a kill once this resolves, and a loss of power after
   * {@link DiskFile.sync}. After a rejection the file is as long as before.
   * @throws CoreError STORE_FULL, STORE_FAILED
   */
  append(bytes: Uint8Array): Promise<void>
  /** Forces out everything that was appended. @throws CoreError STORE_FAILED; what was appended may then be gone */
  sync(): Promise<void>
  /** Cuts the file off; that outlives a loss of power once this resolves. @throws CoreError STORE_FAILED */
  truncate(lengthBytes: number): Promise<void>
  /** Ends all use; what was not forced out stays as it is. */
  close(): Promise<void>
}

/** Room on a disk, in bytes. */
export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

/**
 * A folder of append-only files: for bytes that are too many for a {@link Store}. Names match `[a-z0-9][a-z0-9.-]{0,63}`,
 * anything else is a RangeError. After a loss of power, of what was appended and not forced out any prefix may be left,
 * also one that ends within a call's bytes.
 */
export interface Disk {
  /** Opens a file, which begins empty where there is none. One opening at a time. @throws CoreError STORE_FAILED, STORE_FULL */
  open(name: string): Promise<DiskFile>
  /** All files by name, ascending. @throws CoreError STORE_FAILED */
  list(): Promise<readonly { readonly name: string; readonly lengthBytes: number }[]>
  /** Removes a file that is not open; nothing when there is none. @throws CoreError STORE_FAILED */
  remove(name: string): Promise<void>
  /** @throws CoreError STORE_FAILED */
  space(): Promise<DiskSpace>
}

const NAME_PATTERN = /^[a-z0-9][a-z0-9.-]{0,63}$/

/** Refuses a name that no file of a disk may have. @throws RangeError */
export function checkDiskName(name: string): void {
  if (!NAME_PATTERN.test(name))
    throw new RangeError(`a file is named [a-z0-9][a-z0-9.-]{0,63}, not ${JSON.stringify(name.slice(0, 80))}`)
}
