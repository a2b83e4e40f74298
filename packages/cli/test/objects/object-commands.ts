import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ObjectClient } from '@stead/sdk'
import { Command } from 'commander'
import { writeApiFile } from '../../../node/src/api/api-file.ts'
import { ObjectWorld } from '../../../node/test/objects/object-world.ts'
import type { CommandContext } from '../../src/command-context.ts'
import { commandList } from '../../src/command-list.ts'
import { exitCodes } from '../../src/exit-codes.ts'
import { printError } from '../../src/terminal/print-error.ts'
import { createTerminal } from '../../src/terminal/terminal.ts'

/** What a command said. */
export interface Said {
  readonly code: number
  readonly out: string
  readonly message: string
}

/** The commands of `stead`, in this process, on objects that are in memory. */
export class ObjectCommands {
  readonly world: ObjectWorld = new ObjectWorld()
  readonly directory: string = mkdtempSync(join(tmpdir(), 'stead-object-commands-'))
  readonly objects: ObjectClient = new ObjectClient(this.world.client())

  async start(): Promise<void> {
    await this.world.start()
    writeApiFile(this.directory, { ...this.world.access, pid: process.pid })
  }

  async stop(): Promise<void> {
    await this.world.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Puts objects of these keys, each of which says its own key. */
  async keep(bucket: string, ...keys: readonly string[]): Promise<void> {
    await this.objects.makeBucket(bucket)
    for (const key of keys) await this.objects.put({ bucket, key }, key)
  }

  async keys(bucket: string): Promise<readonly string[]> {
    const keys: string[] = []
    for await (const { key } of this.objects.list(bucket)) keys.push(key)
    return keys
  }

  /** Runs a command line; `signal` is what Ctrl-C would abort. `isInteractive`: a person looks at what it says. */
  async run(
    args: readonly string[],
    signal: AbortSignal = new AbortController().signal,
    isInteractive = false,
  ): Promise<Said> {
    const [out, message]: [string[], string[]] = [[], []]
    let code: number = exitCodes.ok
    const isJson = args.includes('--json')
    const context: CommandContext = {
      terminal: {
        ...createTerminal({ isJson }),
        isInteractive,
        out: (text) => void out.push(text),
        message: (text) => void message.push(text),
      },
      dataDir: this.directory,
      workingDirectory: this.directory,
      environment: {},
      interruption: () => signal,
      exitWith: (given) => {
        code = given
      },
    }
    const [name, ...rest] = args.filter((each) => each !== '--json')
    const entry = commandList.find((each) => each.name === name)
    if (entry === undefined) throw new Error(`there is no command ${name}`)
    const command = new Command(entry.name).exitOverride()
    await (await entry.load()).define(command, context)
    try {
      await command.parseAsync(rest, { from: 'user' })
    } catch (error) {
      code = printError(context.terminal, error)
    }
    return { code, out: out.join('\n'), message: message.join('\n') }
  }
}
