import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** How an S3 client on this machine reaches the running node. */
export interface S3Access {
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Where the access of a running gateway is written. */
export function s3FilePath(stateDir: string): string {
  return join(stateDir, 's3.json')
}

/** Where the key is kept. */
export function s3KeyPath(dataDir: string): string {
  return join(dataDir, 's3.key')
}

/** The access of the gateway that runs; undefined when there is none. */
export function readS3File(stateDir: string): S3Access | undefined {
  const path = s3FilePath(stateDir)
  if (!existsSync(path)) return undefined
  try {
    const { endpoint, region, accessKeyId, secretAccessKey } = JSON.parse(
      readFileSync(path, 'utf8'),
    ) as Partial<S3Access>
    const isWhole = [endpoint, region, accessKeyId, secretAccessKey].every((text) => typeof text === 'string')
    return isWhole ? ({ endpoint, region, accessKeyId, secretAccessKey } as S3Access) : undefined
  } catch {
    // Half a file of a killed process, or removed meanwhile: there is no gateway to reach either way.
    return undefined
  }
}
