import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCertificate, fingerprintOf } from '../../src/bulk/certificate.ts'

describe('createCertificate', () => {
  it('makes one that others can read, signed by itself with the key that it gives', () => {
    const { key, cert, fingerprint } = createCertificate()
    const read = new X509Certificate(cert)
    expect(read.verify(read.publicKey)).toBe(true)
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(read.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    expect(fingerprint).toEqual(new Uint8Array(createHash('sha256').update(read.raw).digest()))
    expect(fingerprintOf(read.raw)).toEqual(fingerprint)
  })

  it('says nothing about the node, and is another each time', () => {
    const [first, second] = [createCertificate(), createCertificate()]
    const [left, right] = [new X509Certificate(first.cert), new X509Certificate(second.cert)]
    expect([left.subject, left.issuer, left.validTo]).toEqual(['CN=stead', 'CN=stead', 'Dec 31 23:59:59 9999 GMT'])
    expect([right.subject, right.serialNumber, right.validFrom]).toEqual([
      left.subject,
      left.serialNumber,
      left.validFrom,
    ])
    expect(second.fingerprint).not.toEqual(first.fingerprint)
  })
})
