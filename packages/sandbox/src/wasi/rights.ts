/** Rights of WASI preview 1 by bit; a call without the right that it needs is ENOTCAPABLE. Source: `rights` in its witx. */
export const Right = {
  fdDatasync: 0x1n,
  fdRead: 0x2n,
  fdSeek: 0x4n,
  fdSetFlags: 0x8n,
  fdSync: 0x10n,
  fdTell: 0x20n,
  fdWrite: 0x40n,
  fdAdvise: 0x80n,
  fdAllocate: 0x100n,
  pathCreateDirectory: 0x200n,
  pathCreateFile: 0x400n,
  pathLinkSource: 0x800n,
  pathLinkTarget: 0x1000n,
  pathOpen: 0x2000n,
  fdReaddir: 0x4000n,
  pathReadlink: 0x8000n,
  pathRenameSource: 0x10000n,
  pathRenameTarget: 0x20000n,
  pathStat: 0x40000n,
  pathSetSize: 0x80000n,
  pathSetTimes: 0x100000n,
  fdStat: 0x200000n,
  fdSetSize: 0x400000n,
  fdSetTimes: 0x800000n,
  pathSymlink: 0x1000000n,
  pathRemoveDirectory: 0x2000000n,
  pathUnlinkFile: 0x4000000n,
  pollReadWrite: 0x8000000n,
} as const

const anyFile = Right.fdSync | Right.fdDatasync | Right.fdSetFlags | Right.fdStat | Right.fdSetTimes | Right.fdAdvise

/** What can be done with a regular file. */
export const FILE_RIGHTS: bigint =
  anyFile |
  Right.fdRead |
  Right.fdSeek |
  Right.fdTell |
  Right.fdWrite |
  Right.fdAllocate |
  Right.fdSetSize |
  Right.pollReadWrite

/** What can be done with a directory; reading and writing it as bytes is not among it. */
export const DIRECTORY_RIGHTS: bigint =
  anyFile |
  Right.fdReaddir |
  Right.pathCreateDirectory |
  Right.pathCreateFile |
  Right.pathLinkSource |
  Right.pathLinkTarget |
  Right.pathOpen |
  Right.pathReadlink |
  Right.pathRenameSource |
  Right.pathRenameTarget |
  Right.pathStat |
  Right.pathSetSize |
  Right.pathSetTimes |
  Right.pathSymlink |
  Right.pathRemoveDirectory |
  Right.pathUnlinkFile

/** What can be done with a standard stream, besides reading or writing it. Without seek and tell it is no terminal. */
export const STREAM_RIGHTS: bigint =
  Right.fdSync | Right.fdDatasync | Right.fdSetFlags | Right.fdStat | Right.pollReadWrite
