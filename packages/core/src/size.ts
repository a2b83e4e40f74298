/** How much one structure in memory holds, and the most that it may ever hold: none grows without a bound. */
export interface Size {
  /** Of what, in words; the same for the same structure in every report. */
  readonly what: string
  /** Entries now; of structures that are there many times, those of the fullest. */
  readonly have: number
  /** From an option or a constant. */
  readonly max: number
}
