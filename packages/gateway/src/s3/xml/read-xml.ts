import { parseXml, XmlElement, XmlText } from '@rgrove/parse-xml'
import { S3Error } from '../s3-error.ts'

/** Tags that a document may have: 10,000 parts with their checksums have half as many. Each takes memory when it is read. */
const TAGS_MAX = 200_000
const LESS_THAN = 0x3c

/** An element that a client sent, without namespaces, attributes or mixed content. */
export interface ReadElement {
  readonly name: string
  /** Its text, trimmed at neither end. */
  readonly text: string
  readonly children: readonly ReadElement[]
}

/**
 * Reads a document whose root has this name. No document types, so no entities beyond the five of XML.
 * @throws S3Error MalformedXML
 */
export function readXml(bytes: Uint8Array, root: string): ReadElement {
  if (tagsOf(bytes) > TAGS_MAX) throw new S3Error('MalformedXML', { message: `At most ${TAGS_MAX} tags are taken.` })
  let element: ReadElement | undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (/<!DOCTYPE/i.test(text)) throw new S3Error('MalformedXML', { message: 'Document types are not taken.' })
    const parsed = parseXml(text).root
    element = parsed === null ? undefined : convert(parsed)
  } catch (cause) {
    throw cause instanceof S3Error ? cause : new S3Error('MalformedXML', { cause })
  }
  if (element?.name !== root) throw new S3Error('MalformedXML')
  return element
}

/** The one child of this name; undefined when there is none. @throws S3Error MalformedXML for two */
export function childOf(element: ReadElement, name: string): ReadElement | undefined {
  const found = element.children.filter((child) => child.name === name)
  if (found.length > 1) throw new S3Error('MalformedXML')
  return found[0]
}

function tagsOf(bytes: Uint8Array): number {
  let tags = 0
  for (let at = bytes.indexOf(LESS_THAN); at >= 0; at = bytes.indexOf(LESS_THAN, at + 1)) tags += 1
  return tags
}

function convert(element: XmlElement): ReadElement {
  const children = element.children.filter((child) => child instanceof XmlElement)
  const texts = element.children.filter((child) => child instanceof XmlText)
  return {
    name: localName(element),
    text: texts.map(({ text }) => text).join(''),
    children: children.map(convert),
  }
}

function localName({ name }: XmlElement): string {
  return name.slice(name.indexOf(':') + 1)
}
