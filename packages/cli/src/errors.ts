import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link CliError}. */
export type CliErrorCode =
  | 'CLI_USAGE'
  | 'CLI_NO_DAEMON'
  | 'CLI_NO_PROVIDERS'
  | 'CLI_JOB_DIRECTORY'
  | 'CLI_INPUT_UNREADABLE'
  | 'CLI_OUTPUT_UNWRITABLE'
  | 'CLI_DISK_FULL'
  | 'CLI_FILE_REFUSED'
  | 'CLI_FILE_FAILED'
  | 'CLI_UNSAFE_NAME'
  | 'CLI_TRANSFER_FAILED'
  | 'CLI_TRANSFER_REFUSED'
  | 'CLI_SHARE_FILLING'
  | 'CLI_VERSIONS_STAY'
  | 'CLI_NO_PHRASE'
  | 'CLI_JOB_FAILED'
  | 'CLI_LIMIT_REACHED'
  | 'CLI_AUDIT_MISMATCH'
  | 'CLI_EPOCH_UNKNOWN'
  | 'CLI_NO_ROOT_YET'
  | 'CLI_EVIDENCE_MISSING'
  | 'CLI_KEY_MISSING'
  | 'CLI_NOTHING_TO_DO'
  | 'CLI_FOLDER_IN_USE'
  | 'CLI_TEST_FAILED'
  | 'CLI_INTERRUPTED'
  | 'CLI_DEV_RUNNING'
  | 'CLI_DEV_FAILED'

