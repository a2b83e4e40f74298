import { join } from 'node:path'
import { patiently } from '../patiently.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { downloadFile, ownObject } from './download-file.ts'
import { giveFile } from './give-file.ts'
import { checkReadable, type Entry } from './local-files.ts'
import type { ObjectAccess } from './object-access.ts'
import { formatObjectUrl, type ObjectUrl, type ObjectVersion } from './object-url.ts'
import { metadataOf, type RemoteEntry } from './remote-objects.ts'
import type { SafeFolder } from './safe-folder.ts'
import type { SharedPlace } from './share-link.ts'
import type { Transfer } from './transfer-pool.ts'
import type { TransferListener, TransferProgress } from './transfer-progress.ts'
import { uploadFile } from './upload-file.ts'

/** What all transfers of a command share. */
export interface TransferTerms {
  readonly access: ObjectAccess
  readonly terminal: Terminal
  readonly progress: TransferProgress
  readonly signal: AbortSignal
}

/** Sends a file to an object. */
export function upload(
  { access, progress, signal }: TransferTerms,
  { entry, file, to }: { readonly entry: Entry; readonly file: string; readonly to: ObjectUrl },
): Transfer {
  const attempt = async (listener: TransferListener): Promise<void> => {
    await uploadFile(access, { file, place: to }, { signal, metadata: metadataOf(entry), ...listener })
  }
  return {
    name: `${file} -> ${formatObjectUrl(to)}`,
    lengthBytes: entry.lengthBytes,
    check: () => checkReadable(file),
    run: () => progress.follow(entry, signal, attempt),
  }
}

/** Writes a file with a link; the link is not said. */
export function give(
  { access, progress, signal }: TransferTerms,
  { entry, file, to }: { readonly entry: Entry; readonly file: string; readonly to: SharedPlace },
): Transfer {
  const attempt = async (listener: TransferListener): Promise<void> => {
    await giveFile(access.client, { file, place: to }, { signal, ...listener })
  }
  return {
    name: `${file} -> ${to.path}`,
    lengthBytes: entry.lengthBytes,
    check: () => checkReadable(file),
    run: () => progress.follow(entry, signal, attempt),
  }
}

/** Brings an object to a file below a folder. The folders on the way are made when it is its turn. */
export function download(
  { access, progress, signal }: TransferTerms,
  { entry, from, folder }: { readonly entry: RemoteEntry; readonly from: ObjectVersion; readonly folder: SafeFolder },
): Transfer {
  const attempt = async (listener: TransferListener): Promise<void> => {
    const file = folder.prepare(entry.name)
    await downloadFile(ownObject(access.objects, from, entry, signal), file, { signal, ...listener })
  }
  return {
    name: `${formatObjectUrl(from)} -> ${join(folder.root, entry.name)}`,
    lengthBytes: entry.lengthBytes,
    check: () => folder.check(entry.name),
    run: () => progress.follow(entry, signal, attempt),
  }
}

/** Copies an object within the network: its bytes do not come here. */
export function copy(
  { access, progress, signal }: TransferTerms,
  { entry, from, to }: { readonly entry: RemoteEntry; readonly from: ObjectVersion; readonly to: ObjectUrl },
): Transfer {
  return {
    name: `${formatObjectUrl(from)} -> ${formatObjectUrl(to)}`,
    // Nothing of it is in anybody's memory.
    lengthBytes: 0,
    run: async () => {
      await patiently(() => access.objects.copy(from, to, { signal }), signal)
      progress.add(entry.lengthBytes)
    },
  }
}
