import { hasCode, isSteadError } from '@stead/core'
import type { SdkError } from '@stead/sdk/job'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dateOf, numberOf } from '../cells.ts'
import { readCsvTable } from '../csv-table.ts'
import { type ColumnChoice, type Observations, readObservations } from '../observations.ts'
import { planOf } from './support/run-plan.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (text: string | Uint8Array, choice: ColumnChoice = {}): Observations =>
  readObservations(readCsvTable('my.csv', typeof text === 'string' ? bytesOf(text) : text), choice)

/** Twelve rows, made of a number each. */
function rows(line: (n: number) => string, header = 'time,value'): string {
  return [header, ...Array.from({ length: 12 }, (_, n) => line(n))].join('\n')
}

const day = (n: number): string => String(n + 1).padStart(2, '0')
const plain = rows((n) => `2020-01-${day(n)},${n % 5}`)

function failureOf(action: () => unknown): SdkError {
  try {
    action()
  } catch (error) {
    expect(isSteadError(error)).toBe(true)
    return error as SdkError
  }
  throw new Error('nothing was thrown')
}

describe('a file of any make is read alike', () => {
  const expected = [...read(plain).times, ...read(plain).values]

  test.each([
    ['CRLF', plain.replaceAll('\n', '\r\n')],
    ['old Macintosh line ends', plain.replaceAll('\n', '\r')],
    ['a byte order mark', `\ufeff${plain}`],
    ['semicolons', plain.replaceAll(',', ';')],
    ['tabs', plain.replaceAll(',', '\t')],
    ['bars', plain.replaceAll(',', '|')],
    ['quotes', plain.replaceAll(/[^,\n]+/g, '"$&"')],
    ['blanks around cells', plain.replaceAll(',', ' , ')],
    ['empty lines', `\n\n${plain.replaceAll('\n', '\n\n')}\n\n\n`],
    ['comments', `# station 7, "unclosed\n${plain}\n# end`],
    ['UTF-16', Buffer.from(`\ufeff${plain}`, 'utf16le')],
    ['UTF-16, the other way', Buffer.from(`\ufeff${plain}`, 'utf16le').swap16()],
    ['Windows-1252', Buffer.concat([Buffer.from('time,value,Größe\n', 'latin1'), bytesOf(plain.slice(11))])],
    ['decimal commas', rows((n) => `2020-01-${day(n)};${n % 5},0`, 'time;value')],
    ['any order of rows', [plain.split('\n')[0], ...plain.split('\n').slice(1).reverse()].join('\n')],
  ])('%s', (_, text) => {
    const { times, values } = read(text)
    expect([...times, ...values]).toEqual(expected)
  })
})

