/** The Return Codes of SUBACK (section 3.9.3): a granted QoS, or this one for a refused Topic Filter. */
const SUBSCRIBE_FAILURE = 0x80

/** All others are reserved. */
export function isSubackCode(code: number): boolean {
  return code === 0 || code === 1 || code === 2 || code === SUBSCRIBE_FAILURE
}
