import type { TaskHandler } from '@stead/toolchain'
import { rhymesOf } from './rhymes.ts'

// The top level runs once, when the module is built; each call begins with what it left.
const rhymes = rhymesOf(['day', 'way', 'hello', 'mellow', 'tea', 'free', 'you', 'true'])

const greet: TaskHandler = (input, { args }) => {
  const name = new TextDecoder().decode(input)
  const rhyme = rhymes.get(name.slice(-1).toLowerCase())
  console.log(`greeting ${name}, politely: ${args.includes('polite')}`)
  const greeting = args.includes('polite') ? 'Good day' : 'Hello'
  return `${greeting}, ${name}!${rhyme === undefined ? '' : ` It rhymes with ${rhyme.join(' and ')}.`}`
}

export default greet
