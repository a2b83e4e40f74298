import type { BucketInfo, ListOptions, ObjectInfo, ObjectPage, PartInfo, PutOptions, UploadInfo } from '@stead/storage'

/** Bytes as they came. */
export type Chunks = readonly Uint8Array[]

export interface MemoryVersion {
  readonly info: Omit<ObjectInfo, 'isLatest'>
  readonly chunks: Chunks
}

export interface MemoryUpload {
  readonly info: UploadInfo
  readonly description: Pick<PutOptions, 'contentType' | 'metadata'>
  readonly parts: Map<number, { readonly info: PartInfo; readonly chunks: Chunks }>
}

/** The versions of one bucket's objects, newest first. */
export class MemoryBucket {
  info: BucketInfo
  readonly objects: Map<string, MemoryVersion[]> = new Map()
  readonly uploads: Map<string, MemoryUpload> = new Map()

  constructor(info: BucketInfo) {
    this.info = info
  }

  /** The latest that was not deleted, or the version that is named. */
  find(key: string, version?: string): MemoryVersion | undefined {
    const versions = this.objects.get(key) ?? []
    if (version !== undefined) return versions.find(({ info }) => info.version === version)
    return versions[0]?.info.isDeleted === true ? undefined : versions[0]
  }

  infoOf(version: MemoryVersion): ObjectInfo {
    return { ...version.info, isLatest: this.objects.get(version.info.key)?.[0] === version }
  }

  add(version: MemoryVersion): void {
    const { key, version: id } = version.info
    const others = (this.objects.get(key) ?? []).filter(({ info }) => id !== 'null' || info.version !== 'null')
    this.objects.set(key, [version, ...others])
  }

  remove(key: string, version: string): MemoryVersion | undefined {
    const versions = this.objects.get(key) ?? []
    const left = versions.filter(({ info }) => info.version !== version)
    if (left.length === 0) this.objects.delete(key)
    else this.objects.set(key, left)
    return versions.find(({ info }) => info.version === version)
  }

  list({ prefix = '', delimiter, after, afterVersion, limit, versions = false }: ListOptions): ObjectPage {
    const objects: ObjectInfo[] = []
    const commonPrefixes: string[] = []
    let last: { after: string; afterVersion?: string } | undefined
    for (const key of [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort(byBytes)) {
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length)
      const rolled = end < 0 ? undefined : key.slice(0, end + (delimiter?.length ?? 0))
      if (rolled !== undefined && (rolled === after || rolled === commonPrefixes.at(-1))) continue
      const shown = this.#shown(key, versions).slice(this.#skipped(key, versions, after, afterVersion))
      for (const info of rolled === undefined ? shown : shown.slice(0, 1)) {
        if (objects.length + commonPrefixes.length === limit) return { objects, commonPrefixes, next: last }
        if (rolled === undefined) objects.push(info)
        else commonPrefixes.push(rolled)
        last = { after: rolled ?? key, ...(versions && rolled === undefined ? { afterVersion: info.version } : {}) }
      }
    }
    return { objects, commonPrefixes, next: undefined }
  }

  #shown(key: string, versions: boolean): readonly ObjectInfo[] {
    const all = (this.objects.get(key) ?? []).map((version) => this.infoOf(version))
    return versions ? all : all.slice(0, 1).filter(({ isDeleted }) => !isDeleted)
  }

  /** How many versions of a key the page begins behind. */
  #skipped(key: string, versions: boolean, after: string | undefined, afterVersion: string | undefined): number {
    if (after === undefined || byBytes(key, after) > 0) return 0
    if (key !== after || afterVersion === undefined) return Number.POSITIVE_INFINITY
    return this.#shown(key, versions).findIndex(({ version }) => version === afterVersion) + 1
  }
}

/** The order of UTF-8 bytes, which is not that of JavaScript's strings. */
export function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
