import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link SdkError}. */
export type SdkErrorCode =
  | 'JOB_PACKAGE_INVALID'
  | 'JOB_OPTION_INVALID'
  | 'JOB_INPUT_INVALID'
  | 'JOB_INPUT_EMPTY'
  | 'JOB_TOO_LARGE'
  | 'JOB_BUILD_FAILED'
  | 'JOB_CONTEXT_INVALID'
  | 'JOB_PLAN_FAILED'
  | 'JOB_REPORT_FAILED'
  | 'API_NO_DAEMON'
  | 'API_UNAUTHORIZED'
  | 'API_BAD_REQUEST'
  | 'API_BAD_RESPONSE'
  | 'API_INTERRUPTED'
  | 'API_REMOTE'

/** What each code of this package means; job packages throw the `JOB_` codes too. */
export const sdkErrorCatalog: ErrorCatalog<SdkErrorCode> = {
  JOB_PACKAGE_INVALID: {
    kind: 'user',
    retryable: false,
    meaning:
      'A directory does not hold a job: stead.job.ts must export `job`, made with defineJob, and its plan must hold together.',
    next: 'Compare with examples/hello-function/stead.job.ts.',
  },
  JOB_OPTION_INVALID: {
    kind: 'user',
    retryable: false,
    meaning: 'An option of the job is unknown or has a value that it cannot take.',
    next: 'See the options of the job: stead run <directory> --help',
  },
  JOB_INPUT_INVALID: {
    kind: 'user',
    retryable: false,
    meaning: 'An input file is not what the job can read.',
    next: 'Read which line or column is named, mend the file, and run the command again.',
  },
  JOB_INPUT_EMPTY: {
    kind: 'user',
    retryable: false,
    meaning: 'There is nothing to work on: an input is missing or holds too little.',
    next: 'Give a file with data: --input <file>',
  },
  JOB_TOO_LARGE: {
    kind: 'user',
    retryable: false,
    meaning: 'The work that was asked for is more than the job allows in one run.',
    next: 'Ask for less at once; the message names the option.',
  },
  JOB_BUILD_FAILED: {
    kind: 'user',
    retryable: false,
    meaning: 'The module of a job could not be built from its source.',
    next: 'Read the compiler output, mend the source, and run the command again.',
  },
  JOB_CONTEXT_INVALID: {
    kind: 'system',
    retryable: false,
    meaning: 'What a job kept for its report cannot be read by this version of the job.',
    next: 'Run the job again with the version of the job package that you have now.',
  },
  JOB_PLAN_FAILED: {
    kind: 'user',
    retryable: false,
    meaning: 'The code of a job package failed while it read its inputs and cut the work; nothing was paid.',
    next: 'Correct the stead.job.ts of the package; the message says what it threw.',
  },
  JOB_REPORT_FAILED: {
    kind: 'user',
    retryable: false,
    meaning: 'The code of a job package failed while it made its report; the results of the job are kept.',
    next: 'Correct the stead.job.ts of the package; the message says what it threw.',
  },
  API_NO_DAEMON: {
    kind: 'system',
    retryable: true,
    meaning: 'No node answers at the address of the local API.',
    next: 'Start one: stead up, or a whole local network: stead dev',
  },
  API_UNAUTHORIZED: {
    kind: 'user',
    retryable: false,
    meaning: 'The token is not that of the node which answers.',
    next: 'Name the data directory of the running node: --data-dir <path>',
  },
  API_BAD_REQUEST: {
    kind: 'user',
    retryable: false,
    meaning: 'A request to the local API does not have the form that it must have; the message names the field.',
    next: 'Compare with the description at /openapi.json of the node.',
  },
  API_BAD_RESPONSE: {
    kind: 'system',
    retryable: false,
    meaning: 'The node answered something that this version of the library does not understand.',
    next: 'Use the same version of Stead for the node and for the command.',
  },
  API_INTERRUPTED: {
    kind: 'system',
    retryable: true,
    meaning: 'The connection to the node ended before its answer was complete.',
    next: 'See whether the node runs: stead status',
  },
  API_REMOTE: {
    kind: 'system',
    retryable: false,
    meaning: 'The node failed in a way that has no code of its own.',
    next: 'Look at the log of the node, then run: stead doctor',
  },
}

/** What is wrong with a job package, its options or inputs, or with the way to the local node. */
export class SdkError extends SteadError<SdkErrorCode> {
  constructor(code: SdkErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(sdkErrorCatalog, code, message, options)
  }
}
