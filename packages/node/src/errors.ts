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
  | 'NODE_EPOCH_NOT_OVER'
  | 'NODE_EPOCH_NO_PROGRAM'
  | 'NODE_EPOCH_REFUSED'
  | 'NODE_EPOCH_ROOT_FALSE'
  | 'NODE_OPERATOR_KEY'
  | 'NODE_DOCUMENT_UNKNOWN'

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
  NODE_EPOCH_NOT_OVER: {
    kind: 'user',
    retryable: true,
    meaning: 'An epoch that still runs, or whose logs are still gathered, has no result.',
    next: 'Ask again when it is over; see when: stead epoch',
  },
  NODE_EPOCH_NO_PROGRAM: {
    kind: 'user',
    retryable: true,
    meaning: 'The chain enables a reward program whose policy this node does not have.',
    next: 'Name the file of the policy in epochs.policies.',
  },
  NODE_EPOCH_REFUSED: {
    kind: 'user',
    retryable: true,
    meaning: 'An epoch cannot be proposed now: it is final already, or another proposal is open.',
    next: 'See proposals: stead epoch',
  },
  NODE_EPOCH_ROOT_FALSE: {
    kind: 'system',
    retryable: true,
    meaning: 'The final root of an epoch is not what its evidence gives, or nobody gives the evidence out.',
    next: 'Nothing is lost: the root of a later epoch holds what is missing. See the difference: stead audit epoch <n>',
  },
  NODE_OPERATOR_KEY: {
    kind: 'user',
    retryable: false,
    meaning: 'Proposing and challenging put a deposit of the operator behind a root, and need its key.',
    next: 'Name the file with the key: stead up --operator-key <file>',
  },
  NODE_DOCUMENT_UNKNOWN: {
    kind: 'system',
    retryable: true,
    meaning: 'Neither this node nor a connected peer has this document of an epoch.',
    next: 'Connect to more peers, then ask again.',
  },
}

/** What the daemon itself refuses or cannot do; what its parts refuse comes under their own codes. */
export class NodeError extends SteadError<NodeErrorCode> {
  constructor(code: NodeErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(nodeErrorCatalog, code, message, options)
  }
}
