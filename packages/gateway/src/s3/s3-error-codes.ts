/** Codes that S3 clients know. */
export type S3ErrorCode =
  | 'AccessControlListNotSupported'
  | 'AccessDenied'
  | 'AuthorizationHeaderMalformed'
  | 'AuthorizationQueryParametersError'
  | 'BadDigest'
  | 'BucketAlreadyOwnedByYou'
  | 'BucketNotEmpty'
  | 'EntityTooSmall'
  | 'IncompleteBody'
  | 'InternalError'
  | 'InvalidAccessKeyId'
  | 'InvalidArgument'
  | 'InvalidBucketName'
  | 'InvalidDigest'
  | 'InvalidPart'
  | 'InvalidPartOrder'
  | 'InvalidRange'
  | 'InvalidRequest'
  | 'InvalidStorageClass'
  | 'InvalidToken'
  | 'InvalidURI'
  | 'KeyTooLongError'
  | 'MalformedXML'
  | 'MaxMessageLengthExceeded'
  | 'MetadataTooLarge'
  | 'MethodNotAllowed'
  | 'MissingContentLength'
  | 'MissingRequestBodyError'
  | 'NoSuchBucket'
  | 'NoSuchBucketPolicy'
  | 'NoSuchCORSConfiguration'
  | 'NoSuchKey'
  | 'NoSuchLifecycleConfiguration'
  | 'NoSuchPublicAccessBlockConfiguration'
  | 'NoSuchTagSet'
  | 'NoSuchUpload'
  | 'NoSuchVersion'
  | 'NoSuchWebsiteConfiguration'
  | 'NotImplemented'
  | 'ObjectLockConfigurationNotFoundError'
  | 'PreconditionFailed'
  | 'ReplicationConfigurationNotFoundError'
  | 'RequestTimeout'
  | 'RequestTimeTooSkewed'
  | 'ServerSideEncryptionConfigurationNotFoundError'
  | 'ServiceUnavailable'
  | 'SignatureDoesNotMatch'
  | 'XAmzContentSHA256Mismatch'

/** The HTTP status of each code, and what a person reads. */
export const S3_ERRORS: Readonly<Record<S3ErrorCode, readonly [status: number, message: string]>> = {
  AccessControlListNotSupported: [400, 'There are no access control lists here; everything is private.'],
  AccessDenied: [403, 'Access denied.'],
  AuthorizationHeaderMalformed: [400, 'The authorization header is not one of AWS4-HMAC-SHA256.'],
  AuthorizationQueryParametersError: [400, 'The query does not hold a signature of AWS4-HMAC-SHA256.'],
  BadDigest: [400, 'The checksum does not match the bytes that came.'],
  BucketAlreadyOwnedByYou: [409, 'This bucket is there already, and it is yours.'],
  BucketNotEmpty: [409, 'The bucket holds objects, versions of them, or unfinished uploads.'],
  EntityTooSmall: [400, 'A part that is not the last one is smaller than the least size.'],
  IncompleteBody: [400, 'The body is not as long as its headers say.'],
  InternalError: [500, 'Something went wrong here; it is in the log under this request id.'],
  InvalidAccessKeyId: [403, 'This access key is not known here.'],
  InvalidArgument: [400, 'An argument is not valid.'],
  InvalidBucketName: [400, 'Names of buckets have 3 to 63 of a-z, 0-9, dots and dashes.'],
  InvalidDigest: [400, 'Content-MD5 is not the base64 of 16 bytes.'],
  InvalidPart: [400, 'A part is not there, or its entity tag is another one.'],
  InvalidPartOrder: [400, 'Parts must be listed by ascending number.'],
  InvalidRange: [416, 'The range begins behind the end of the object.'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidStorageClass: [400, 'STANDARD is the only storage class here.'],
  InvalidToken: [400, 'There are no session tokens here.'],
  InvalidURI: [400, 'The path or query is not percent-encoded UTF-8.'],
  KeyTooLongError: [400, 'Keys have at most 1,024 bytes.'],
  MalformedXML: [400, 'The body is not the XML that this operation takes.'],
  MaxMessageLengthExceeded: [400, 'The XML document is too long.'],
  MetadataTooLarge: [400, 'Metadata has at most 2 KiB in all.'],
  MethodNotAllowed: [405, 'This method is not allowed here.'],
  MissingContentLength: [411, 'The header x-amz-decoded-content-length is missing.'],
  MissingRequestBodyError: [400, 'The request has no body.'],
  NoSuchBucket: [404, 'There is no bucket of this name.'],
  NoSuchBucketPolicy: [404, 'The bucket has no policy.'],
  NoSuchCORSConfiguration: [404, 'The bucket has no CORS configuration.'],
  NoSuchKey: [404, 'There is no object of this key.'],
  NoSuchLifecycleConfiguration: [404, 'The bucket has no lifecycle configuration.'],
  NoSuchPublicAccessBlockConfiguration: [404, 'The bucket has no public access block; nothing is public here.'],
  NoSuchTagSet: [404, 'The bucket has no tags.'],
  NoSuchUpload: [404, 'There is no upload of this id: it was finished or given up.'],
  NoSuchVersion: [404, 'There is no such version of the object.'],
  NoSuchWebsiteConfiguration: [404, 'The bucket is no website.'],
  NotImplemented: [501, 'This is not there; docs/s3.md says what is.'],
  ObjectLockConfigurationNotFoundError: [404, 'The bucket has no object lock.'],
  PreconditionFailed: [412, 'A condition of the request does not hold.'],
  ReplicationConfigurationNotFoundError: [404, 'The bucket is not replicated by rules.'],
  RequestTimeout: [400, 'The body came too slowly.'],
  RequestTimeTooSkewed: [403, 'The time of the request is more than 15 minutes from the time here.'],
  ServerSideEncryptionConfigurationNotFoundError: [404, 'All objects are encrypted before they leave this machine.'],
  ServiceUnavailable: [503, 'The network cannot do this now; try again.'],
  SignatureDoesNotMatch: [403, 'The signature is not that of this request with this access key.'],
  XAmzContentSHA256Mismatch: [400, 'The body is not the one whose hash was signed.'],
}
