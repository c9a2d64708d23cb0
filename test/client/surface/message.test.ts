import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { ReceivedMessage } from '../../../src/client/surface/message.js'

const message = (payload: Buffer) =>
  new ReceivedMessage({ type: 'publish', topic: 'a/b', payload, qos: 1, packetId: 7, dup: true, retain: true })

it('carries what PUBLISH carried', () => {
  const { topic, payload, qos, retain, dup } = message(Buffer.from('x'))
  expect({ topic, payload: payload.toString(), qos, retain, dup }).toEqual({
    topic: 'a/b',
    payload: 'x',
    qos: 1,
    retain: true,
    dup: true,
  })
})

it('has DUP 0 at QoS 0, which has no such flag [MQTT-3.3.1-2]', () => {
  const packet = { type: 'publish', topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false } as const
  expect(new ReceivedMessage(packet).dup).toBe(false)
})

it('reads its payload as UTF-8, and keeps U+FEFF at the start', () => {
  expect(message(Buffer.from('\ufeffgrün')).text()).toBe('\ufeffgrün')
  expect(message(Buffer.from([0x61, 0xff])).text()).toBe('a\ufffd')
})

it('reads its payload as JSON, and throws SyntaxError where it is none', () => {
  expect(message(Buffer.from('{"t":21.5}')).json<{ t: number }>().t).toBe(21.5)
  expect(() => message(Buffer.from('{')).json()).toThrow(SyntaxError)
})

it('has no methods of its own, only those of its prototype', () => {
  expect(Object.keys(message(Buffer.from('x')))).toEqual(['topic', 'payload', 'qos', 'retain', 'dup'])
})

it('is inspected in one line: text as text, the rest as bytes, long ones cut', () => {
  expect(inspect(message(Buffer.from('21.5')))).toBe(
    "Message { topic: 'a/b', payload: '21.5', qos: 1, retain: true, dup: true }",
  )
  expect(inspect(message(Buffer.from([0xff, 0])))).toContain('payload: <Buffer ff 00>')
  const long = inspect(message(Buffer.from('x'.repeat(100_000))))
  expect(long).toMatch(/\d+ more characters/)
  expect(long.length).toBeLessThan(200)
})
