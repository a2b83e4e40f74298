/** An element: its name and what is in it. Undefined content is left out. */
export type XmlNode = readonly [name: string, content: XmlContent]

/** Text, elements, or nothing. */
export type XmlContent = string | number | boolean | undefined | readonly XmlNode[]

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** A document with one root element, in S3's namespace unless it is an error. */
export function writeXml(name: string, content: XmlContent, namespace: string = NAMESPACE): string {
  const attribute = namespace === '' ? '' : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attribute}>${writeContent(content)}</${name}>`
}

function writeContent(content: XmlContent): string {
  if (content === undefined) return ''
  if (typeof content !== 'object') return escapeXml(String(content))
  return content
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => `<${name}>${writeContent(inner)}</${nameOnly(name)}>`)
    .join('')
}

/** A name may carry attributes, which only the gateway itself writes. */
function nameOnly(name: string): string {
  return name.split(' ', 1)[0] ?? name
}

/** Text that is safe in an element; control characters that keys may hold become references, as S3 has them. */
function escapeXml(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML cannot hold as they are
    /[&<>"'\x00-\x1f\x7f-\x9f\ufffe\uffff]/g,
    (character) => ESCAPES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  )
}
