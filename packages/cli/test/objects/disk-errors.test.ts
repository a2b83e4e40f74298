import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ObjectClient } from '@stead/sdk'
import { SeededRandom } from '@stead/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PART_BYTES } from '../../src/objects/content-hash.ts'
import { UploadBook } from '../../src/objects/upload-book.ts'
import { uploadFile } from '../../src/objects/upload-file.ts'
import { SteadProcess } from '../integration/stead-process.ts'
import { ObjectCommands } from './object-commands.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const STEAD = `${process.execPath} --conditions=@stead/source ${MAIN}`
/** Whether a disk of one's own can be made here: it is what a full one is tested with. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
if (!canMount)
  process.stderr.write('\n*** FULL AND READ-ONLY DISKS ARE NOT TESTED: no namespace can be made here (unshare -rm)\n')

let commands: ObjectCommands
let folder = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  mkdirSync(folder)
})
afterEach(() => commands.stop())

/** Runs a script of a shell with a disk of its own in `folder`. */
async function shell(script: string): Promise<string> {
  const lines = ['exec 2>&1', `alias stead='${STEAD}'`, `cd ${folder}`, script].join('\n')
  const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', lines], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', STEAD_DATA_DIR: commands.directory },
  })
  return stdout
}

describe('a disk that does not take a file', () => {
  it('is an error with a code where it is full or closed, and no fault of the program', async () => {
    await commands.keep('mine', 'a', 'b/c')
    const full = await commands.run(['get', 'stead://mine/a', '/dev/full'])
    expect([full.code, full.message]).toEqual([1, expect.stringContaining('(CLI_DISK_FULL)')])
    expect(full.message).toContain('next: Make room')
    const closed = await commands.run(['get', 'stead://mine/a', '/sys/a'])
    expect([closed.code, closed.message]).toEqual([1, expect.stringContaining('(CLI_FILE_REFUSED)')])
    expect(closed.message).toContain('/sys/')
    for (const name of ['cp -r', 'sync']) {
      const said = await commands.run([...name.split(' '), 'stead://mine', '/sys', '--json'])
      const { failed, error } = JSON.parse(said.out)
      expect([said.code, error.code, failed.length]).toEqual([1, 'CLI_TRANSFER_REFUSED', 2])
      expect(failed.every((each: string) => each.endsWith('(CLI_FILE_REFUSED)'))).toBe(true)
      expect(error.next).toContain('write there')
    }
  })

  it('is one line where it is behind standard output, whatever the command', async () => {
    await commands.objects.makeBucket('mine')
    await commands.objects.put({ bucket: 'mine', key: 'long' }, new Uint8Array(1_000_000))
    for (const args of ['get stead://mine/long -', 'ls stead://mine/', 'ls stead://mine/ --json', '--help']) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `${STEAD} ${args} 2>&1 > /dev/full; echo "code $?"`], {
        env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', STEAD_DATA_DIR: commands.directory },
      })
      expect(stdout).toMatch(
        /^error: ENOSPC: no space left on device, write \(standard output\) \(CLI_DISK_FULL\)\n {2}next: Make room.*\ncode 1\n$/,
      )
    }
  }, 60_000)

  it.runIf(canMount)(
    'keeps the part of a long object when it is full, and goes on when there is room',
    async () => {
      const bytes = Uint8Array.from(new SeededRandom(4).bytes(24_000_000))
      await commands.keep('mine', 'note')
      await commands.objects.put({ bucket: 'mine', key: 'long' }, bytes)
      writeFileSync(join(commands.directory, 'expected'), bytes)
      const said = await shell(`
      mount -t tmpfs -o size=20m tmpfs . && cd ${folder}
      stead get stead://mine/long . ; echo "code $?"
      ls -A
      stead get stead://mine/note . ; echo "code $?"
      ls -A
      mount -o remount,size=40m . ; stead get stead://mine/long . ; echo "code $?"
      cmp long ${join(commands.directory, 'expected')} && echo equal
      ls -A
      mount -o remount,ro . ; stead get stead://mine/note . ; echo "code $?"`)
      const steps = said.split(/code \d\n/)
      expect(said.match(/code \d/g)).toEqual(['code 1', 'code 1', 'code 0', 'code 1'])
      expect(steps[0]).toContain('(CLI_DISK_FULL)')
      expect(steps[1]).toMatch(/^\.stead-part-[0-9a-f]{32}\n.*\(CLI_DISK_FULL\)/s)
      expect(steps[2]?.split('\n')[0]).toMatch(/^\.stead-part-/)
      expect(steps[3]).toMatch(/^equal\nlong\n/)
      expect(steps[3]).toContain('(CLI_FILE_REFUSED)')
    },
    60_000,
  )
})

describe('a file that is changed while it is sent', () => {
  it('is said to be so', async () => {
    await commands.objects.makeBucket('mine')
    const book = new UploadBook(join(commands.directory, 'state'))
    const file = join(folder, 'file')
    const objects = new ObjectClient(commands.world.client(), { partBytes: PART_BYTES, sendsStreams: true })
    for (const change of [() => writeFileSync(file, 'other'), () => rmSync(file)]) {
      writeFileSync(file, new Uint8Array(2 * PART_BYTES + 1))
      const options = { onBytes: change }
      const changed = uploadFile({ objects, book }, { file, place: { bucket: 'mine', key: 'file' } }, options)
      const next = expect.stringMatching(
        /is kept and paid for.*stead ls --uploads.*stead rm --uploads stead:\/\/mine\/file$/,
      )
      await expect(changed).rejects.toMatchObject({ code: 'CLI_INPUT_UNREADABLE', next })
      expect((await commands.run(['ls', '--uploads'])).out).toContain('stead://mine/file')
      await commands.run(['rm', '--uploads', 'stead://mine/file'])
      book.forget(file, { bucket: 'mine', key: 'file' })
    }
    writeFileSync(file, 'short')
    const short = uploadFile(
      { objects, book },
      { file, place: { bucket: 'mine', key: 'file' } },
      { onBytes: () => writeFileSync(file, 'changed'), ifMatch: 'none' },
    )
    await expect(short).rejects.toMatchObject({
      code: 'CLI_INPUT_UNREADABLE',
      next: expect.not.stringContaining('paid'),
    })
    const gone = await commands.run(['put', file, 'stead://mine/'])
    expect(gone.message).not.toContain('fault of the program')
  })
})

describe('a reader that has enough', () => {
  it('ends a get without an error', async () => {
    await commands.objects.makeBucket('mine')
    await commands.objects.put({ bucket: 'mine', key: 'long' }, new Uint8Array(8_000_000))
    const getting = new SteadProcess(['get', 'stead://mine/long', '-', '--data-dir', commands.directory])
    getting.child.stdout?.once('data', () => getting.child.stdout?.destroy())
    expect(await getting.finished).toMatchObject({ code: 0, stderr: '' })
  })
})
