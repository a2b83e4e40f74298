import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SdkError } from '@stead/sdk/job'

/** The bytes of a source file of a job package. @throws SdkError JOB_BUILD_FAILED naming the file when it is missing */
export async function readSource(directory: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(directory, file))
  } catch (cause) {
    throw new SdkError('JOB_BUILD_FAILED', `the source file ${file} is missing in ${directory}`, {
      cause,
      details: { file: join(directory, file) },
      next: `Write ${file}, or correct its name in stead.job.ts`,
    })
  }
}
