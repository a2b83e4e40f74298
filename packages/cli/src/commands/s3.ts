import { readApiFile, readS3File, type S3Access } from '@stead/node/files'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { noDaemon } from '../daemon-access.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember, nodePlace } from '../node-place.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead s3`: how S3 clients reach one's objects. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer').action((given: GivenMember) => {
    const { directories } = nodePlace('payer', given, context)
    const access = readS3File(directories.stateDir)
    if (access === undefined && readApiFile(directories.stateDir) === undefined) throw noDaemon(directories.stateDir)
    if (access === undefined)
      throw new CliError('CLI_USAGE', `no S3 gateway runs for ${directories.dataDir}`, {
        next: 'Start the node with it: stead up --s3',
      })
    context.terminal.out(context.terminal.isJson ? toJson(access) : describe(access))
    showNewPhrase(context, directories.dataDir)
  })
}

/** As a shell takes it: `eval "$(stead s3)"`. */
function describe({ endpoint, region, accessKeyId, secretAccessKey }: S3Access): string {
  return [
    `export AWS_ENDPOINT_URL=${endpoint}`,
    `export AWS_REGION=${region}`,
    `export AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
  ].join('\n')
}
