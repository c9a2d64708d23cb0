/** Characters, for fast-check. */
import fc from 'fast-check'

/** What no UTF-8 can hold: the halves of UTF-16. */
const surrogates = { first: 0xd800, count: 0x800 }

/**
 * Any character, for `fc.string({ unit: anyCharacter })`, which draws the same texts as `unit: 'binary'` does. But that makes a table
 * of all 1,112,064 characters first, in each process: a second of work, and a heap that every collection of garbage looks through.
 */
export const anyCharacter = fc.nat({ max: 0x10_ffff - surrogates.count }).map(
  (number) => String.fromCodePoint(number < surrogates.first ? number : number + surrogates.count),
  (character) => {
    if (typeof character !== 'string' || !/^\P{Surrogate}$/u.test(character)) throw new Error('no character')
    const code = character.codePointAt(0) ?? 0
    return code < surrogates.first ? code : code - surrogates.count
  },
)
