export type { ObjectContent } from './client/content-parts.ts'
export type { DaemonClientComponents, DaemonClientOptions } from './client/daemon-client.ts'
export { DaemonClient } from './client/daemon-client.ts'
export type { CallOptions, DaemonConnection } from './client/daemon-transport.ts'
export type { JobTerms } from './client/job-runs.ts'
export { prepareJob, taskResultOf } from './client/job-runs.ts'
export type {
  GetContentOptions,
  ObjectClientOptions,
  ObjectPlace,
  OpenObject,
  PutContentOptions,
  Resumption,
} from './client/object-client.ts'
export { ObjectClient } from './client/object-client.ts'
export type { SdkErrorCode } from './errors.ts'
export { SdkError, sdkErrorCatalog } from './errors.ts'