/** What each code of this package means. */
export const cliErrorCatalog: ErrorCatalog<CliErrorCode> = {
  CLI_USAGE: {
    kind: 'user',
    retryable: false,
    meaning: 'The command line has an unknown command, option or value.',
    next: 'See what there is: stead --help',
  },
  CLI_NO_DAEMON: {
    kind: 'user',
    retryable: true,
    meaning: 'No node of this data directory is running.',
    next: 'Start one: stead up; or a local network: stead dev',
  },
  CLI_NO_PROVIDERS: {
    kind: 'system',
    retryable: true,
    meaning: 'No provider takes the work: none is known, or each was excluded for a reason that is counted.',
    next: 'See who offers what: stead quote <job directory>',
  },
  CLI_JOB_DIRECTORY: {
    kind: 'user',
    retryable: false,
    meaning: 'The folder is not a job package: its stead.job.ts is missing or exports no job.',
    next: 'Make one: stead new <folder>; or try an example: stead run examples/signal-search',
  },
  CLI_INPUT_UNREADABLE: {
    kind: 'user',
    retryable: false,
    meaning: 'An input file or object is missing, cannot be read, or was changed while it was read.',
    next: 'Check the path after --input.',
  },
  CLI_OUTPUT_UNWRITABLE: {
    kind: 'user',
    retryable: false,
    meaning: 'The place after --output cannot be written to.',
    next: 'Name a folder that can be written, or stead://bucket/folder/',
  },
  CLI_DISK_FULL: {
    kind: 'user',
    retryable: false,
    meaning: 'The disk that a file is written to is full, or the share of it that this user may have.',
    next: 'Make room, then run the same command again: a long object goes on where it stopped.',
  },
  CLI_FILE_REFUSED: {
    kind: 'user',
    retryable: false,
    meaning: 'The system does not let this user read or write a file or a folder, or the disk is read-only.',
    next: 'Look who may read or write there, or name another folder.',
  },
  CLI_FILE_FAILED: {
    kind: 'system',
    retryable: false,
    meaning: 'A file or a folder cannot be read or written; the message says what the system says.',
    next: 'Look at the file or folder that is named, and whether its disk is well.',
  },
  CLI_UNSAFE_NAME: {
    kind: 'user',
    retryable: false,
    meaning: 'A name on the network is none that a file in the chosen folder can have; nothing was written for it.',
    next: 'Bring this one alone, to a file that you name: stead get <object> <file>',
  },
  CLI_TRANSFER_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'Some files or objects were not brought over; the others were, and each failure is named.',
    next: 'Run it again: what is there already is not sent again.',
  },
  CLI_TRANSFER_REFUSED: {
    kind: 'user',
    retryable: false,
    meaning:
      'Some files or objects cannot be brought over as they are; the others were, and each is named with its reason.',
    next: 'Bring each alone, to a file that you name: stead get <object> <file>; or leave it out: --exclude <pattern>',
  },
  CLI_SHARE_FILLING: {
    kind: 'peer',
    retryable: true,
    meaning: 'A share does not show all that its owner has there, and nothing new came; what is shown was brought.',
    next: 'Run it again in some minutes; the machine of the owner must be on for the rest.',
  },
  CLI_VERSIONS_STAY: {
    kind: 'user',
    retryable: false,
    meaning: 'The bucket keeps versions of what was deleted in it, so that it is not deleted itself.',
    next: 'To delete it with all versions, for good: stead rm -r --all-versions stead://bucket',
  },
  CLI_NO_PHRASE: {
    kind: 'user',
    retryable: false,
    meaning: 'The node has no recovery phrase: it is made when something is kept on the network for the first time.',
    next: 'Keep something: stead put <file> stead://my-bucket/; or name the folder of the node: --data-dir <path>',
  },
  CLI_JOB_FAILED: {
    kind: 'system',
    retryable: false,
    meaning: 'The job ended with tasks that have no agreed result; the others are kept.',
    next: 'See each task with its reason: stead jobs watch <job>',
  },
  CLI_LIMIT_REACHED: {
    kind: 'user',
    retryable: false,
    meaning: 'The job reached its cost cap or deadline before all tasks were done.',
    next: 'Run it again with a higher cap: --max-cost <usd>',
  },
  CLI_AUDIT_MISMATCH: {
    kind: 'peer',
    retryable: false,
    meaning: 'What was billed or proposed does not follow from evidence and chain; the first difference is named.',
    next: 'Keep the evidence: the same command with --json > evidence.json',
  },
  CLI_EPOCH_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'No root of this epoch was proposed on this chain, or the epoch is not over.',
    next: 'Audit the newest one that there is: stead audit epoch latest',
  },
  CLI_NO_ROOT_YET: {
    kind: 'user',
    retryable: true,
    meaning: 'No root of any epoch was proposed on this chain yet.',
    next: 'Ask again when an epoch is over; see when: stead epoch',
  },
  CLI_EVIDENCE_MISSING: {
    kind: 'system',
    retryable: true,
    meaning: 'A document that an epoch builds on cannot be had from where the command was told to look.',
    next: 'Ask a node that has it, or name a folder that holds it: --evidence <folder>',
  },
  CLI_KEY_MISSING: {
    kind: 'user',
    retryable: false,
    meaning: 'The command sends a transaction, and there is no key of the account that it is sent from.',
    next: 'Name the file with the key: --key-file <file>',
  },
  CLI_NOTHING_TO_DO: {
    kind: 'user',
    retryable: true,
    meaning: 'There is nothing to claim, to withdraw or to buy at this moment; the message says why.',
    next: 'Run it again when the message says so.',
  },
  CLI_FOLDER_IN_USE: {
    kind: 'user',
    retryable: false,
    meaning: 'A new job package needs a folder that does not exist yet or is empty.',
    next: 'Choose another folder: stead new <folder>',
  },
  CLI_TEST_FAILED: {
    kind: 'user',
    retryable: false,
    meaning: 'A task of the job failed in the sandbox of this machine, or the findings are not the expected ones.',
    next: 'Mend the task, then run it again: stead test <job directory>',
  },
  CLI_INTERRUPTED: {
    kind: 'user',
    retryable: true,
    meaning: 'The command was interrupted.',
    next: 'The job goes on in the node; see it: stead jobs',
  },
  CLI_DEV_RUNNING: {
    kind: 'user',
    retryable: true,
    meaning: 'Another local network already runs on this data directory.',
    next: 'Use it as it is, stop it with Ctrl-C, or choose another one: --data-dir <path>',
  },
  CLI_DEV_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'A part of the local network did not come up.',
    next: 'Read the named log file, then try again.',
  },
}

/** What the command itself refuses or reports. */
export class CliError extends SteadError<CliErrorCode> {
  constructor(code: CliErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(cliErrorCatalog, code, message, options)
  }
}
