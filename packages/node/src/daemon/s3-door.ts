import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createS3Credentials, type S3Credentials, S3Gateway, s3GatewayOptionsSchema } from '@stead/gateway'
import type { S3Access } from '../api/s3-file.ts'
import { s3FilePath, s3KeyPath } from '../api/s3-file.ts'
import type { NodeDirectories } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import { writePrivateFile } from '../identity/private-file.ts'
import type { StorageBuyer } from './buying-storage.ts'
import type { Foundation } from './foundation.ts'
import type { StopStack } from './stop-stack.ts'

/** What the door needs. */
export interface S3DoorComponents {
  readonly foundation: Foundation
  readonly storage: StorageBuyer
  readonly stops: StopStack
}

/** Serves own objects to S3 clients on this machine; the key is made at the first time and stays. @throws GatewayError GATEWAY_LISTEN_FAILED */
export async function openS3(
  { foundation, storage, stops }: S3DoorComponents,
  { config, directories }: { readonly config: NodeConfig; readonly directories: NodeDirectories },
): Promise<void> {
  const { objects } = await storage.open()
  const credentials = credentialsIn(s3KeyPath(directories.dataDir), foundation)
  const options = s3GatewayOptionsSchema.parse({ credentials: [credentials], port: config.s3.port })
  const gateway = new S3Gateway({ ...foundation, store: objects }, options)
  const endpoint = await gateway.start()
  stops.push('s3', () => gateway.stop())
  const access: S3Access = { endpoint, region: options.region, ...credentials }
  const file = s3FilePath(directories.stateDir)
  writePrivateFile(file, `${JSON.stringify(access)}\n`)
  stops.push('s3 file', async () => rmSync(file, { force: true }))
  foundation.logger.info('s3 gateway is up', { endpoint })
}

function credentialsIn(path: string, { random }: Foundation): S3Credentials {
  if (existsSync(path)) {
    const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(path, 'utf8')) as S3Credentials
    return { accessKeyId, secretAccessKey }
  }
  const credentials = createS3Credentials(random)
  writePrivateFile(path, `${JSON.stringify(credentials)}\n`, true)
  return credentials
}
