import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '@stead/core'
import { type DaemonClient, ObjectClient, taskResultOf } from '@stead/sdk'
import type { JobDetail, JobResultLine } from '@stead/sdk/api'
import type { JobReport } from '@stead/sdk/job'
import { CliError } from '../errors.ts'
import { folderOf, formatObjectUrl, isObjectUrl, parseObjectUrl } from '../objects/object-url.ts'
import { SafeFolder } from '../objects/safe-folder.ts'
import { toJson } from '../terminal/terminal.ts'

/** A folder, here or on the network, that takes the results of a job. */
export interface OutputPlace {
  /** As a person names it, with a `/` at the end. */
  readonly name: string
  write(path: string, content: Uint8Array): Promise<void>
}

/**
 * Opens the place that `--output` names, so that a job which cannot give its results is not paid for.
 * @throws CliError CLI_USAGE, CLI_OUTPUT_UNWRITABLE; StorageError STORAGE_BAD_NAME
 */
export async function openOutput(text: string, client: DaemonClient): Promise<OutputPlace> {
  return isObjectUrl(text) ? await objectOutput(text, new ObjectClient(client)) : folderOutput(text)
}

async function objectOutput(text: string, objects: ObjectClient): Promise<OutputPlace> {
  const { bucket, key: prefix } = folderOf(parseObjectUrl(text))
  await objects.makeBucket(bucket)
  return {
    name: formatObjectUrl({ bucket, key: prefix }),
    write: async (path, content) => {
      await objects.put({ bucket, key: `${prefix}${path}` }, new Uint8Array(content))
    },
  }
}

function folderOutput(text: string): OutputPlace {
  try {
    mkdirSync(text, { recursive: true })
    accessSync(text, constants.W_OK)
  } catch (cause) {
    throw new CliError('CLI_OUTPUT_UNWRITABLE', `${text} cannot be written to: ${messageOf(cause)}`, { cause })
  }
  const folder = new SafeFolder(text)
  return { name: join(text, '/'), write: async (path, content) => folder.write(path, content) }
}

/**
 * Writes what a task gave: `<task>/output`, what it said on stderr as `<task>/stderr` where it said something, and the
 * files that it wrote as `<task>/files/<path>`. Nothing of a task without an agreed result.
 * @throws CliError CLI_UNSAFE_NAME for a path that a guest chose; StorageError, SystemError
 */
export async function writeResult(place: OutputPlace, line: JobResultLine): Promise<void> {
  if (line.status !== 'ok') return
  const { key, output, stderr, files } = taskResultOf(line)
  const folder = folderOfTask(key)
  await place.write(`${folder}/output`, output)
  if (stderr.length > 0) await place.write(`${folder}/stderr`, stderr)
  for (const [path, bytes] of files) await place.write(`${folder}/files/${path}`, bytes)
}

/** Writes the findings as `report.json` and the lines for people as `report.txt`. */
export async function writeReport(place: OutputPlace, job: JobDetail, report: JobReport): Promise<void> {
  const utf8 = new TextEncoder()
  const { findings, complete, lines } = report
  const { context: _, ...facts } = job
  await place.write('report.json', utf8.encode(`${toJson({ findings, complete, job: facts })}\n`))
  await place.write('report.txt', utf8.encode(`${lines.join('\n')}\n`))
}

/** A task's key as one name: keys may have any letters, and no two become one name. */
function folderOfTask(key: string): string {
  return key.replace(/[%/\\\p{Cc}:*?"<>|]|^\.|[. ]$/gu, (letter) =>
    encodeURIComponent(letter).replace('.', '%2E').replace('*', '%2A'),
  )
}
