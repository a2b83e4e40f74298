import type { Hash } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { JobDetail } from '@stead/sdk/api'
import { CliError } from '../errors.ts'
import { patiently } from '../patiently.ts'
import { ProgressView } from '../terminal/progress-view.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { ProgressFold, progressLine, shortfallText } from './job-progress.ts'

/** What following a job needs. */
export interface FollowComponents {
  readonly client: DaemonClient
  readonly terminal: Terminal
  /** Aborts at Ctrl-C; the job goes on in the node. */
  readonly signal: AbortSignal
}

/** A job that ended, and what its events say about why it fell short. */
export interface FollowedJob extends JobDetail {
  /** The numbers behind the reason, as a sentence; missing when there is nothing to say. */
  readonly shortfall?: string
}

/** Shows a job until it ends, also over restarts of the node. @throws CliError CLI_INTERRUPTED and the client's errors */
export async function followJob(components: FollowComponents, id: Hash, tasks: number): Promise<FollowedJob> {
  const { client, terminal, signal } = components
  const view = new ProgressView(terminal)
  const fold = new ProgressFold(tasks)
  try {
    for await (const event of client.watchJob(id, { signal })) {
      const notice = fold.take(event)
      if (notice !== undefined) view.notice(notice)
      const { progress } = fold
      view.update(progress.agreed / Math.max(1, progress.tasks), progressLine(progress), event.type === 'finished')
    }
  } catch (error) {
    if (!signal.aborted) throw error
    view.end()
    throw new CliError('CLI_INTERRUPTED', 'interrupted; the job goes on in the node', {
      details: { job: id },
      next: `Watch it: stead jobs watch ${id}; or end it: stead jobs cancel ${id}`,
    })
  }
  view.end()
  const job = await patiently(() => client.getJob(id))
  const shortfall = shortfallText(fold.shortfall)
  return shortfall === undefined ? job : { ...job, shortfall }
}
