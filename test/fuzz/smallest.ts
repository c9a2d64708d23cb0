import { type DecodingCheck, Finding, type Input } from './decoding-check.js'

/** The input with all bytes taken away that the finding does not need, and what is found then. */
export function smallest(check: DecodingCheck, found: Input): Input & { readonly message: string } {
  let input = found
  let message = messageOf(check, found) ?? 'not found again: it depends on what came before'
  for (let length = input.bytes.length >>> 1; length > 0; length >>>= 1) {
    for (let at = 0; at + length <= input.bytes.length; ) {
      const bytes = Buffer.concat([input.bytes.subarray(0, at), input.bytes.subarray(at + length)])
      const cuts = input.cuts.map((cut) => (cut <= at ? cut : Math.max(at, cut - length)))
      const smaller = { ...input, bytes, cuts }
      const itsMessage = messageOf(check, smaller)
      if (itsMessage === undefined) {
        at += length
      } else {
        input = smaller
        message = itsMessage
      }
    }
  }
  return { ...input, message }
}

function messageOf(check: DecodingCheck, input: Input): string | undefined {
  try {
    check.check(input)
    return undefined
  } catch (error) {
    if (error instanceof Finding) return error.message
    throw error
  }
}
