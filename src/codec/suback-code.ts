/** The Return Code of SUBACK for a Topic Filter that is refused (section 3.9.3); the others are a granted QoS. */
export const SUBSCRIBE_FAILURE = 0x80

/** Whether it is a granted QoS or a refusal: all other Return Codes are reserved. */
export function isSubackCode(code: number): boolean {
  return code === 0 || code === 1 || code === 2 || code === SUBSCRIBE_FAILURE
}
