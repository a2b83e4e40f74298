import { join } from 'node:path'
import { type DaemonClient, ObjectClient } from '@stead/sdk'
import type { CommandContext } from '../command-context.ts'
import { clientOf, type GivenMember, nodePlace, toldNodePlace } from '../node-place.ts'
import { PART_BYTES } from './content-hash.ts'
import { UploadBook } from './upload-book.ts'

/** How a command reaches one's objects. */
export interface ObjectAccess {
  readonly client: DaemonClient
  readonly objects: ObjectClient
  readonly book: UploadBook
  /** Where the node keeps what must outlive it. */
  readonly dataDir: string
}

/** The objects of the node that a command means. */
export function objectAccess(context: CommandContext, given: GivenMember): ObjectAccess {
  const tell = given.node === undefined ? nodePlace : toldNodePlace
  const place = tell('payer', given, context)
  const client = clientOf(place)
  const objects = new ObjectClient(client, { partBytes: PART_BYTES, sendsStreams: true })
  const { stateDir, dataDir } = place.directories
  return { client, objects, book: new UploadBook(join(stateDir, 'cli')), dataDir }
}
