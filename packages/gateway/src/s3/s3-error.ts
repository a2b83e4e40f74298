import { GatewayError } from '../errors.ts'
import { S3_ERRORS, type S3ErrorCode } from './s3-error-codes.ts'

/** What an S3 error may carry beyond its code. */
export interface S3ErrorOptions {
  readonly message?: string
  /** Further elements of the XML, e.g. what was expected. */
  readonly fields?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** What a client is refused with, in the words of S3. */
export class S3Error extends GatewayError {
  readonly s3Code: S3ErrorCode
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>

  constructor(s3Code: S3ErrorCode, options: S3ErrorOptions = {}) {
    const [status, message] = S3_ERRORS[s3Code]
    super('GATEWAY_REFUSED', options.message ?? message, { cause: options.cause, details: { s3Code, status } })
    this.s3Code = s3Code
    this.status = status
    this.fields = options.fields ?? {}
    this.headers = options.headers ?? {}
  }
}

/** An error about one argument: its name, its value cut short, and what it should be. */
export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', {
    message,
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 200) },
  })
}

/** What is not there, by its name. */
export function notImplemented(what: string): S3Error {
  return new S3Error('NotImplemented', { message: `There is no ${what} here; docs/s3.md says what there is.` })
}
