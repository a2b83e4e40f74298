import { aeskw, aessiv } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'

const SECRET_BYTES = 32
/** What follows from a secret: a secret below it, or a key for one purpose; the first byte keeps them apart. */
const [BELOW, PURPOSE] = [1, 2]
/** Longest name of one step of a path, in bytes of UTF-8. */
const NAME_BYTES_MAX = 1024
/** AES-SIV's synthetic nonce. */
const SIV_BYTES = 16

/** What a key is for; each purpose has its own. */
type KeyPurpose = 'names' | 'segments' | 'roots' | 'pointer' | 'pages' | 'folder' | 'marker' | 'place' | 'row'

/**
 * The secret of one place in the tree of paths (a bucket, a folder, an object). Everything below follows from it, and
 * nothing beside or above: so that to share a place is to give its secret.
 */
export class PathSecret {
  readonly #secret: Uint8Array

  /** @throws RangeError when it has not 32 bytes */
  constructor(secret: Uint8Array) {
    if (secret.length !== SECRET_BYTES) throw new RangeError(`a secret has ${SECRET_BYTES} bytes, not ${secret.length}`)
    this.#secret = Uint8Array.from(secret)
  }

  /** 32 bytes that must be seen by nobody who may not read all that is below. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.#secret)
  }

  /** The secret of a place below, step by step. @throws RangeError for a name that is none */
  below(...names: readonly string[]): PathSecret {
    let secret = this.#secret
    for (const name of names) secret = derived(secret, BELOW, nameBytes(name))
    return new PathSecret(secret)
  }

  /** A key of 32 bytes for one purpose. */
  key(purpose: KeyPurpose): Uint8Array {
    return derived(this.#secret, PURPOSE, new TextEncoder().encode(purpose))
  }

  /**
   * The name of something right below, as strangers see it: the same name gives the same bytes, 16 longer than the name
   * (AES-SIV, RFC 5297). @throws RangeError for a name that is none
   */
  sealName(name: string): Uint8Array {
    return aessiv(this.#nameKey()).encrypt(nameBytes(name))
  }

  /** The name that was sealed. @throws StorageError STORAGE_NOT_AUTHENTIC when it was not with this secret */
  openName(sealed: Uint8Array): string {
    const name = opened('the name of a path', () =>
      sealed.length > SIV_BYTES ? aessiv(this.#nameKey()).decrypt(sealed) : undefined,
    )
    return new TextDecoder('utf-8', { fatal: true }).decode(name)
  }

  /** A segment's key under this object's: 40 bytes (AES key wrap, RFC 3394). @throws RangeError when it has not 32 bytes */
  wrapKey(key: Uint8Array): Uint8Array {
    if (key.length !== SECRET_BYTES)
      throw new RangeError(`a segment's key has ${SECRET_BYTES} bytes, not ${key.length}`)
    return aeskw(this.key('segments')).encrypt(key)
  }

  /** The key that was wrapped. @throws StorageError STORAGE_NOT_AUTHENTIC when it was not with this secret */
  unwrapKey(wrapped: Uint8Array): Uint8Array {
    return opened("a segment's key", () => {
      return wrapped.length === SECRET_BYTES + 8 ? aeskw(this.key('segments')).decrypt(wrapped) : undefined
    })
  }

  /** The root of a tree, 16 bytes longer, bound to its place in the sequence of roots (AES-SIV, RFC 5297). */
  sealRoot(sequence: number, root: Uint8Array): Uint8Array {
    return aessiv(doubled(this.key('roots')), sequenceBytes(sequence)).encrypt(root)
  }

  /** The root that was sealed. @throws StorageError STORAGE_NOT_AUTHENTIC when it was not with this secret and place */
  openRoot(sequence: number, sealed: Uint8Array): Uint8Array {
    return opened('the root of a tree', () =>
      sealed.length > SIV_BYTES
        ? aessiv(doubled(this.key('roots')), sequenceBytes(sequence)).decrypt(sealed)
        : undefined,
    )
  }

  /** What lies at this place, 16 bytes longer: the same bytes give the same ones (AES-SIV, RFC 5297). */
  sealRow(row: Uint8Array): Uint8Array {
    return aessiv(doubled(this.key('row'))).encrypt(row)
  }

  /** What was sealed. @throws StorageError STORAGE_NOT_AUTHENTIC when it was not with this secret */
  openRow(sealed: Uint8Array): Uint8Array {
    return opened('a row', () =>
      sealed.length > SIV_BYTES ? aessiv(doubled(this.key('row'))).decrypt(sealed) : undefined,
    )
  }

  #nameKey(): Uint8Array {
    return doubled(this.key('names'))
  }
}

function derived(secret: Uint8Array, kind: number, data: Uint8Array): Uint8Array {
  return hmac(sha256, secret, concatBytes(Uint8Array.of(kind), data))
}

/** AES-SIV takes two keys. */
function doubled(half: Uint8Array): Uint8Array {
  return concatBytes(half, derived(half, PURPOSE, new Uint8Array(0)))
}

function sequenceBytes(sequence: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(sequence))
  return bytes
}

function nameBytes(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length < 1 || bytes.length > NAME_BYTES_MAX)
    throw new RangeError(`a step of a path has 1 to ${NAME_BYTES_MAX} bytes of UTF-8, not ${bytes.length}`)
  if (!name.isWellFormed()) throw new RangeError('a step of a path is well-formed Unicode')
  return bytes
}

/** What a cipher of the library gives; its only way to refuse is to throw. */
function opened(what: string, open: () => Uint8Array | undefined): Uint8Array {
  let bytes: Uint8Array | undefined
  try {
    bytes = open()
  } catch (cause) {
    throw new StorageError('STORAGE_NOT_AUTHENTIC', `${what} is not what was sealed, or the key is another one`, {
      cause,
    })
  }
  if (bytes === undefined) throw new StorageError('STORAGE_NOT_AUTHENTIC', `${what} has a length that none has`)
  return bytes
}
