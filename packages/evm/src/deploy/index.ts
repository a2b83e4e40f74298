export type { DeployComponents } from './deploy.ts'
export { deployContracts } from './deploy.ts'
export type { DeployInput, DeployOptions, GenesisProgram } from './options.ts'
export { deployOptionsSchema } from './options.ts'
