import { describe, expect, it } from 'vitest'
import { explain } from '../../src/explain/index.js'

/** What follows the fixed header of the first packet: field, value, meaning, section. */
function body(hex: string): string[] {
  return explain(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
    .slice(2)
    .map(({ field, value, meaning, section }) =>
      [field, value, meaning, section].filter((text) => text !== '').join(' | '),
    )
}

function purpose(hex: string): string {
  const [header] = explain(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  return `${header?.value}: ${header?.meaning}`
}

describe('the fields of', () => {
  it('CONNECT', () => {
    expect(body('10 24 00044d515454 04 ce 000a 000163 000477696c6c 0003627965 000475736572 000470617373')).toEqual([
      'Length | 4 | bytes of Protocol Name | 1.5.3',
      'Protocol Name | "MQTT" | 3.1.2.1',
      'Protocol Level | 4 | MQTT 3.1.1 | 3.1.2.2',
      'Connect Flags | 0xce | 3.1.2.3',
      'Keep Alive | 10 s | server waits 15 s | 3.1.2.10',
      'Length | 1 | byte of Client Identifier | 1.5.3',
      'Client Identifier | "c" | 3.1.3.1',
      'Length | 4 | bytes of Will Topic | 1.5.3',
      'Will Topic | "will" | 3.1.3.2',
      'Length | 3 | bytes of Will Message | 3.1.3.3',
      'Will Message | "bye" | 3 bytes | 3.1.3.3',
      'Length | 4 | bytes of User Name | 1.5.3',
      'User Name | "user" | 3.1.3.4',
      'Length | 4 | bytes of Password | 3.1.3.5',
      'Password | 4 bytes | hidden | 3.1.3.5',
    ])
  })

  it('CONNECT with Keep Alive off and an empty Client Identifier', () => {
    expect(body('10 0c 00044d515454 04 02 0000 0000').slice(-2)).toEqual([
      'Keep Alive | 0 s | off | 3.1.2.10',
      'Length | 0 | an empty Client Identifier | 1.5.3',
    ])
  })

  it('CONNECT of another version of the protocol', () => {
    expect(body('10 0c 00044d515454 05 02 0000 0000')).toContain('Protocol Level | 5 | MQTT 5 | 3.1.2.2')
    expect(body('10 0c 00044d515454 84 02 0000 0000')).toContain('Protocol Level | 132 | unknown | 3.1.2.2')
  })

  it.each([
    ['00', 'Return Code | 0 | accepted | 3.2.2.3'],
    ['01', 'Return Code | 1 | refused: Protocol Level | 3.2.2.3'],
    ['02', 'Return Code | 2 | refused: Client Identifier | 3.2.2.3'],
    ['03', 'Return Code | 3 | refused: unavailable | 3.2.2.3'],
    ['04', 'Return Code | 4 | refused: User Name or Password | 3.2.2.3'],
    ['05', 'Return Code | 5 | refused: not authorised | 3.2.2.3'],
    ['06', 'Return Code | 6 | reserved | 3.2.2.3'],
  ])('CONNACK with Return Code %s', (code, line) => {
    expect(body(`20 02 00 ${code}`)).toEqual(['Acknowledge Flags | 0x00 | 3.2.2.1', line])
  })

  it('the Acknowledge Flags of CONNACK', () => {
    const parts = (hex: string) => explain(Buffer.from(hex, 'hex'))[2]?.parts
    expect(parts('20020100')).toMatchObject([
      { bits: '0000 000.', field: 'Reserved', value: '0000000', meaning: 'always 0' },
      { bits: '.... ...1', field: 'Session Present', value: '1', meaning: 'the Session goes on', section: '3.2.2.2' },
    ])
    expect(parts('20020200')?.[0]).toMatchObject({ bits: '0000 001.', value: '0000001', meaning: 'forbidden' })
  })

  it('PUBLISH', () => {
    expect(body('30 04 00 01 61 21')).toEqual([
      'Length | 1 | byte of Topic Name | 1.5.3',
      'Topic Name | "a" | 3.3.2.1',
      'Payload | "!" | 1 byte | 3.3.3',
    ])
    expect(body('32 05 000161 0001')).toContain('Packet Identifier | 1 | until PUBACK | 3.3.2.2')
    expect(body('34 05 000161 0001')).toContain('Packet Identifier | 1 | until PUBCOMP | 3.3.2.2')
  })

  it.each([
    ['PUBACK', '40', 'of the PUBLISH | 3.4.2'],
    ['PUBREC', '50', 'of the PUBLISH | 3.5.2'],
    ['PUBREL', '62', 'of the PUBLISH | 3.6.2'],
    ['PUBCOMP', '70', 'free again | 3.7.2'],
    ['UNSUBACK', 'b0', 'of the UNSUBSCRIBE | 3.11.2'],
  ])('%s', (_, firstByte, rest) => {
    expect(body(`${firstByte} 02 1234`)).toEqual([`Packet Identifier | 4660 | ${rest}`])
    expect(body(`${firstByte} 02 0000`)[0]).toMatch(/^Packet Identifier \| 0 \| forbidden/)
  })

  it('SUBSCRIBE', () => {
    expect(body('82 0a 0002 0003612f23 02 0000')).toEqual([
      'Packet Identifier | 2 | until SUBACK | 3.8.2',
      'Length | 3 | bytes of Topic Filter | 1.5.3',
      'Topic Filter | "a/#" | 3.8.3',
      'Requested QoS | 2 | exactly once | 3.8.3',
      'Length | 0 | an empty Topic Filter | 1.5.3',
    ])
    expect(body('82 06 0002 000161 03')).toContain('Requested QoS | 3 | forbidden | 3.8.3')
  })

  it('SUBACK', () => {
    expect(body('90 06 0002 00 01 02 80')).toEqual([
      'Packet Identifier | 2 | of the SUBSCRIBE | 3.9.2',
      'Return Code | 0 | granted: at most once | 3.9.3',
      'Return Code | 1 | granted: at least once | 3.9.3',
      'Return Code | 2 | granted: exactly once | 3.9.3',
      'Return Code | 0x80 | refused | 3.9.3',
    ])
    expect(body('90 03 0002 03')).toContain('Return Code | 0x03 | reserved | 3.9.3')
  })

  it('UNSUBSCRIBE', () => {
    expect(body('a2 05 0003 000161')).toEqual([
      'Packet Identifier | 3 | until UNSUBACK | 3.10.2',
      'Length | 1 | byte of Topic Filter | 1.5.3',
      'Topic Filter | "a" | 3.10.3',
    ])
  })

  it('a packet with more bytes than fields', () => {
    expect(body('10 0e 00044d515454 04 02 0000 0000 2121').at(-1)).toBe(
      'Payload | 4 bytes | hidden: a password? | 3.1.3',
    )
  })

  it('a Remaining Length that does not end', () => {
    const length = (hex: string) => explain(Buffer.from(hex, 'hex'))[1]
    expect(length('30ffffffff')).toMatchObject({
      value: '?',
      meaning: 'no end after four bytes',
      section: '2.2.3',
    })
    expect(length('30ffff')).toMatchObject({ value: '?', meaning: 'cut off' })
  })
})

describe('the purpose of', () => {
  it.each([
    ['10 0c 00044d515454 04 02 0000 0000', 'CONNECT: a client says hello'],
    ['20 02 0000', 'CONNACK: the server answers'],
    ['30 03 000161', 'PUBLISH: a message, sent once'],
    ['32 05 000161 0001', 'PUBLISH: QoS 1, 1 of 2: message'],
    ['40 02 0001', 'PUBACK: QoS 1, 2 of 2: received'],
    ['34 05 000161 0001', 'PUBLISH: QoS 2, 1 of 4: message'],
    ['50 02 0001', 'PUBREC: QoS 2, 2 of 4: received'],
    ['62 02 0001', 'PUBREL: QoS 2, 3 of 4: released'],
    ['70 02 0001', 'PUBCOMP: QoS 2, 4 of 4: done'],
    ['82 06 0001 000161 00', 'SUBSCRIBE: asks for messages'],
    ['90 03 0001 00', 'SUBACK: what is granted'],
    ['a2 05 0001 000161', 'UNSUBSCRIBE: no more of these'],
    ['b0 02 0001', 'UNSUBACK: no more, agreed'],
    ['c0 00', 'PINGREQ: are you still there?'],
    ['d0 00', 'PINGRESP: still here'],
    ['e0 00', 'DISCONNECT: goodbye: no will'],
    ['f0 00', 'forbidden: '],
  ])('%s is %s', (hex, line) => {
    expect(purpose(hex)).toBe(line)
  })
})
