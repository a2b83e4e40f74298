import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'

/** A command's own file: adds arguments, options and actions to its command. */
export interface CommandModule {
  define(command: Command, context: CommandContext): void | Promise<void>
}

/** One command, known without loading its file, so that help is printed at once. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<CommandModule>
}

/** All commands, in the order of the help. */
export const commandList: readonly CommandEntry[] = [
  { name: 'up', summary: 'run a node on this device', load: () => import('./commands/up.ts') },
  { name: 'dev', summary: 'run a local network: chain, providers, payer', load: () => import('./commands/dev.ts') },
  { name: 'run', summary: 'run a job package and pay for it', load: () => import('./commands/run.ts') },
  {
    name: 'quote',
    summary: 'say what a job package would cost, without paying',
    load: () => import('./commands/quote.ts'),
  },
  { name: 'new', summary: 'make a job package from a template', load: () => import('./commands/new.ts') },
  { name: 'build', summary: "build a job package's module", load: () => import('./commands/build.ts') },
  {
    name: 'test',
    summary: "run a job package's tasks in the sandbox of this machine",
    load: () => import('./commands/test.ts'),
  },
  { name: 'jobs', summary: 'list jobs; watch, save or cancel one', load: () => import('./commands/jobs.ts') },
  { name: 'put', summary: 'keep a file on the network', load: () => import('./commands/put.ts') },
  { name: 'get', summary: 'bring an object back', load: () => import('./commands/get.ts') },
  { name: 'ls', summary: 'list buckets and objects', load: () => import('./commands/ls.ts') },
  { name: 'rm', summary: 'delete objects', load: () => import('./commands/rm.ts') },
  {
    name: 'share',
    summary: 'give others a link to read or to write a folder or an object',
    load: () => import('./commands/share.ts'),
  },
  { name: 'shares', summary: 'list what is shared', load: () => import('./commands/shares.ts') },
  { name: 'unshare', summary: 'take a share back', load: () => import('./commands/unshare.ts') },
  {
    name: 'cp',
    summary: 'copy files and objects, either way and within the network',
    load: () => import('./commands/cp.ts'),
  },
  { name: 'sync', summary: 'make one folder like another, either way', load: () => import('./commands/sync.ts') },
  { name: 's3', summary: 'say how S3 clients reach the objects of this node', load: () => import('./commands/s3.ts') },
  {
    name: 'recover',
    summary: 'bring back on a new machine what a recovery phrase gives',
    load: () => import('./commands/recover.ts'),
  },
  { name: 'phrase', summary: 'show the recovery phrase', load: () => import('./commands/phrase.ts') },
  { name: 'usage', summary: 'show who keeps how much, and what it costs', load: () => import('./commands/usage.ts') },
  {
    name: 'challenge',
    summary: 'ask a node on chain to prove what it keeps, or list what was asked',
    load: () => import('./commands/challenge.ts'),
  },
  { name: 'status', summary: 'show what the node does, and why', load: () => import('./commands/status.ts') },
  { name: 'peers', summary: 'show known peers and their round trips', load: () => import('./commands/peers.ts') },
  { name: 'receipts', summary: 'list what was paid for', load: () => import('./commands/receipts.ts') },
  { name: 'settle', summary: 'pay or claim everything that is owed, now', load: () => import('./commands/settle.ts') },
  { name: 'purses', summary: 'show money that is locked for providers', load: () => import('./commands/purses.ts') },
  { name: 'thaw', summary: 'take back what a purse does not owe', load: () => import('./commands/thaw.ts') },
  { name: 'bond', summary: "show a node's bond, or add to it", load: () => import('./commands/bond.ts') },
  { name: 'unbond', summary: "start to take a node's bond back", load: () => import('./commands/unbond.ts') },
  { name: 'withdraw', summary: 'receive what was unbonded for 14 days', load: () => import('./commands/withdraw.ts') },
  {
    name: 'claim',
    summary: 'receive everything that an operator has earned',
    load: () => import('./commands/claim.ts'),
  },
  { name: 'sponsor', summary: 'put dollars into a reward program', load: () => import('./commands/sponsor.ts') },
  { name: 'earnings', summary: 'show what was earned by epoch, and why', load: () => import('./commands/earnings.ts') },
  { name: 'epoch', summary: 'show, propose or watch epochs', load: () => import('./commands/epoch.ts') },
  { name: 'market', summary: 'show the auction of fees and the exchange', load: () => import('./commands/market.ts') },
  { name: 'swap', summary: 'swap dollars for tokens, or tokens for dollars', load: () => import('./commands/swap.ts') },
  {
    name: 'buy-lot',
    summary: 'burn tokens for the fees that are for sale',
    load: () => import('./commands/buy-lot.ts'),
  },
  {
    name: 'audit',
    summary: 'recompute bills and rewards from public evidence',
    load: () => import('./commands/audit.ts'),
  },
  { name: 'export', summary: "an operator's books as CSV or JSON", load: () => import('./commands/export.ts') },
  { name: 'doctor', summary: 'check the node and say what to mend', load: () => import('./commands/doctor.ts') },
  { name: 'selftest', summary: 'run a known task in the own sandbox', load: () => import('./commands/selftest.ts') },
  {
    name: 'caretaker',
    summary: 'have a node look after what is kept while this machine is off',
    load: () => import('./commands/caretaker.ts'),
  },
  {
    name: 'leave',
    summary: 'hand the pieces of others over to other nodes',
    load: () => import('./commands/leave.ts'),
  },
  { name: 'finish', summary: 'complete the work in hand, claim, and exit', load: () => import('./commands/finish.ts') },
  { name: 'config', summary: 'show each setting and where it came from', load: () => import('./commands/config.ts') },
]
