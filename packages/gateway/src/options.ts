import { z } from 'zod'

const KIB = 1024
const MIB = 1024 * KIB

/** An access key with its secret, as S3 clients know them. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Parsed options of an {@link S3Gateway}. */
export interface S3GatewayOptions {
  readonly credentials: readonly S3Credentials[]
  readonly host: string
  readonly port: number
  readonly region: string
  readonly domains: readonly string[]
  readonly headersTimeoutMs: number
  readonly bodyIdleMs: number
  readonly bodyBytesPerIdleMin: number
  readonly headerBytesMax: number
  readonly xmlBytesMax: number
  readonly connectionsMax: number
  readonly partBytesMin: number
  readonly stopGraceMs: number
}

/** What may be written for {@link S3GatewayOptions}; defaults are filled in. */
export type S3GatewayInput = { readonly [Key in keyof S3GatewayOptions]?: S3GatewayOptions[Key] | undefined } & {
  readonly credentials: readonly S3Credentials[]
}

/** Options of the S3 gateway; strict, so that a misspelt one is refused. */
export const s3GatewayOptionsSchema: z.ZodType<S3GatewayOptions, S3GatewayInput> = z.strictObject({
  /** Access keys that may use the gateway, at least one; each may do everything. Never in flags: see createS3Credentials. */
  credentials: z
    .array(
      z.strictObject({
        accessKeyId: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
        secretAccessKey: z.string().min(32).max(256),
      }),
    )
    .min(1),
  /**
   * Address to listen on.
   * @default 127.0.0.1: there is no TLS here, and what is read comes out decrypted
   */
  host: z.string().min(1).default('127.0.0.1'),
  /**
   * Port to listen on; 0 lets the system choose.
   * @default 0: a free port never collides
   */
  port: z.int().min(0).max(65_535).default(0),
  /**
   * Region that buckets are said to be in; signatures for any other are taken as well.
   * @default us-east-1, which clients assume when nothing is set
   */
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .default('us-east-1'),
  /**
   * Domains whose subdomains name buckets (`bucket.localhost`); under every other host the path names them.
   * @default localhost, whose subdomains are this machine by RFC 6761
   */
  domains: z.array(z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)).default(['localhost']),
  /**
   * How long a client may take for the headers of a request, 100 .. 600000 ms.
   * @default 20 s: headers are small, and a client that drips them holds a connection
   */
  headersTimeoutMs: z.int().min(100).max(600_000).default(20_000),
  /**
   * How long a client may take for `bodyBytesPerIdleMin` bytes of a body, sent or taken, 100 .. 600000 ms; time that the
   * store takes does not count.
   * @default 60 s: longer than a phone is out of reach, short enough that nobody holds a connection for nothing
   */
  bodyIdleMs: z.int().min(100).max(600_000).default(60_000),
  /**
   * Bytes of a body that must move in `bodyIdleMs`, 1 B .. 1 GiB.
   * @default 16 KiB: 273 bytes per second, slower than any line of today
   */
  bodyBytesPerIdleMin: z
    .int()
    .min(1)
    .max(1024 * MIB)
    .default(16 * KIB),
  /**
   * Bytes of the request line and all headers together, 4 KiB .. 1 MiB.
   * @default 32 KiB: a key of 1,024 bytes, 2 KiB of metadata and a presigned query fit several times
   */
  headerBytesMax: z
    .int()
    .min(4 * KIB)
    .max(MIB)
    .default(32 * KIB),
  /**
   * Bytes of an XML document that a client sends, 1 KiB .. 64 MiB.
   * @default 8 MiB: 1,000 keys to delete, each of 1,024 bytes and escaped; 10,000 parts with checksums take 3 MiB
   */
  xmlBytesMax: z
    .int()
    .min(KIB)
    .max(64 * MIB)
    .default(8 * MIB),
  /**
   * Connections at once, 1 .. 65536; more are closed as they come.
   * @default 512: the busiest clients use some dozens
   */
  connectionsMax: z.int().min(1).max(65_536).default(512),
  /**
   * Least bytes of a part that is not the last of its upload, 0 B .. 5 GiB.
   * @default 5 MiB: what S3 asks for, and clients count on
   */
  partBytesMin: z
    .int()
    .min(0)
    .max(5 * 1024 * MIB)
    .default(5 * MIB),
  /**
   * How long requests may go on after the gateway was told to stop, 0 .. 600000 ms.
   * @default 5 s: most end within it; an upload that does not leaves nothing behind
   */
  stopGraceMs: z.int().min(0).max(600_000).default(5000),
})
