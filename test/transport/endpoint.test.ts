import os from 'node:os'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../src/errors.js'
import { type AddressOptions, describeEndpoint, parseServerUrl, serverAddresses } from '../../src/transport/endpoint.js'

const endpoint = (url: string) => parseServerUrl(url).endpoint
const endpoints = (options: AddressOptions) => serverAddresses(options).map((address) => address.endpoint)

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return error instanceof Error ? error.message : ''
  }
  throw new Error('nothing was refused')
}

describe('a server URL', () => {
  it.each([
    ['mqtt://broker.example', { host: 'broker.example', port: 1883, tls: false }],
    ['mqtts://broker.example', { host: 'broker.example', port: 8883, tls: true }],
    ['MQTTS://broker.example/', { host: 'broker.example', port: 8883, tls: true }],
    ['mqtt://broker.example:18830', { host: 'broker.example', port: 18830, tls: false }],
    ['mqtt://192.0.2.7:1', { host: '192.0.2.7', port: 1, tls: false }],
    ['mqtt://[::1]', { host: '::1', port: 1883, tls: false }],
    ['mqtts://[2001:db8::7]:65535/', { host: '2001:db8::7', port: 65535, tls: true }],
    ['mqtt://[fe80::1%eth0]:1883', { host: 'fe80::1%eth0', port: 1883, tls: false }],
    ['mqtt://[fe80::1%25eth0]', { host: 'fe80::1%eth0', port: 1883, tls: false }],
    ['mqtt://user:p%40ss@[::1]:1884', { host: '::1', port: 1884, tls: false }],
    ['unix:/run/mosquitto.sock', { host: '/run/mosquitto.sock', port: 0, tls: false }],
    ['unix:///run/mosquitto.sock', { host: '/run/mosquitto.sock', port: 0, tls: false }],
    ['UNIX:a b%20@?.sock', { host: 'a b%20@?.sock', port: 0, tls: false }],
    ['mqtt://bücher.example', { host: 'xn--bcher-kva.example', port: 1883, tls: false }],
  ])('reads %s', (url, expected) => {
    expect(endpoint(url)).toEqual(expected)
  })

  it('gives the credentials apart, percent-decoded', () => {
    expect(parseServerUrl('mqtt://us%40er:p%3Aa%2Fss@h')).toMatchObject({ username: 'us@er', password: 'p:a/ss' })
    expect(parseServerUrl('mqtt://user:a:b@c@h')).toMatchObject({ username: 'user', password: 'a:b@c' })
    expect(parseServerUrl('mqtt://user@h')).toMatchObject({ username: 'user', password: undefined })
    expect(parseServerUrl('mqtt://user:@h')).toMatchObject({ username: 'user', password: '' })
    expect(parseServerUrl('mqtt://h')).toMatchObject({ username: undefined, password: undefined })
  })

  it.each([
    ['broker.example:1883', /starts with mqtt:\/\/ or mqtts:\/\//],
    ['mqtt:broker.example', /starts with/],
    ['unix:', /the path of a local socket, as in unix:/],
    ['ws://h/mqtt', /pass the option stream/],
    ['wss://h', /pass the option stream/],
    ['tcp://h', /is written mqtt:\/\//],
    ['ssl://h', /is written mqtts:\/\//],
    ['tls://h', /is written mqtts:\/\//],
    ['http://h', /http:\/\/ is not known/],
    ['mqtt://', /host is empty/],
    ['mqtt://:1883', /host is empty/],
    ['mqtt://user:word@', /host is empty/],
    ['mqtt://h:', /a port is a whole number from 1 to 65535$/],
    ['mqtt://h:0', /from 1 to 65535$/],
    ['mqtt://h:65536', /from 1 to 65535$/],
    ['mqtt://h:18x', /a port is a whole number from 1 to 65535$/],
    ['mqtt://h/topic', /path, query or fragment/],
    ['mqtt://h?keepalive=1', /path, query or fragment/],
    ['mqtt://h#x', /path, query or fragment/],
    ['mqtt:///', /host is empty/],
    ['mqtt:///topic', /path, query or fragment/],
    ['mqtt://?user:word@h', /must have .* percent-encoded/],
    ['mqtt://::1', /needs brackets/],
    ['mqtt://fe80::1:1883', /needs brackets/],
    ['mqtt://[::1]1883', /follow the ']'/],
    ['mqtt://[::1', /needs brackets/],
    ['mqtt://[localhost]', /no IPv6 address/],
    ['mqtt://[fe80::1%]', /no IPv6 address/],
    ['mqtt://a b', /character that no host name has/],
    ['mqtt://a]b', /character that no host name has/],
    ['mqtt://u%:p@h', /not percent-encoded/],
  ])('refuses %s', (url, message) => {
    expect(messageOf(() => parseServerUrl(url))).toMatch(message)
  })

  it.each([
    'mqtt://user:s3cret/x@h',
    'mqtt://user:s3cret@h:99999',
    'mqtt://user:s3cret@h/path',
    'mqtt://user:s3cret',
    'mqtt://user:s3cret?@h',
    'mqtt://us%er:s3cret@h',
    'ws://user:s3cret@h',
    'user:s3cret@h',
    'mqtt://user:s3cret@',
    'mqtt://user@h:s3cret@x y',
  ])('never repeats the password: %s', (url) => {
    expect(messageOf(() => parseServerUrl(url))).not.toContain('s3cret')
  })

  it('says how to write a password that holds the separators of a URL', () => {
    expect(messageOf(() => parseServerUrl('mqtt://user:pa/ss@h'))).toMatch(/percent-encoded/)
  })
})

describe('the servers of a client', () => {
  it('are named by host and port, with the ports of the standard by default', () => {
    expect(endpoints({ host: '::1' })).toEqual([{ host: '::1', port: 1883, tls: false }])
    expect(endpoints({ host: '[::1]', tls: true })).toEqual([{ host: '::1', port: 8883, tls: true }])
    expect(endpoints({ host: 'h', tls: {} })).toEqual([{ host: 'h', port: 8883, tls: true }])
    expect(endpoints({ host: 'h', port: 8883, tls: false })).toEqual([{ host: 'h', port: 8883, tls: false }])
  })

  it('are named by a list of URLs and of hosts, in its order', () => {
    const servers = ['mqtt://one', { host: 'two' }, { host: 'three', port: 3, tls: true }]
    expect(endpoints({ servers })).toEqual([
      { host: 'one', port: 1883, tls: false },
      { host: 'two', port: 1883, tls: false },
      { host: 'three', port: 3, tls: true },
    ])
    expect(endpoints({ servers: [{ host: 'two' }, { host: 'one', tls: false }], tls: {} })).toEqual([
      { host: 'two', port: 8883, tls: true },
      { host: 'one', port: 1883, tls: false },
    ])
  })

  it('keep the credentials of their URLs', () => {
    expect(serverAddresses({ url: 'mqtt://u:p@h' })[0]).toMatchObject({ username: 'u', password: 'p' })
  })

  it.each<[string, AddressOptions, RegExp]>([
    ['none', {}, /no server is named/],
    ['an empty list', { servers: [] }, /servers is empty/],
    ['two ways at once', { url: 'mqtt://h', host: 'h' }, /named twice/],
    ['a port beside a URL', { url: 'mqtt://h', port: 1 }, /write it into the URL/],
    ['TLS with a plain URL', { url: 'mqtt://h', tls: true }, /write mqtts:\/\//],
    ['TLS options with a plain URL', { url: 'mqtt://h', tls: {} }, /write mqtts:\/\//],
    ['a plain URL in a list, with tls true', { servers: ['mqtts://a', 'mqtt://b'], tls: true }, /write mqtts:\/\//],
    ['mqtts without TLS', { url: 'mqtts://h', tls: false }, /tls is false/],
    ['a URL as host', { host: 'mqtt://h' }, /give .* a URL as url/],
    ['a port in the host', { host: 'h:1883' }, /give the port apart/],
    ['an empty host', { host: '' }, /host is empty/],
    ['a fractional port', { host: 'h', port: 1.5 }, /not 1.5/],
    ['a negative port', { host: 'h', port: -1 }, /not -1/],
  ])('refuses %s', (_, options, message) => {
    expect(messageOf(() => serverAddresses(options))).toMatch(message)
  })
})

it('describes an endpoint with the brackets of IPv6', () => {
  expect(describeEndpoint({ host: 'fe80::1%eth0', port: 1 })).toBe('[fe80::1%eth0]:1')
  expect(describeEndpoint({ host: os.hostname(), port: 2 })).toBe(`${os.hostname()}:2`)
})
