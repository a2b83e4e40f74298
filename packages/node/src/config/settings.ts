import { z } from 'zod'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../adapters/log-writer.ts'

/** How objects are coded. */
export type StorageProfile = '2-of-3' | '4-of-12' | '16-of-48'
const STORAGE_PROFILES: readonly StorageProfile[] = ['2-of-3', '4-of-12', '16-of-48']

/** What makes a payer's node ask another one on chain for what it keeps. */
export type ChallengeOn = 'never' | 'lied' | 'lost'
const CHALLENGE_ON: readonly ChallengeOn[] = ['never', 'lied', 'lost']

/** Everything that a node can be told, parsed and frozen. */
export interface NodeConfig {
  readonly network: {
    readonly listen: readonly string[]
    readonly announce: readonly string[]
    readonly bootstrap: readonly string[]
    readonly mdns: boolean
  }
  readonly bulk: { readonly listen: string; readonly announce: readonly string[] }
  readonly chain: {
    readonly rpcUrl: string | undefined
    readonly addressBook: string | undefined
    readonly confirmations: number
  }
  readonly api: { readonly port: number; readonly origins: readonly string[] }
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
  readonly provide: {
    readonly enabled: boolean
    readonly operator: string | undefined
    readonly region: string
    readonly concurrency: number
    readonly priceMicroUsdPerGigafuel: number
    readonly minimumMicroUsdPerTask: number
    readonly fuelMax: number
    readonly memoryPagesMax: number
    readonly outputBytesMax: number
    readonly timeMsMax: number
  }
  readonly storage: {
    readonly shareGib: number
    readonly keepFreeGib: number
    readonly priceMicroUsdPerTibHour: number
    readonly profile: StorageProfile
    readonly spread: boolean
    readonly priceMaxMicroUsdPerTibHour: number
    readonly settleSeconds: number
    readonly lostAfterSeconds: number
    readonly unpaidSeconds: number
    readonly challengeOn: ChallengeOn
    readonly challengesPerMonth: number
    readonly challengeTokensPerMonth: number
    readonly care: boolean
    readonly carePercent: number
  }
  readonly s3: { readonly enabled: boolean; readonly port: number }
  readonly claim: { readonly minimumMicroUsd: number; readonly nativeCoinMicroUsd: number }
  readonly purses: { readonly idleDays: number; readonly minimumMicroUsd: number }
  readonly epochs: {
    readonly watch: boolean
    readonly propose: boolean
    readonly operatorKey: string | undefined
    readonly policies: readonly string[]
    readonly keepEpochs: number
  }
  readonly blobs: { readonly cacheBytesMax: number }
  readonly stop: { readonly graceMs: number }
}

/** What is known of one setting besides its schema. */
interface SettingNotes {
  /** One sentence for help and reference. */
  readonly help: string
  /** Why the default is what it is. */
  readonly reason: string
  /** The flag, where it is not the key itself in kebab case. */
  readonly flag?: string
  /** Each text names a file; it counts from the folder in which the node is started. */
  readonly isPath?: true
}

/** One setting: a leaf of the configuration. */
export interface Setting extends SettingNotes {
  /** `section.name`, as in config.json. */
  readonly key: string
  /** `STEAD_SECTION_NAME`. */
  readonly environment: string
  /** `--flag`, without the dashes. */
  readonly flagName: string
  readonly kind: 'flag' | 'number' | 'text' | 'list'
  readonly schema: z.ZodType
  readonly defaultValue: unknown
}

interface Leaf {
  readonly schema: z.ZodType
  readonly kind: Setting['kind']
  readonly defaultValue: unknown
  readonly notes: SettingNotes
}

const MULTIADDR = z.string().regex(/^\/[a-z0-9]+\/.{1,200}$/, 'must be a multiaddr such as /ip4/127.0.0.1/tcp/4001')
const ENDPOINT = z
  .string()
  .regex(
    /^([0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\]):[0-9]{1,5}$/,
    'must be an IP address and a port such as 203.0.113.7:4802',
  )
const ORIGIN = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.-]{1,253}(:[0-9]{1,5})?$/, 'must be an origin such as http://127.0.0.1:8080')
const ADDRESS = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'must be 0x and 40 hexadecimal digits')

function flag(defaultValue: boolean, notes: SettingNotes): Leaf {
  return { schema: z.boolean(), kind: 'flag', defaultValue, notes }
}

function integer(range: readonly [number, number], defaultValue: number, notes: SettingNotes): Leaf {
  return { schema: z.int().min(range[0]).max(range[1]), kind: 'number', defaultValue, notes }
}

function text(schema: z.ZodType, defaultValue: string | undefined, notes: SettingNotes): Leaf {
  return { schema: defaultValue === undefined ? schema.optional() : schema, kind: 'text', defaultValue, notes }
}

