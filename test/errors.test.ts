import { describe, expect, it } from 'vitest'
import * as errors from '../src/errors.js'

const { MqttError, isMqttError } = errors
const classes = Object.entries(errors).flatMap(([name, value]) =>
  value === MqttError || value === isMqttError ? [] : [{ name, errorClass: value }],
)

describe('each class of error', () => {
  it.each(classes)('$name tells its errors from all others', ({ name, errorClass }) => {
    const error: unknown = Object.create(errorClass.prototype)
    expect(error).toMatchObject({ name })
    expect(isMqttError(error)).toBe(true)
    expect(error instanceof MqttError).toBe(true)
    const claiming = classes.filter((other) => error instanceof other.errorClass)
    expect(claiming.map((other) => other.name)).toEqual([name])
  })
})

it('an error of somebody else is none of them', () => {
  for (const value of [new Error('x'), null, 'x', {}]) expect(value instanceof MqttError).toBe(false)
})

it('an error has a cause exactly if one was given', () => {
  expect(new errors.ClosedError('x', { cause: undefined })).toHaveProperty('cause', undefined)
  expect(Object.hasOwn(new errors.ClosedError('x', { delivery: 'none' }), 'cause')).toBe(false)
})

it('an error may be called by another name, and is of its class all the same', () => {
  const error = new errors.ClosedError('x')
  expect(String(error)).toBe('ClosedError: x')
  error.name = 'Ended'
  expect(String(error)).toBe('Ended: x')
  expect(error instanceof errors.ClosedError).toBe(true)
  expect(error instanceof errors.StoreError).toBe(false)
})
