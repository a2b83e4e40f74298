// A payer's daemon of the benches in a process of its own, with its S3 gateway open.
import { nodeDirectories, readS3File } from '@stead/node/files'
import { IdleMemory } from '../../packages/node/src/daemon/idle-memory.ts'
import { startNode } from './trial-network.ts'

/** What the process tells when it serves. */
export interface TrialGateway {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Whose dollars pay. */
  readonly account: string
}

interface GatewaySettings {
  readonly dataDir: string
  readonly [setting: string]: unknown
}

const { dataDir, ...settings } = JSON.parse(process.argv[2] ?? '{}') as GatewaySettings
const node = await startNode(dataDir, { 's3.enabled': true, 's3.port': 0, 'storage.spread': false, ...settings })
// As the daemon does.
new IdleMemory(node.foundation).start()
const access = readS3File(nodeDirectories(dataDir, {}).stateDir)
if (access === undefined) throw new Error('the gateway did not say where it is')
const { endpoint, accessKeyId, secretAccessKey } = access
const ready: TrialGateway = { endpoint, accessKeyId, secretAccessKey, account: node.foundation.signer.address }
process.send?.(ready)
process.on('SIGTERM', () => {
  void node.stop().then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(0))