function list(schema: z.ZodType, defaultValue: readonly string[], notes: SettingNotes): Leaf {
  return { schema: z.array(schema).max(64), kind: 'list', defaultValue, notes }
}

const tree: Readonly<Record<keyof NodeConfig, Readonly<Record<string, Leaf>>>> = {
  network: {
    listen: list(MULTIADDR, ['/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/0/ws'], {
      flag: 'listen',
      help: 'Multiaddrs to listen on for other nodes; may be repeated.',
      reason: 'TCP for nodes and WebSocket for browsers, on ports that are free.',
    }),
    announce: list(MULTIADDR, [], {
      flag: 'announce',
      help: 'Multiaddrs to tell others instead of the ones that are listened on; may be repeated.',
      reason: 'Only needed behind a forwarded port.',
    }),
    bootstrap: list(MULTIADDR, [], {
      flag: 'bootstrap',
      help: 'Multiaddrs (with /p2p/) of any live peers to begin with; may be repeated.',
      reason: 'No peer is special, so none is built in; peers met before are remembered.',
    }),
    mdns: flag(true, {
      flag: 'mdns',
      help: 'Find nodes on the same local network.',
      reason: 'Devices at one place should meet without being told of each other.',
    }),
  },
  bulk: {
    listen: text(z.union([z.enum(['auto', 'off']), ENDPOINT]), 'auto', {
      help:
        'Where to listen for data connections, which carry large payloads between nodes, as host:port (port 0 lets the system ' +
        'choose one); auto listens beside the first TCP address of network.listen; off takes and makes none.',
      reason:
        'Bulk bytes cost a quarter of the processor time there; where none can be made, they go with everything else. ' +
        'Behind a router, forward its port too.',
    }),
    announce: list(ENDPOINT, [], {
      help: 'host:port at which others reach the data listener, besides the address at which they know this node; may be repeated.',
      reason: 'Only needed where the port or the address that others see is another one.',
    }),
  },
  chain: {
    rpcUrl: text(z.url({ protocol: /^https?$/ }), undefined, {
      flag: 'rpc',
      help: 'JSON-RPC address of the settlement chain.',
      reason: 'Which chain holds the money must be chosen, never assumed.',
    }),
    addressBook: text(z.string().min(1).max(4096), undefined, {
      flag: 'address-book',
      isPath: true,
      help: 'File that names the contracts, written when they were deployed.',
      reason: 'Contracts differ from chain to chain.',
    }),
    confirmations: integer([1, 64], 1, {
      help: 'Blocks that must hold a transaction, its own included, and a purse before this node works for it.',
      reason:
        'Right where blocks are final at once; give more where other forks may win, as many as they undo at most and one. ' +
        'What a longer fork undoes all the same is noticed, and done again.',
    }),
  },
  api: {
    port: integer([0, 65_535], 0, {
      help: 'Port of the local HTTP API on 127.0.0.1; 0 lets the system choose one.',
      reason: 'A free port never collides; its number is in api.json.',
    }),
    origins: list(ORIGIN, [], {
      help: 'Origins of web pages, such as http://127.0.0.1:8080, that may use the local HTTP API with its token; may be repeated.',
      reason: 'Any page that the browser shows could ask otherwise; who knows the token may do everything.',
    }),
  },
  log: {
    level: text(z.enum(LOG_LEVELS), 'info', {
      help: `Least important lines that are written: ${LOG_LEVELS.join(', ')}.`,
      reason: 'What an operator wants to find later, without a line per task.',
    }),
    format: text(z.enum(LOG_FORMATS), 'text', {
      help: 'Lines on standard error: json (one object each) or text.',
      reason: 'People read it first; set json where a collector does.',
    }),
  },
  provide: {
    enabled: flag(false, {
      flag: 'provide',
      help: 'Sell this device to others.',
      reason: 'Nothing is shared until its owner says so.',
    }),
    operator: text(ADDRESS, undefined, {
      flag: 'operator',
      help: 'EVM address that is paid for what this node sells.',
      reason: "The payout address is kept apart from the node's key and cannot be guessed.",
    }),
    region: text(z.string().min(1).max(32), '-', {
      flag: 'region',
      help: 'Coarse place shown in offers, such as eu-west; - says nothing.',
      reason: 'Where a device stands is told only by choice; nearness is measured.',
    }),
    concurrency: integer([1, 256], 0, {
      flag: 'concurrency',
      help: 'Tasks that run at once.',
      reason: 'One per processor core, less one that keeps the device usable.',
    }),
    priceMicroUsdPerGigafuel: integer([0, 1_000_000_000], 20, {
      flag: 'price',
      help: 'Price of 10^9 units of fuel, in micro-dollars.',
      reason: 'About two cents per core and hour, half of what a small cloud machine costs.',
    }),
    minimumMicroUsdPerTask: integer([1, 1_000_000_000], 1, {
      help: 'Least price of one task, in micro-dollars.',
      reason: 'A task of no length still costs a start.',
    }),
    fuelMax: integer([1_000_000, Number.MAX_SAFE_INTEGER], 1_000_000_000_000, {
      help: 'Most fuel that one task may ask for.',
      reason: 'About ten minutes of one core: longer work should be cut so that it can move.',
    }),
    memoryPagesMax: integer([1, 65_536], 4096, {
      help: 'Most memory of one task, in pages of 64 KiB.',
      reason: '256 MiB leaves room for the owner on small devices.',
    }),
    outputBytesMax: integer([1024, 1_073_741_824], 16_777_216, {
      help: 'Most bytes that one task may give back.',
      reason: 'Outputs are held in memory until the payer has them.',
    }),
    timeMsMax: integer([100, 86_400_000], 600_000, {
      help: 'Longest run of one task, in milliseconds.',
      reason: 'Ten minutes: longer work should be cut so that it can move.',
    }),
  },
  storage: {
    shareGib: integer([0, 1_048_576], 0, {
      help: 'Disk space that is sold to others, in GiB, when this device is sold at all; 0 sells none.',
      reason: 'How much of a disk is spare is known to its owner alone.',
    }),
    keepFreeGib: integer([0, 1_048_576], 5, {
      help: 'Disk space that is never used for others, however much is shared, in GiB.',
      reason: 'A disk that is full harms everything else on the machine.',
    }),
    priceMicroUsdPerTibHour: integer([0, 1_000_000_000], 5000, {
      flag: 'storage-price',
      help: 'Price of a tebibyte that is kept for an hour, in micro-dollars.',
      reason: 'About 3.60 dollars a month, a little below what the cheapest clouds take.',
    }),
    profile: text(z.enum(STORAGE_PROFILES), '4-of-12', {
      flag: 'storage-profile',
      help: `How own objects are coded: ${STORAGE_PROFILES.join(', ')}; any 4 of 12 pieces on 12 nodes give a segment back.`,
      reason: 'Twelve nodes are found in small networks; 16-of-48 loses less, 2-of-3 is for trying out.',
    }),
    spread: flag(true, {
      flag: 'storage-spread',
      help: 'Keep each piece of a segment in a /24 or /64 of its own.',
      reason: 'What fails together must not hold much of one object; off only for a network in one place.',
    }),
    priceMaxMicroUsdPerTibHour: integer([0, 1_000_000_000], 20_000, {
      help: 'Most that a tebibyte-hour of own objects may cost at one node, in micro-dollars.',
      reason: 'About 15 dollars a month, what the large clouds take.',
    }),
    settleSeconds: integer([5, 86_400], 3600, {
      help: 'How often nodes prove what they keep and are paid, in seconds.',
      reason: 'Twenty-four proofs a day, each of a few kilobytes.',
    }),
    lostAfterSeconds: integer([5, 31_536_000], 604_800, {
      help: 'A node that is away for so many seconds is not waited for; its pieces are made anew elsewhere.',
      reason: 'Seven days: a holiday. Segments that are likely to be unreadable are repaired sooner.',
    }),
    unpaidSeconds: integer([3600, 31_536_000], 1_209_600, {
      help: 'How long pieces of others are kept without a payment, in seconds; a node with stake needs 950400 at least.',
      reason:
        "Fourteen days: a payer's machine may be broken, and its owner on holiday. With stake, a node can be asked for eleven.",
    }),
    challengeOn: text(z.enum(CHALLENGE_ON), 'lied', {
      help: `When a node with stake is asked on chain to prove what it keeps: ${CHALLENGE_ON.join(', ')}; once a week at most.`,
      reason:
        'It takes a deposit in tokens, which comes back with a part of the stake when no proof comes, and is gone when one does. ' +
        'Who says itself that a piece is lost should not lose stake for saying so.',
    }),
    challengesPerMonth: integer([0, 1000], 0, {
      help: 'Nodes that are asked on chain by lot, in thirty days.',
      reason:
        'Each costs about 274,000 gas and, when the node answers, the deposit (10 tokens by default); the hourly proofs cost nothing.',
    }),
    challengeTokensPerMonth: integer([0, 1_000_000_000], 30, {
      help: 'Most of deposits, in tokens, that may be out or lost in thirty days of what is asked on chain without a command.',
      reason:
        'Three deposits: a node may show its payer something false and answer on chain, for the deposit. Commands are not counted.',
    }),
    care: flag(false, {
      flag: 'care',
      help: 'Look after what payers keep while they are away, when this device is sold at all: repair it and pay nodes for it.',
      reason: "It locks money of this node's account for nodes, though payers have paid for all of it ahead.",
    }),
    carePercent: integer([0, 1000], 20, {
      help: 'What is billed for care on top of what it pays to nodes, in percent.',
      reason: 'A fifth: the gas of the channels, and reading and sending for repairs.',
    }),
  },
  s3: {
    enabled: flag(false, {
      flag: 's3',
      help: 'Serve own objects to S3 clients on 127.0.0.1; stead s3 says with which key.',
      reason: 'A door that nobody uses should be shut.',
    }),
    port: integer([0, 65_535], 9000, {
      help: 'Port of the S3 gateway on 127.0.0.1; 0 lets the system choose one.',
      reason: 'Clients are configured with it once, so it stays the same.',
    }),
  },
  claim: {
    minimumMicroUsd: integer([0, Number.MAX_SAFE_INTEGER], 1_000_000, {
      help: 'Earnings after fee and gas that are worth a claim, in micro-dollars.',
      reason: 'One dollar; smaller sums are claimed when a purse thaws, or by: stead settle',
    }),
    nativeCoinMicroUsd: integer([0, Number.MAX_SAFE_INTEGER], 3_000_000_000, {
      help: 'What one whole native coin of the chain is worth, in micro-dollars, to weigh gas against earnings.',
      reason: 'A rough figure is enough: it only decides when to claim.',
    }),
  },
  purses: {
    idleDays: integer([1, 3650], 7, {
      help: 'Money that is locked for providers and was not used for so many days comes home: the purse thaws for a day, then it is closed.',
      reason: 'Whoever runs jobs once a week need not lock money anew.',
    }),
    minimumMicroUsd: integer([0, Number.MAX_SAFE_INTEGER], 100_000, {
      help: 'What an unused purse must still hold to come home by itself, in micro-dollars.',
      reason: 'Ten cents; less is left where it is, because two transactions cost gas, until: stead thaw',
    }),
  },
  epochs: {
    watch: flag(false, {
      flag: 'watch-epochs',
      help: 'Recompute every proposed reward root, challenge a false one (with operatorKey) and vote (with a bond).',
      reason: 'It takes memory and a deposit; a bonded node probes and answers probes without it.',
    }),
    propose: flag(false, {
      flag: 'propose-epochs',
      help: 'Propose the reward root of each epoch; needs operatorKey and a bond.',
      reason: 'It puts a deposit of the operator at stake; one proposer is enough for all.',
    }),
    operatorKey: text(z.string().min(1).max(4096), undefined, {
      flag: 'operator-key',
      isPath: true,
      help: "File with the operator's private key, which signs proposals and challenges.",
      reason: 'The node key alone cannot spend what the operator owns.',
    }),
    policies: list(z.string().min(1).max(4096), [], {
      isPath: true,
      help: 'Files with policies of reward programs that this node should know; may be repeated.',
      reason: 'The policy of the genesis is built in; others come with the evidence of epochs.',
    }),
    keepEpochs: integer([2, 4096], 64, {
      help: 'For how many epochs evidence is kept and given to others; longer while no final root covers them.',
      reason: 'Two months of days: longer than any proposal can be argued about.',
    }),
  },
  blobs: {
    cacheBytesMax: integer([1_048_576, 1_099_511_627_776], 268_435_456, {
      help: 'Most bytes of modules, inputs and outputs kept on disk.',
      reason: '256 MiB holds the modules of many jobs; what a job needs is pulled again.',
    }),
  },
  stop: {
    graceMs: integer([0, 600_000], 10_000, {
      help: 'How long tasks may go on after the node was told to stop, in milliseconds.',
      reason: 'Most tasks end within it; the others are handed back and run elsewhere.',
    }),
  },
}

/** All settings, in the order of the reference. `concurrencyDefault` is the number of cores less one, at least 1. */
export function listSettings(concurrencyDefault: number): readonly Setting[] {
  return Object.entries(tree).flatMap(([section, leaves]) =>
    Object.entries(leaves).map(([name, leaf]): Setting => {
      const key = `${section}.${name}`
      return {
        key,
        environment: `STEAD_${section}_${snake(name)}`.toUpperCase(),
        flagName: leaf.notes.flag ?? `${section}-${snake(name).replaceAll('_', '-')}`,
        kind: leaf.kind,
        schema: leaf.schema,
        defaultValue: key === 'provide.concurrency' ? concurrencyDefault : leaf.defaultValue,
        ...leaf.notes,
      }
    }),
  )
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
