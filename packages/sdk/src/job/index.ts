export type { SdkErrorCode } from '../errors.ts'
export { SdkError } from '../errors.ts'
export { checkJobPlan, defineJob, JOB_CONTEXT_LENGTH_MAX, JOB_TASKS_MAX, jobOfModule } from './define-job.ts'
export { bytesOfPart, INPUT_RANGE_BYTES_MAX, inputOf } from './job-input.ts'
export type {
  InputObject,
  InputRange,
  JobContext,
  JobInput,
  JobPackage,
  JobPlan,
  JobReport,
  JsonValue,
  PlannedBytes,
  PlannedTask,
  TaskResult,
  TaskResultStatus,
} from './job-package.ts'
export type { JobOption, JobOptionValues } from './options.ts'
export { parseJobOptions } from './options.ts'
