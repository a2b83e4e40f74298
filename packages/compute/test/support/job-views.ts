import type { JobEvent, JobRequest } from '../../src/index.ts'

export type { JobEvent, JobRequest }

/** The last problem that a job told of. */
export function messageOfProblem(events: readonly JobEvent[]): JobEvent | undefined {
  return events.findLast((event) => event.type === 'problem')
}
