import { createHash, generateKeyPairSync, sign } from 'node:crypto'

/** What a data listener shows to those who connect; made at each start, never stored. */
export interface Certificate {
  /** PKCS #8, PEM. */
  readonly key: string
  /** X.509, PEM. */
  readonly cert: string
  /** SHA-256 of the certificate's DER. */
  readonly fingerprint: Uint8Array
}

/** DER tags. */
const TAG = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
}
/** 1.2.840.10045.4.3.2, ECDSA with SHA-256. */
const ECDSA_SHA256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])
/** 2.5.4.3, the common name. */
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03])
const NAME = 'stead'
const ASCII = 'ascii'

/**
 * A self-signed P-256 certificate that says nothing about the node (RFC 5280): whoever connects knows its fingerprint from
 * an authenticated peer and looks at nothing else in it, so that name and dates are the same for all.
 */
export function createCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(der(TAG.oid, ECDSA_SHA256))
  const name = sequence(der(TAG.set, sequence(der(TAG.oid, COMMON_NAME), der(TAG.utf8, Buffer.from(NAME, ASCII)))))
  const validity = sequence(
    der(TAG.generalizedTime, Buffer.from('20000101000000Z', ASCII)),
    // RFC 5280's "no end".
    der(TAG.generalizedTime, Buffer.from('99991231235959Z', ASCII)),
  )
  const version3 = der(TAG.explicit0, der(TAG.integer, Buffer.from([2])))
  const serial = der(TAG.integer, Buffer.from([1]))
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const body = sequence(version3, serial, algorithm, name, validity, name, subjectKey)
  const noUnusedBits = Buffer.from([0])
  const certificate = sequence(body, algorithm, der(TAG.bits, noUnusedBits, sign('sha256', body, privateKey)))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
    fingerprint: fingerprintOf(certificate),
  }
}

/** SHA-256 of a certificate's DER. */
export function fingerprintOf(certificate: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(certificate).digest())
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(TAG.sequence, ...parts)
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const { length } = Buffer.concat(parts)
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), ...parts])
}
