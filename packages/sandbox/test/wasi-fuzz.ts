import { wasiSignatures } from '../src/wasi/signatures.ts'
import type { SeededNumbers } from './seeded-numbers.ts'
import { type Data, slice } from './wasi-program.ts'

/** One call with the values that a hostile guest would try. */
export interface FuzzCall {
  readonly name: string
  readonly parameters: readonly (number | bigint)[]
}

const names = Object.keys(wasiSignatures).filter((name) => name !== 'proc_exit')

/** Where something useful lies in memory, see {@link fuzzData}. */
const addresses = [0, 256, 512, 768, 1024, 1280, 1536, 2048]
const ends = [65_504, 65_512, 65_528, 65_532, 65_535, 65_536, 65_537]
const wide = [0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_fffc, 0xffff_ffff]
const small = [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 48, 255, 1024, 4096, 5000]
const words = [
  ...[0n, 1n, 2n, 3n, 7n, 0x42n, 1000n, 2n ** 20n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n],
  ...[2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), -1n, -2n, 0x3fff_ffffn, 0x3fff_ffbfn],
]

/** Memory in which random pointers meet paths, slices and subscriptions. */
export const fuzzData: Data = {
  0: 'file',
  64: 'file',
  128: 'dir/a',
  256: 'dir',
  512: [...slice(4096, 8), ...slice(8192, 100), ...slice(512, 16), ...slice(65_530, 6), ...slice(0xffff_fff0, 32)],
  768: 'dir/../link',
  1024: [7, 0, 0, 0, 0, 0, 0, 0, 0],
  1072: [8, 0, 0, 0, 0, 0, 0, 0, 1],
  1280: '../../etc/passwd',
  1536: 'new',
  1600: 'other',
  1664: 'ln',
  2048: [0xff, 0xfe, 0, 47],
}

/** What the calls that come after find: a file as descriptor 4, a directory as 5, a symbolic link. */
export const fuzzOpenings: readonly FuzzCall[] = [
  { name: 'path_open', parameters: [3, 0, 0, 4, 0, 0x3fff_ffffn, 0x3fff_ffffn, 0, 256 + 64] },
  { name: 'path_open', parameters: [3, 0, 256, 3, 2, 0x3fff_ffbfn, 0x3fff_ffffn, 0, 256 + 64] },
  { name: 'path_symlink', parameters: [256, 3, 3, 1664, 2] },
]

/** Lengths of the paths there. */
const pathLengths: Readonly<Record<number, number>> = {
  0: 4,
  64: 4,
  128: 5,
  256: 3,
  768: 11,
  1280: 16,
  1536: 3,
  1600: 5,
  1664: 2,
  2048: 4,
}

/** What the parameters of the calls on paths are: descriptor, lookup flags, path, its length, anything. */
const roles: Readonly<Record<string, string>> = {
  path_create_directory: 'dpn',
  path_filestat_get: 'dlpnx',
  path_filestat_set_times: 'dlpnxxx',
  path_link: 'dlpndpn',
  path_open: 'dlpnxxxxx',
  path_readlink: 'dpnxxx',
  path_remove_directory: 'dpn',
  path_rename: 'dpndpn',
  path_symlink: 'pndpn',
  path_unlink_file: 'dpn',
}

/** A random call of any function but proc_exit; most of its arguments are what the call wants, and some are anything. */
export function fuzzCall(random: SeededNumbers): FuzzCall {
  const name = random.pick(names)
  const [types = ''] = (wasiSignatures[name] ?? '').split(':')
  const parameters: (number | bigint)[] = []
  for (const [index, type] of [...types].entries()) {
    const role = roles[name]?.[index] ?? (index === 0 ? 'd' : 'x')
    parameters.push(type === 'I' ? random.pick(words) : fuzzWord(random, role, parameters))
  }
  return { name, parameters }
}

function fuzzWord(random: SeededNumbers, role: string, before: readonly (number | bigint)[]): number {
  const isWild = random.chance(8)
  if (role === 'd' && !isWild) return random.chance(2) ? 3 : random.below(8)
  if (role === 'l' && !isWild) return random.below(2)
  if (role === 'p' && !isWild) return Number(random.pick(Object.keys(pathLengths)))
  if (role === 'n' && !isWild) return pathLengths[Number(before.at(-1))] ?? random.pick(small)
  return random.pick(random.pick([addresses, addresses, small, small, small, ends, wide])) | 0
}
