/** What the function `credentials` of a program may do: answer, answer wrongly, fail, or hang. */
import type { Credentials, CredentialsAttempt } from '../../../src/index.js'
import type { Random } from '../random.js'

/** `ownError` makes an error that the program knows as its own. */
export function fuzzedCredentials(
  random: Random,
  ownError: (text: string) => Error,
): (attempt: CredentialsAttempt) => Credentials | Promise<Credentials> {
  return ({ signal }) => {
    switch (random.below(12)) {
      case 0:
        throw ownError('thrown by credentials')
      case 1:
        return Promise.reject(ownError('rejected by credentials'))
      case 2:
        return new Promise(() => {})
      case 3:
        // As a request over HTTP does that has the signal.
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(ownError('given up'))))
      case 4:
        return { password: 'without a user name' }
      case 5:
        return new Promise((resolve) => setTimeout(() => resolve({ username: 'late' }), random.below(400)))
      case 6:
        return {}
      default:
        return Promise.resolve({ username: 'fuzzed', password: `token ${random.below(1000)}` })
    }
  }
}
