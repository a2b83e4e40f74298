import type { Random } from '@stead/core'
import type { S3Credentials } from '../options.ts'

const ACCESS_KEY_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const ACCESS_KEY_LENGTH = 20
/** 240 bits, 40 characters of base64: the length that clients know. */
const SECRET_BYTES = 30

/** A new access key with its secret, of a form that every client takes. */
export function createS3Credentials(random: Random): S3Credentials {
  const letters = [...random.bytes(ACCESS_KEY_LENGTH)].map((byte) => ACCESS_KEY_CHARACTERS[byte % 32])
  return {
    accessKeyId: letters.join(''),
    secretAccessKey: Buffer.from(random.bytes(SECRET_BYTES)).toString('base64'),
  }
}
