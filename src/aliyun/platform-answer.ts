/**
 * What the platform tells a device about itself: a JSON object whose members are strings, published on topics that
 * nobody subscribes to. Answers to a registration hold secrets, so no message of this file repeats what it read.
 */

import type { DeviceIdentity } from './device.js'
import { requireIdentity } from './device-text.js'

/**
 * The members of an answer that are strings. Throws a plain Error for what is no JSON object: that is the platform's
 * fault.
 */
export function parseAnswer(topic: string, text: string): ReadonlyMap<string, string> {
  const answer = parseJson(text)
  if (typeof answer !== 'object' || answer === null) {
    throw new Error(`the platform's message on ${topic} is no JSON object`)
  }
  return new Map(Object.entries(answer).filter((member): member is [string, string] => typeof member[1] === 'string'))
}

/** The names in the message by which the platform tells a device with a certificate who it is. */
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
