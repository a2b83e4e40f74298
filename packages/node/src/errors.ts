import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link NodeError}. */
export type NodeErrorCode =
  | 'NODE_CONFIG_INVALID'
  | 'NODE_CONFIG_UNREADABLE'
  | 'NODE_DATA_DIR'
  | 'NODE_CHAIN_MISSING'
  | 'NODE_OPERATOR_MISSING'
  | 'NODE_KEY_INVALID'
  | 'NODE_KEY_EXPOSED'
  | 'NODE_PORT_TAKEN'
  | 'NODE_NOT_PROVIDING'
  | 'NODE_FINISHING'
  | 'NODE_API_ORIGIN'
  | 'NODE_ROUTE_UNKNOWN'
  | 'NODE_BODY_TOO_LARGE'
  | 'NODE_EPOCHS_OFF'
  | 'NODE_UNPAID_TOO_SHORT'
  | 'NODE_PHRASE_OTHER'
  | 'NODE_PAYER_UNKNOWN'
  | 'NODE_PAYER_RUNS'
  | 'NODE_RUNNING'
  | 'NODE_NETWORK_UNKNOWN'

/** What each code of this package means. */
export const nodeErrorCatalog: ErrorCatalog<NodeErrorCode> = {
  NODE_CONFIG_INVALID: {
    kind: 'user',
    retryable: false,
    meaning: 'A setting is unknown or its value is out of range.',
    next: 'See every setting, its value and where it came from: stead config show',
  },
  NODE_CONFIG_UNREADABLE: {
    kind: 'user',
    retryable: false,
    meaning: 'A file of the configuration is missing, unreadable or not JSON.',
    next: 'Correct or remove the named file.',
  },
  NODE_DATA_DIR: {
    kind: 'user',
    retryable: false,
    meaning: 'The folder for keys and data cannot be made or entered.',
    next: 'Choose another folder: --data-dir <path>',
  },
  NODE_CHAIN_MISSING: {
    kind: 'user',
    retryable: false,
    meaning: 'The node was not told which chain it settles on.',
    next: 'Name a chain: stead up --rpc <url> --address-book <file>; or start a local network: stead dev',
  },
  NODE_OPERATOR_MISSING: {
    kind: 'user',
    retryable: false,
    meaning: 'The node is to provide, but nobody is named who is paid.',
    next: 'Name the payout address: stead up --provide --operator <0x address>',
  },
  NODE_KEY_INVALID: {
    kind: 'user',
    retryable: false,
    meaning: "The file of the node's key does not hold a key.",
    next: 'Restore the file from a copy; a new key would be a new node with none of the old earnings.',
  },
  NODE_KEY_EXPOSED: {
    kind: 'user',
    retryable: false,
    meaning: "Other users of this machine can read the node's key.",
    next: 'Run: chmod 600 <file>',
  },
  NODE_PORT_TAKEN: {
    kind: 'user',
    retryable: true,
    meaning: 'Another program listens on the port that the node wants.',
    next: 'Choose another port, or let the node pick one: --api-port 0',
  },
  NODE_NOT_PROVIDING: {
    kind: 'user',
    retryable: false,
    meaning: 'The node does not sell anything, so that there is nothing to do.',
    next: 'Enable sharing: stead up --provide --operator <0x address>',
  },
  NODE_FINISHING: {
    kind: 'system',
    retryable: true,
    meaning: 'The node takes no new work because it is finishing or stopping.',
    next: 'Start it again: stead up',
  },
  NODE_API_ORIGIN: {
    kind: 'user',
    retryable: false,
    meaning: 'The request came under a foreign name or from a web page, which may not control this node.',
    next: 'Use the address of api.json in the data directory.',
  },
  NODE_ROUTE_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'The local API has nothing under this address.',
    next: 'See what there is: GET /openapi.json',
  },
  NODE_BODY_TOO_LARGE: {
    kind: 'user',
    retryable: false,
    meaning: 'The body of a request is larger than its route takes.',
    next: 'Send less at once.',
  },
  NODE_EPOCHS_OFF: {
    kind: 'user',
    retryable: false,
    meaning: 'The node takes no part in epochs: it neither watches nor proposes, and has no bond.',
    next: 'Watch epochs: stead up --watch-epochs; or bond the node: stead bond',
  },
  NODE_UNPAID_TOO_SHORT: {
    kind: 'user',
    retryable: false,
    meaning: 'A node with stake would delete unpaid pieces while it can still be asked on chain to show them.',
    next: 'Keep them for eleven days at least: --storage-unpaid-seconds 950400; or take the stake back: stead unbond',
  },
  NODE_PHRASE_OTHER: {
    kind: 'user',
    retryable: false,
    meaning: 'The folder has a recovery phrase already, with objects of its own.',
    next: 'Choose another folder: stead recover --phrase-file <file> --data-dir <folder>',
  },
  NODE_PAYER_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'It is not clear which machine is gone: several wrote under this recovery phrase, or none did.',
    next: 'Name the one that is gone: stead recover --phrase-file <file> --replace <0x address>; while all still run: --beside in its place',
  },
  NODE_PAYER_RUNS: {
    kind: 'user',
    retryable: true,
    meaning: 'The machine whose place is to be taken still runs; two with one key would contradict each other.',
    next: 'Stop it for good, and run the same command again; while it is to go on: stead recover --phrase-file <file> --beside',
  },
  NODE_RUNNING: {
    kind: 'user',
    retryable: true,
    meaning: 'A node runs in the folder, which must not change under it.',
    next: 'Stop it (Ctrl-C where it runs), or choose another folder: stead recover --phrase-file <file> --data-dir <folder>',
  },
  NODE_NETWORK_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'It is not set where the network is: its chain, or a peer to begin with.',
    next: 'Name what is missing, or copy config.json of the old machine into the folder: stead recover --help',
  },
}

/** What the daemon itself refuses or cannot do; what its parts refuse comes under their own codes. */
export class NodeError extends SteadError<NodeErrorCode> {
  constructor(code: NodeErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(nodeErrorCatalog, code, message, options)
  }
}
