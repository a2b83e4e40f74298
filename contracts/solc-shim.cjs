#!/usr/bin/env node
// forge wants a native solc executable; this gives it solc-js from npm, so that nothing is downloaded at build time.
'use strict'
const solc = require('solc')

if (process.argv.includes('--version')) {
  // forge reads the last line and accepts only a release's or nightly's exact version string.
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`)
} else if (process.argv.includes('--standard-json')) {
  const chunks = []
  process.stdin.on('data', (chunk) => chunks.push(chunk))
  process.stdin.on('end', () => {
    process.stdout.write(solc.compile(Buffer.concat(chunks).toString('utf8')))
  })
} else {
  process.stderr.write(`solc-shim: unsupported arguments: ${process.argv.slice(2).join(' ')}\n`)
  process.exitCode = 2
}
