import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, codeOf, type RawAnswer } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

const PARTS = 3000
let running: RunningGateway

beforeAll(async () => {
  running = await startGateway({ partBytesMin: 0, xmlBytesMax: 1024 * 1024 })
  await running.store.createBucket('vault')
  await running.store.put('vault', 'kept', [Buffer.from('x')])
})
afterAll(() => running.gateway.stop())

const deleteMany = (body: string | Uint8Array): Promise<RawAnswer> =>
  call(running, { method: 'POST', target: '/vault?delete', body })

async function begin(key: string): Promise<string> {
  const answer = await call(running, { method: 'POST', target: `/vault/${key}?uploads` })
  return /<UploadId>([^<]+)</.exec(answer.body)?.[1] ?? ''
}

const putPart = (key: string, id: string, number: number | string, body: string): Promise<RawAnswer> =>
  call(running, { method: 'PUT', target: `/vault/${key}?partNumber=${number}&uploadId=${id}`, body })

function complete(key: string, id: string, parts: readonly (readonly [number, string])[]): Promise<RawAnswer> {
  const rows = parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`)
  const body = `<CompleteMultipartUpload>${rows.join('')}</CompleteMultipartUpload>`
  return call(running, { method: 'POST', target: `/vault/${key}?uploadId=${id}`, body })
}

const md5 = (text: string | Uint8Array): Buffer => createHash('md5').update(text).digest()

describe('XML', () => {
  const key = '<Object><Key>kept</Key></Object>'
  const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('')

  test.each<[string, string | Uint8Array]>([
    [
      'that grows when it is read',
      `<!DOCTYPE Delete [<!ENTITY l0 "ha">${laughs}]><Delete><Object><Key>&l9;</Key></Object></Delete>`,
    ],
    [
      'that names a file',
      `<!DOCTYPE Delete [<!ENTITY f SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&f;</Key></Object></Delete>`,
    ],
    ['of a type that is elsewhere', `<!DOCTYPE Delete SYSTEM "http://127.0.0.1/x.dtd"><Delete>${key}</Delete>`],
    ['with an entity of its own', '<Delete><Object><Key>&other;</Key></Object></Delete>'],
    ['nested without end', `${'<Delete>'.repeat(50_000)}${'</Delete>'.repeat(50_000)}`],
    ['of a quarter of a million tags', `<Delete>${'<a/>'.repeat(250_000)}${key}</Delete>`],
    ['that does not end', `<Delete>${key}`],
    ['of another kind', `<Remove>${key}</Remove>`],
    ['that is no UTF-8', Buffer.from([0x3c, 0x44, 0xff, 0x3e])],
    ['of nothing to delete', '<Delete></Delete>'],
    ['of too much to delete', `<Delete>${key.repeat(1001)}</Delete>`],
    ['with two names for one object', '<Delete><Object><Key>a</Key><Key>kept</Key></Object></Delete>'],
    ['that is not XML', '{"Delete": "kept"}'],
  ])('%s is refused, and nothing is deleted', async (_name, body) => {
    const startedMs = performance.now()
    expect(codeOf(await deleteMany(body))).toBe('MalformedXML')
    expect(performance.now() - startedMs).toBeLessThan(3000)
    expect(await running.store.head('vault', 'kept')).toBeDefined()
  })

  test('that is too long is refused before it is read to its end', async () => {
    expect(codeOf(await deleteMany(`<Delete>${' '.repeat(2_000_000)}</Delete>`))).toBe('MaxMessageLengthExceeded')
    expect(codeOf(await deleteMany(''))).toBe('MissingRequestBodyError')
  })

  test('in what names are written cannot come out of them', async () => {
    const name = '</Key><Owner>evil</Owner>&amp;<Key>'
    await running.store.put('vault', name, [])
    const { body } = await call(running, { method: 'GET', target: '/vault?prefix=%3C' })
    expect(body).toContain('<Key>&lt;/Key&gt;&lt;Owner&gt;evil&lt;/Owner&gt;&amp;amp;&lt;Key&gt;</Key>')
    const report = await deleteMany(`<Delete xmlns:s="x"><s:Object><Key><![CDATA[${name}]]></Key></s:Object></Delete>`)
    expect(report.body).toContain('&lt;Owner&gt;')
    expect(await running.store.head('vault', name)).toBeUndefined()
  })

  test('deletes what it can, and says what it could not', async () => {
    await running.store.put('vault', 'a', [])
    const objects = `<Object><Key>a</Key></Object><Object><Key>${'k'.repeat(1025)}</Key></Object><Object><Key>kept</Key><ETag>"other"</ETag></Object>`
    const report = await deleteMany(`<Delete><Quiet>true</Quiet>${objects}</Delete>`)
    expect(report.body).not.toContain('<Deleted>')
    expect([...report.body.matchAll(/<Code>(\w+)</g)].map(([, code]) => code)).toEqual([
      'KeyTooLongError',
      'PreconditionFailed',
    ])
  })
})

describe('parts', () => {
  test(`are put together in thousands, under the tag that clients expect`, async () => {
    const id = await begin('thousands')
    const texts = Array.from({ length: PARTS }, (_, index) => `${index},`)
    for (let at = 0; at < PARTS; at += 50)
      await Promise.all(texts.slice(at, at + 50).map((text, index) => putPart('thousands', id, at + index + 1, text)))
    const listed = texts.map((text, index) => [index + 1, md5(text).toString('hex')] as const)
    const answer = await complete('thousands', id, listed)
    const tag = md5(Buffer.concat(texts.map(md5))).toString('hex')
    expect(answer.body).toContain(`<ETag>&quot;${tag}-${PARTS}&quot;</ETag>`)
    expect((await call(running, { method: 'GET', target: '/vault/thousands' })).body).toBe(texts.join(''))
  })

  test('have numbers from 1 to 10000', async () => {
    const id = await begin('numbers')
    for (const number of [0, 10_001, -1, '1e3', '']) {
      const answer = await putPart('numbers', id, number, 'x')
      expect(codeOf(answer)).toBe('InvalidArgument')
    }
    expect((await putPart('numbers', id, 10_000, 'x')).status).toBe(200)
  })

  test('are taken once each, in order, as they are, and not too many', async () => {
    const id = await begin('wrong')
    await putPart('wrong', id, 1, 'one')
    await putPart('wrong', id, 2, 'two')
    const [one, two] = [md5('one').toString('hex'), md5('two').toString('hex')]
    expect(
      codeOf(
        await complete('wrong', id, [
          [2, two],
          [1, one],
        ]),
      ),
    ).toBe('InvalidPartOrder')
    expect(
      codeOf(
        await complete('wrong', id, [
          [1, one],
          [1, one],
        ]),
      ),
    ).toBe('InvalidPartOrder')
    expect(codeOf(await complete('wrong', id, [[1, two]]))).toBe('InvalidPart')
    expect(codeOf(await complete('wrong', id, [[3, one]]))).toBe('InvalidPart')
    expect(codeOf(await complete('wrong', id, []))).toBe('MalformedXML')
    const many = Array.from({ length: 10_001 }, (_, index) => [index + 1, one] as const)
    expect(['MalformedXML', 'MaxMessageLengthExceeded']).toContain(codeOf(await complete('wrong', id, many)))
    expect(await running.store.head('vault', 'wrong')).toBeUndefined()
    expect(
      (
        await complete('wrong', id, [
          [1, one],
          [2, two],
        ])
      ).status,
    ).toBe(200)
    expect(codeOf(await complete('wrong', id, [[1, one]]))).toBe('NoSuchUpload')
  })

  test('completed twice give one object twice, until another takes its place', async () => {
    const id = await begin('twice')
    const etag = (await putPart('twice', id, 1, 'one')).headers.etag?.replaceAll('"', '') ?? ''
    const first = await complete('twice', id, [[1, etag]])
    expect(first.status).toBe(200)
    const again = await complete('twice', id, [[1, etag]])
    expect([again.status, again.body]).toEqual([200, first.body])
    await running.store.put('vault', 'twice', [Buffer.from('another')])
    expect(codeOf(await complete('twice', id, [[1, etag]]))).toBe('NoSuchUpload')
  })

  test('belong to the key that they were begun for', async () => {
    const id = await begin('mine')
    expect(codeOf(await putPart('theirs', id, 1, 'x'))).toBe('NoSuchUpload')
    for (const forged of ['x', '', `${id}x`, '../../etc', id.replace('.', '.0')])
      expect(codeOf(await putPart('mine', encodeURIComponent(forged), 1, 'x'))).toBe('NoSuchUpload')
  })

  test('that are too small are refused where they are not the last', async () => {
    const strict = await startGateway()
    try {
      await strict.store.createBucket('vault')
      const { id } = await strict.store.beginUpload('vault', 'small')
      const listed = await call(strict, { method: 'GET', target: '/vault?uploads' })
      const shown = /<UploadId>([^<]+)</.exec(listed.body)?.[1] ?? ''
      expect(shown).not.toBe('')
      for (const number of [1, 2])
        await strict.store.putPart('vault', id, number, [Buffer.from('x')], { etag: () => md5('x').toString('hex') })
      const row = (number: number) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${md5('x').toString('hex')}</ETag></Part>`
      const finish = (rows: string) =>
        call(strict, {
          method: 'POST',
          target: `/vault/small?uploadId=${shown}`,
          body: `<CompleteMultipartUpload>${rows}</CompleteMultipartUpload>`,
        })
      expect(codeOf(await finish(row(1) + row(2)))).toBe('EntityTooSmall')
      expect((await finish(row(2))).status).toBe(200)
    } finally {
      await strict.gateway.stop()
    }
  })
})
