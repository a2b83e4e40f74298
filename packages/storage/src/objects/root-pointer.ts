/** What a pointer says. */
export interface PointerValue {
  /** 1, 2, 3 … */
  readonly sequence: number
  readonly value: Uint8Array
  /** It may have been acknowledged, or may still be given up for another one of this number. @default false */
  readonly isUnsettled?: boolean
}

/** A register with one value that is replaced step by step; several may write to it. */
export interface RootPointer {
  /** The newest value; undefined before the first one. Sees every swap that was acknowledged before. */
  read(): Promise<PointerValue | undefined>
  /**
   * Replaces the value whose sequence is expected (0: there is none) by one with the next sequence.
   * After a rejection nobody knows whether it was.
   * @param value 1 .. {@link POINTER_VALUE_BYTES_MAX} bytes
   * @returns `moved` when another one was there, and nothing was changed
   */
  swap(expectedSequence: number, value: Uint8Array): Promise<'done' | 'moved'>
  /**
   * What this machine saw last, without asking anybody: others may have replaced it since.
   * @default nothing is kept here
   */
  cached?(): Promise<PointerValue | undefined>
}

/**
 * Gives the pointer that follows from 32 secret bytes: its name and the key that signs it.
 * @param keepers who keeps it at first, where that was drawn for it: see ObjectStoreComponents
 * @param isNew nobody can have written to it before
 */
export type RootPointers = (seed: Uint8Array, keepers?: Uint8Array, isNew?: boolean) => RootPointer

/** Longest value of a pointer. */
export const POINTER_VALUE_BYTES_MAX = 65_536
