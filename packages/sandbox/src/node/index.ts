export { ProcessExecutor } from './process-executor.ts'
