/** How nodes of one kind come and go within a day. */
export interface NodeKind {
  readonly name: string
  /** 0 .. 1 of all nodes. */
  readonly share: number
  readonly rhythm: SteadyRhythm | EveningRhythm
}

/** On for long, off for short, at any time. */
export interface SteadyRhythm {
  readonly kind: 'steady'
  readonly meanUpHours: number
  readonly meanDownHours: number
}

/** On for some hours of each day at about the same local time, and not at all on some days. */
export interface EveningRhythm {
  readonly kind: 'evening'
  readonly fromHour: number
  readonly hours: number
  /** Hours by which begin and length differ from day to day, to both sides. */
  readonly spreadHours: number
  readonly skippedDayShare: number
}

/** A server: there 99 % of the time. */
export const SERVER: SteadyRhythm = { kind: 'steady', meanUpHours: 198, meanDownHours: 2 }
/** A home server or a router's disk: there 95 % of the time. */
export const HOME_SERVER: SteadyRhythm = { kind: 'steady', meanUpHours: 95, meanDownHours: 5 }
/** A PC that is on in the afternoon and evening of most days: there about a third of the time. */
export const HOME_PC: EveningRhythm = {
  kind: 'evening',
  fromHour: 15,
  hours: 9,
  spreadHours: 2,
  skippedDayShare: 0.1,
}

/** Half of the nodes are machines that stay on, as DESIGN asks of a segment's nodes. */
export const MIXED_KINDS: readonly NodeKind[] = [
  { name: 'server', share: 0.3, rhythm: SERVER },
  { name: 'home server', share: 0.3, rhythm: HOME_SERVER },
  { name: 'home PC', share: 0.4, rhythm: HOME_PC },
]
