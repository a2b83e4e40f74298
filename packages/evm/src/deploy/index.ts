export type { DeployComponents, DeployInput } from './deploy.ts'
export { deployContracts, deployOptionsSchema } from './deploy.ts'
