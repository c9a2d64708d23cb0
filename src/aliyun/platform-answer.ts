/**
 * Reads the messages in which the platform sends a device its names or secrets: JSON objects with members that are strings,
 * on topics that need no subscription. Such a message may have a secret, so no error of this file repeats its text.
 */

import type { DeviceIdentity } from './device.js'
import { requireIdentity } from './device-text.js'

/**
 * The members of an answer that are strings. Throws a plain Error if the text is no JSON object, because that is a fault of
 * the platform.
 */
export function parseAnswer(topic: string, text: string): ReadonlyMap<string, string> {
  const answer = parseJson(text)
  if (typeof answer !== 'object' || answer === null) {
    throw new Error(`the platform's message on ${topic} is no JSON object`)
  }
  return new Map(Object.entries(answer).filter((member): member is [string, string] => typeof member[1] === 'string'))
}

/** The names in the message that the platform sends to a device with a certificate. */
export function parseIdentity(topic: string, text: string): DeviceIdentity {
  const answer = parseAnswer(topic, text)
  const productKey = answer.get('productKey')
  const deviceName = answer.get('deviceName')
  if (productKey === undefined || deviceName === undefined) {
    throw new Error(`the platform's message on ${topic} has no productKey and deviceName`)
  }
  requireIdentity(productKey, deviceName)
  return { productKey, deviceName }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes the text, which may hold a secret.
    return undefined
  }
}
