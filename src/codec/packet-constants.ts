/** The constants of CONNECT, CONNACK and SUBACK, for encoder and decoder. */

/** The Connect Flags (section 3.1.2.3). */
export const USER_NAME_FLAG = 0x80
export const PASSWORD_FLAG = 0x40
export const WILL_RETAIN_FLAG = 0x20
export const WILL_QOS_SHIFT = 3
export const WILL_FLAG = 0x04
export const CLEAN_SESSION_FLAG = 0x02
export const RESERVED_FLAG = 0x01

/** The first fields of the variable header of CONNECT (sections 3.1.2.1 and 3.1.2.2). Level 4 is version 3.1.1. */
export const PROTOCOL_NAME = 'MQTT'
export const PROTOCOL_LEVEL = 4

/** The highest Return Code of CONNACK; those above are reserved (section 3.2.2.3). */
export const MAX_RETURN_CODE = 5

/** The Return Code of SUBACK for a refused Topic Filter (section 3.9.3); the others are the granted QoS. */
export const SUBSCRIBE_FAILURE = 0x80

/** A SUBACK of so many Return Codes has a Remaining Length of 1 KiB. A decoder accepts it whatever was asked. */
export const SMALL_SUBACK_CODES = 1_022

/** Whether the Return Code is a granted QoS or a refusal; all others are reserved. */
export function isSubackCode(code: number | undefined): boolean {
  return code === 0 || code === 1 || code === 2 || code === SUBSCRIBE_FAILURE
}
