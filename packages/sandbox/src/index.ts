export type {
  CallInput,
  GuestLimit,
  Limits,
  ModuleKind,
  NodeFaultCode,
  Outcome,
  TrapReason,
} from './call.ts'
export { callLimits, checkCall } from './check-call.ts'
export { amountCosts, operationCosts } from './cost-table.ts'
export { ECHO_MODULE } from './echo-module.ts'
export type { SandboxErrorCode } from './errors.ts'
export { SandboxError, sandboxErrorCatalog } from './errors.ts'
export type { Executor, IsolationReport, LoadedModule, LoadOptions, RunOptions, Wall } from './executor.ts'
export { InlineExecutor } from './inline-executor.ts'
export { STACK_BUDGET_BYTES } from './meter/stack-estimate.ts'
export { moduleIdOf } from './module-id.ts'
export type { ExecutorOptions, ExecutorOptionsInput } from './options.ts'
export { executorOptionsSchema, parseExecutorOptions } from './options.ts'
export type { CompiledModule, ModuleFacts, PreparedModule } from './prepare.ts'
export { compileModule, prepareModule } from './prepare.ts'
export { runCall } from './run.ts'
export { staticLimits } from './static-limits.ts'
export type { FloatMode } from './strict/float-mode.ts'