describe('dates', () => {
  const noon = Date.UTC(2020, 3, 3, 12) / 86_400_000

  test.each([
    '2020-04-03T12:00',
    '2020-04-03 12:00:00.000',
    '2020-04-03T12:00:00Z',
    '2020-04-03T14:00:00+02:00',
    '2020-04-03T05:30:00-0630',
    '2020/4/3 12:00',
    '03.04.2020 12:00',
    '03/04/2020 12:00',
    '3-4-2020 12:00 PM',
    '3 Apr 2020 12:00 pm',
    '3-April-2020 12:00',
    'April 3, 2020, 12:00',
    'Apr 3 2020 12:00',
  ])('%s', (cell) => {
    expect(dateOf(cell, 'dmy')).toBeCloseTo(noon, 9)
  })

  test.each([
    ['2020-04', Date.UTC(2020, 3, 1)],
    ['Apr 2020', Date.UTC(2020, 3, 1)],
    ['2020-02-29', Date.UTC(2020, 1, 29)],
    ['2020-04-03T24:00', Date.UTC(2020, 3, 4)],
    ['2020-04-03 12:30 am', Date.UTC(2020, 3, 3, 0, 30)],
    ['1899-12-31', Date.UTC(1899, 11, 31)],
  ])('%s', (cell, ms) => {
    expect((dateOf(cell, 'dmy') ?? Number.NaN) * 86_400_000).toBeCloseTo(ms, 3)
  })

  test.each([
    '2019-02-29',
    '2020-13-01',
    '2020-04-31',
    '2020-04-03T25:00',
    '2020-04-03 12:60',
    '1.2.20',
    '3 Foo 2020',
    '2020',
    'x',
    '2020-04-03T',
  ])('%s is none', (cell) => {
    expect(dateOf(cell, 'dmy')).toBeUndefined()
  })

  test('the machine’s time zone changes nothing', () => {
    const before = process.env.TZ
    try {
      for (const zone of ['America/Los_Angeles', 'Asia/Kolkata']) {
        process.env.TZ = zone
        // 2020-03-08 02:30 does not exist in Los Angeles.
        expect((dateOf('2020-03-08 02:30', 'dmy') ?? 0) * 86_400_000).toBeCloseTo(Date.UTC(2020, 2, 8, 2, 30), 3)
      }
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  })

  test('which number is the day is found out when one is above 12', () => {
    const dmy = read(rows((n) => `${day(n + 5)}/02/2020,${n}`))
    const mdy = read(rows((n) => `02/${day(n + 5)}/2020,${n}`))
    expect(dmy.times).toEqual(mdy.times)
  })

  test('and asked for when not, with the option that answers', () => {
    const text = rows((n) => `${day(n)}/02/2020,${n}`)
    const error = failureOf(() => read(text))
    expect(error).toMatchObject({ code: 'JOB_INPUT_INVALID', message: expect.stringContaining('01/02/2020') })
    expect(error.next).toContain('--date-order dmy')
    expect(read(text, { dateOrder: 'dmy' }).times[2]).toBe(Date.UTC(2020, 1, 3) / 86_400_000)
    expect(read(text, { dateOrder: 'mdy' }).times[2]).toBe(Date.UTC(2020, 2, 2) / 86_400_000)
  })

  test('and refused when rows contradict each other', () => {
    expect(
      failureOf(() => read(`${rows((n) => `${day(n)}/02/2020,${n}`)}\n13/02/2020,1\n02/13/2020,1`)).message,
    ).toContain('ambiguous')
  })

  test('a column that is not used may be ambiguous', () => {
    expect(read(rows((n) => `2020-01-${day(n)},${day(n)}/02/2020,${n}`, 'time,noted,value')).values).toHaveLength(12)
  })

  test('20200403 is a date when the whole column is such', () => {
    expect(read(rows((n) => `202001${day(n)},${n % 5}`)).times).toEqual(read(plain).times)
  })
})

describe('columns', () => {
  const wide = rows((n) => `s${n},2020-01-${day(n)},ok,${n},${n * n}`, 'station,when,flag,first,second')

  test('the first date or number is the time, the next number the value', () => {
    const { name, notices } = read(wide)
    expect(name).toBe('my.csv:first')
    expect(notices[0]).toContain('time is column "when", value is column "first"')
  })

  test('others are chosen by name, whatever the case', () => {
    expect(read(wide, { value: 'SECOND' }).values[3]).toBe(9)
    expect(read(wide, { time: 'first', value: 'second' }).times[3]).toBe(3)
  })

  test.each([
    [{ value: 'third' }, 'JOB_OPTION_INVALID', /no column "third"; it has: station, when, flag, first, second/],
    [{ time: 'nope' }, 'JOB_OPTION_INVALID', /no column "nope"/],
    [{ value: 'flag' }, 'JOB_INPUT_INVALID', /"flag" of my.csv does not hold numbers/],
    [{ time: 'flag' }, 'JOB_INPUT_INVALID', /"flag" of my.csv has neither dates nor numbers/],
  ])('%j is refused', (choice, code, message) => {
    expect(failureOf(() => read(wide, choice))).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test.each([
    ['time in years', 'year', 0.5, 'years', 365.25],
    ['Unix seconds', 't', 1_600_000_000, 'seconds', 1 / 86_400],
    ['Unix milliseconds', 't', 1_600_000_000_000, 'milliseconds', 1 / 86_400_000],
    ['Julian days', 'HJD', 2_450_000, 'days', 1],
    ['hours', 'hour', 5, 'hours', 1 / 24],
  ])('numbers as times: %s', (_, header, start, unit, days) => {
    const { times, notices } = read(rows((n) => `${start + n},${n % 5}`, `${header},value`))
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeCloseTo(days, 5)
    expect(notices.join()).toContain(`taken as ${unit}; another unit: --time-unit`)
  })

  test('uncertainties weigh, and must be above 0', () => {
    const text = rows((n) => `2020-01-${day(n)},${n},${n === 3 ? 0 : n === 4 ? 2 : 1}`, 'time,value,error')
    const { weights, notices } = read(text, { uncertainty: 'error' })
    expect([...weights]).toEqual([1, 1, 1, 0.25, 1, 1, 1, 1, 1, 1, 1])
    expect(notices.join()).toContain('line 5: error must be above 0')
  })
})

describe('rows', () => {
  test('that cannot be read are counted and named, and only they are left out', () => {
    const bad = [
      '2020-02-30,1',
      '2020-02-01,',
      '2020-02-02,n/a',
      '2020-02-03,1.2.3',
      '2020-02-04',
      'total,5',
      ',',
      '2020-02-05,1e999',
      '2020-02-06,Infinity',
      '2020-02-07,0x10',
      '2020-02-08,12 kg',
    ]
    const { values, notices } = read(`${plain}\n${bad.join('\n')}`)
    expect(values).toHaveLength(12)
    const notice = notices.find((each) => each.includes('left out')) ?? ''
    expect(notice).toContain('my.csv: 11 of 23 rows cannot be read and were left out')
    expect(notice).toContain('line 14: time "2020-02-30" is not a date')
    expect(notice).toContain('line 16: no value')
    expect(notice).toContain('line 17: value "1.2.3" is not a number')
    expect(notice).toContain('line 18: has 1 cells, none for value')
    expect(notice).toContain('; and 1 more')
  })

  test('of one time become one, and that is said', () => {
    const { times, values, notices } = read(`${plain}\n2020-01-01,10`)
    expect(times).toHaveLength(12)
    expect(values[0]).toBe(5)
    expect(notices.join()).toContain('1 rows have the time of another row')
  })
})

describe('files that hold nothing to search', () => {
  test.each([
    ['nothing', '', 'JOB_INPUT_EMPTY', /no data/],
    ['blanks', ' \n\r\n\t\n', 'JOB_INPUT_EMPTY', /no data/],
    ['comments', '# a\n# b', 'JOB_INPUT_EMPTY', /no data/],
    ['a header', 'time,value\n', 'JOB_INPUT_INVALID', /no column of dates or numbers/],
    ['too few rows', plain.split('\n').slice(0, 8).join('\n'), 'JOB_INPUT_EMPTY', /7 usable rows, at least 10/],
    ['too few different times', rows((n) => `2020-01-0${(n % 9) + 1},${n}`), 'JOB_INPUT_EMPTY', /9 usable rows/],
    [
      'no numbers',
      rows((n) => `2020-01-${day(n)},good`),
      'JOB_INPUT_INVALID',
      /no numeric column after "time" among: time, value/,
    ],
    ['only words', rows(() => 'a,b'), 'JOB_INPUT_INVALID', /no column of dates or numbers among: time, value/],
    ['one column', rows((n) => `${n}`, 'time'), 'JOB_INPUT_INVALID', /no numeric column after "time"/],
    [
      'equal values',
      rows((n) => `2020-01-${day(n)},7`),
      'JOB_INPUT_INVALID',
      /all 12 values of "value" in my.csv are equal: 7/,
    ],
    ['no header', rows((n) => `${n},${n}`, '1,2'), 'JOB_INPUT_INVALID', /first line of my.csv has only numbers/],
    ['zero bytes', 'time,value\n\0\0\0', 'JOB_INPUT_INVALID', /zero bytes/],
    ['a spreadsheet', Buffer.from([0x50, 0x4b, 3, 4, 1]), 'JOB_INPUT_INVALID', /save it as CSV/],
    ['a gzip', Buffer.from([0x1f, 0x8b, 8]), 'JOB_INPUT_INVALID', /unpack/],
    ['a quote that never ends', `${plain}\n"2020-02-01,1`, 'JOB_INPUT_INVALID', /cannot be read as CSV/],
    ['one endless cell', `time,value\n${'x'.repeat(3_000_000)}`, 'JOB_INPUT_INVALID', /cannot be read as CSV/],
  ])('%s', (_, text, code, message) => {
    expect(failureOf(() => read(text))).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('too many rows', () => {
    const error = failureOf(() => read(`time,value\n${'1,1\n'.repeat(500_001)}`))
    expect(error).toMatchObject({ code: 'JOB_TOO_LARGE', details: { limitRows: 500_000 } })
  })

  test('whatever the bytes, there is a reading or a typed error', () => {
    const csvish = fc.string({
      unit: fc.constantFrom('a', '1', '.', ',', ';', '"', '\n', '\r', '-', '/', ':', ' ', '#', '\t', 'é', '2020-01-01'),
      maxLength: 200,
    })
    fc.assert(
      fc.property(fc.oneof(csvish.map(bytesOf), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          expect(read(bytes).times.length).toBeGreaterThanOrEqual(10)
        } catch (error) {
          if (!isSteadError(error)) throw error
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('numbers are read as JavaScript reads them, or not at all', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (value) => numberOf(String(value), false) === value || Math.abs(value) < 1e-300,
      ),
    )
    for (const cell of ['', ' ', '1_000', '0b1', '1e', '--1', '1,5', 'Infinity'])
      expect(numberOf(cell, false)).toBeUndefined()
  })
})

describe('a search that cannot be', () => {
  test.each([
    [
      { 'min-period': '5d', 'max-period': '3d' },
      'JOB_OPTION_INVALID',
      /no period is longer than 5 days and shorter than 3 days/,
    ],
    [{ 'min-period': 'often' }, 'JOB_OPTION_INVALID', /--min-period must be a period like 90min/],
    [{ 'min-period': '1s' }, 'JOB_TOO_LARGE', /takes \d+ tasks, at most 20000/],
    [{ trend: '8' }, 'JOB_INPUT_INVALID', /has the weight of/],
    [{ trend: '1.5' }, 'JOB_OPTION_INVALID', /whole number/],
    [{ taper: 'blackman' }, 'JOB_OPTION_INVALID', /one of hann, none/],
  ])('%j is refused', async (options, code, message) => {
    const long = [
      'time,value',
      ...Array.from(
        { length: 'trend' in options && options.trend === '8' ? 12 : 5000 },
        (_, n) => `${n},${(n * n) % 7}`,
      ),
    ].join('\n')
    await expect(planOf({ 'my.csv': long }, options as unknown as Record<string, string>)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  test('the advice of a search that is too large is followed', async () => {
    const long = ['time,value', ...Array.from({ length: 5000 }, (_, n) => `${n},${(n * n) % 7}`)].join('\n')
    const error = await planOf({ 'my.csv': long }, { 'min-period': '1s' }).catch((thrown: unknown) => thrown)
    expect(hasCode(error, 'JOB_TOO_LARGE')).toBe(true)
    const advised = /--min-period (\S+),/.exec((error as SdkError).next)?.[1] ?? ''
    const plan = await planOf({ 'my.csv': long }, { 'min-period': advised })
    expect(plan.tasks.length).toBeLessThanOrEqual(20_000)
  })

  test('columns of a file are not about the built-in series', async () => {
    await expect(planOf({}, { value: 'temp' })).rejects.toMatchObject({
      code: 'JOB_OPTION_INVALID',
      next: expect.stringContaining('--input'),
    })
  })
})
