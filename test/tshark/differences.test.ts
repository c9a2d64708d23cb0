/** What one of explain and tshark says and the other does not: the table in docs/command-line.md, row by row. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ControlPacket, encodePacket } from '../../src/codec/index.js'
import { explain, render } from '../../src/explain/index.js'
import { ipv4 } from '../explain/tcp-frames.js'
import { tshark } from './dissection.js'
import { explainFile } from './explanation.js'
import { captureOf, cut, type Segment } from './made-captures.js'

const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
const rows = page.slice(page.indexOf('## Beside tshark')).matchAll(/^\| ([^|]*?) +\|[^|]*\|[^|]*\|$/gm)
const tried: string[] = []

/** A test for a row of the table. */
function row(title: string, test: () => Promise<void>): void {
  tried.push(title)
  it(title, test)
}

const whole = (packet: ControlPacket | Uint8Array): Segment[] => {
  const bytes = packet instanceof Uint8Array ? packet : encodePacket(packet)
  return cut(bytes, [bytes.length])
}

/** What explain names, and what tshark prints without the options that the comparison gives it. */
async function both(segments: readonly Segment[], ...args: readonly string[]) {
  const file = captureOf([segments], ipv4)
  const ours = explainFile(readFileSync(file)).flatMap((packets) => packets.flatMap(({ fields }) => fields))
  return { ours, theirs: await tshark(['-r', file, '-V', ...args]) }
}

const connect: ControlPacket = { type: 'connect', clientId: 'a', cleanSession: true, keepAlive: 0 }
const publish: ControlPacket = { type: 'publish', topic: 'a', payload: Buffer.from('hello'), qos: 0, retain: false }

describe('explain and tshark differ in', () => {
  row('what MQTT 3.1.1 forbids', async () => {
    const { ours, theirs } = await both(whole(Buffer.from('4002000030050009616161', 'hex')))
    expect(ours).toContainEqual(['fault', 'MQTT-2.3.1-6 received Packet Identifier 0'])
    expect(theirs).toMatch(/Message Identifier: 0\n[\s\S]*Topic Length: 9\n\[Malformed Packet: MQTT\]/)
  })

  row('a payload that is text', async () => {
    const shown = async (...args: string[]) => (await both(whole(publish), ...args)).theirs
    expect(render(explain(encodePacket(publish)))).toContain('"hello"')
    expect(await shown()).toContain('Message: 68656c6c6f')
    expect(await shown('-o', 'mqtt.show_msg_as_text:TRUE')).toContain('Message: hello')
  })

  row('a password', async () => {
    const packet = { ...connect, username: 'ann', password: Buffer.from('secret') }
    expect(render(explain(encodePacket(packet)))).not.toContain('secret')
    expect((await both(whole(packet))).theirs).toContain('Password: secret')
  })

  row('a capture without CONNECT', async () => {
    const { ours, theirs } = await both(whole({ type: 'suback', packetId: 1, returnCodes: [0x80] }))
    expect(ours).toContainEqual(['mqtt.suback.qos', '128'])
    expect(theirs).toContain('Reason Code: Unspecified error (128)')
  })

  row('MQTT on another port', async () => {
    const file = captureOf([whole(connect)], (fields) => ipv4({ ...fields, serverPort: 18_900 }))
    expect(explainFile(readFileSync(file)).flat()).toHaveLength(1)
    expect(await tshark(['-r', file, '-V'])).not.toContain('Connect Command')
    expect(await tshark(['-r', file, '-V', '-d', 'tcp.port==18900,mqtt'])).toContain('Connect Command')
  })

  row('segments out of order', async () => {
    const [first, second, third] = cut(encodePacket(publish), [4])
    if (first === undefined || second === undefined || third === undefined) throw new Error('cut in three')
    const disordered = [first, third, second]
    const { ours, theirs } = await both(disordered)
    expect(ours).toContainEqual(['mqtt.msg', '68656c6c6f'])
    expect(theirs).not.toContain('Message: 68656c6c6f')
    const inOrder = await both(disordered, '-o', 'tcp.reassemble_out_of_order:TRUE')
    expect(inOrder.theirs).toContain('Message: 68656c6c6f')
  })

  row('a Remaining Length in two segments', async () => {
    const packet = encodePacket({ ...publish, payload: Buffer.alloc(200) })
    const { ours, theirs } = await both(cut(Buffer.concat([packet, packet]), [2, 600]))
    expect(ours.filter(([name]) => name === 'mqtt.topic')).toHaveLength(2)
    expect(theirs).toContain('[Malformed Packet: MQTT]')
    expect(theirs).not.toContain('Topic: a')
  })

  row('more than 100 filters or Return Codes', async () => {
    const subscriptions = Array.from({ length: 102 }, (_, index) => ({ filter: `f/${index}`, qos: 1 as const }))
    const { ours, theirs } = await both(whole({ type: 'subscribe', packetId: 1, subscriptions }))
    expect(ours.filter(([name]) => name === 'mqtt.sub.qos')).toHaveLength(100)
    expect(ours.at(-1)).toEqual(['mqtt.topic', expect.anything()])
    expect(theirs).toContain('Topic: f/101')
  })

  row('MQTT 5, WebSocket, fragments of IP', async () => {
    const { ours, theirs } = await both(whole(Buffer.from('101100044d5154540502003c03210014000161', 'hex')))
    expect(ours).toContainEqual(['fault', 'MQTT-3.1.2-2 received CONNECT with protocol level 5'])
    expect(theirs).toMatch(/Receive Maximum \(0x21\)\s+Value: 20/)
  })

  it('nothing else, says the page', () => {
    expect([...rows].map(([, title]) => title).slice(2)).toEqual(tried)
  })
})
