import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentIdOf } from '@stead/protocol'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { jobInputs } from '../job/job-inputs.ts'
import { ownOptionsOf } from '../job/job-options.ts'
import { loadPackage, planJob } from '../job/load-package.ts'
import { checkModule } from '../local/local-run.ts'
import { clientFor } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'

const PAGE_BYTES = 65_536

/** `stead build`: makes a job's module and says what it is. */
export function define(command: Command, context: CommandContext): void {
  const collect = (next: string, before: string[] | undefined): string[] => [...(before ?? []), next]
  command
    .argument('[directory]', 'folder of the job package (it has a stead.job.ts)', '.')
    .argument('[options...]', 'options of the job itself')
    .allowUnknownOption()
    .addOption(
      new Option('--input <file>', 'a file to work on, if the job needs one; may be repeated').argParser(collect),
    )
    .action(async (directory: string, rest: string[], options: { readonly input?: readonly string[] }) => {
      const loaded = await loadPackage(directory)
      const own = ownOptionsOf(loaded.job.options, rest)
      const inputs = await jobInputs(options.input ?? [], () => clientFor(context))
      const plan = await planJob(loaded, { inputs, options: own })
      const { moduleId, kinds, memoryPagesMin } = await checkModule(plan)
      const path = join(directory, 'build', `${loaded.job.name}.wasm`)
      await mkdir(join(directory, 'build'), { recursive: true })
      await writeFile(path, plan.module)
      const contentId = contentIdOf('raw', plan.module)
      const { memoryPages } = plan.limits
      const { terminal } = context
      if (terminal.isJson) {
        const facts = { module: path, bytes: plan.module.length, sha256: moduleId, contentId, kinds }
        terminal.out(toJson({ ...facts, memoryPagesMin, memoryPagesMax: memoryPages, tasks: plan.tasks.length }))
        return
      }
      terminal.out(`module      ${path}`)
      terminal.out(`bytes       ${plan.module.length}`)
      terminal.out(`sha256      ${moduleId}`)
      terminal.out(`content id  ${contentId}`)
      terminal.out(`kinds       ${kinds.join(', ')}`)
      terminal.out(`memory      ${mebibytes(memoryPagesMin)} at the start, at most ${mebibytes(memoryPages)}`)
      terminal.out(`tasks       ${plan.tasks.length} with these options and inputs`)
      for (const notice of plan.notices) terminal.message(notice)
    })
}

function mebibytes(pages: number): string {
  return `${((pages * PAGE_BYTES) / 1_048_576).toFixed(1)} MiB`
}
