import { isMqttError, topicMatches, type UsageError, validateTopicFilter, validateTopicName } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'

function refusal(validate: (text: string) => void, text: unknown): UsageError | undefined {
  try {
    Reflect.apply(validate, undefined, [text])
    return undefined
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_USAGE') return error
    throw error
  }
}

describe('topicMatches', () => {
  it.each([
    // "#" stands for its parent and all below it (section 4.7.1.2).
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'],
    ['sport/#', 'sport/'],
    ['#', 'a'],
    ['#', '/'],
    ['#', 'a/b/c'],
    ['/#', '/'],
    ['/#', '/a'],
    // "+" stands for one level, also an empty one (section 4.7.1.3).
    ['sport/tennis/+', 'sport/tennis/player1'],
    ['sport/tennis/+', 'sport/tennis/'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['+', 'finance'],
    ['+/tennis/#', 'sport/tennis'],
    ['+/tennis/#', '/tennis/a/b'],
    ['a/+/c', 'a/b/c'],
    ['a/+/+/d', 'a/b//d'],
    ['+/+/+', '//'],
    // Without wildcards a filter matches itself, empty levels included (section 4.7.3).
    ['a/b', 'a/b'],
    ['/', '/'],
    ['a//b', 'a//b'],
    ['a/b/', 'a/b/'],
    ['Accounts payable', 'Accounts payable'],
    ['état/+', 'état/😀'],
    // "$" is no obstacle where the filter names it, or further on (section 4.7.2).
    ['$SYS/#', '$SYS/monitor/Clients'],
    ['$SYS/monitor/+', '$SYS/monitor/Clients'],
    ['$SYS/#', '$SYS'],
    ['a/#', 'a/$b'],
    ['+/$b', 'a/$b'],
  ])('%s matches %s', (filter, topic) => {
    expect(topicMatches(filter, topic)).toBe(true)
  })

  it.each([
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['sport/tennis/player1/#', 'sport/tennis/player2'],
    ['sport/tennis/#', 'sport/tennisball'],
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['+/+', 'finance'],
    ['+', 'a/b'],
    ['/+', 'finance'],
    ['a/b', 'a/bc'],
    ['a/bc', 'a/b'],
    ['a/b', 'a/b/'],
    ['a/b/', 'a/b'],
    ['a/b', 'a'],
    ['a', 'a/b'],
    ['/a', 'a'],
    ['a/+/c', 'a/b/d'],
    ['a/+/c', 'a/b/c/d'],
    ['a/+/#', 'a'],
    ['a/b/#', 'a'],
    ['a/b/+', 'a/b'],
    // These are no filters, and they match nothing by accident.
    ['+a', 'x/'],
    ['+a/b', 'x/b'],
  ])('%s does not match %s', (filter, topic) => {
    expect(topicMatches(filter, topic)).toBe(false)
  })

  it.each([
    ['#', '$SYS/monitor/Clients'],
    ['+/monitor/Clients', '$SYS/monitor/Clients'],
    ['#', '$'],
    ['+', '$a'],
    ['+/#', '$SYS/a'],
  ])('%s does not match %s, whose "$" a leading wildcard does not reach [MQTT-4.7.2-1]', (filter, topic) => {
    expect(topicMatches(filter, topic)).toBe(false)
  })

  it.each([
    ['ACCOUNTS', 'Accounts'],
    ['é', 'e\u0301'],
    ['a', 'a '],
  ])(
    '%s does not match %s: characters are compared as they are [MQTT-4.7.3-4] [4.7.3 free topics]',
    (filter, topic) => {
      expect(topicMatches(filter, topic)).toBe(false)
    },
  )
})

describe('validateTopicName and validateTopicFilter', () => {
  it.each(['a', '/', ' ', 'a//b', '$SYS/a', '\uFEFFa', '\u{10fffd}', 'a'.repeat(65_535)])(
    'take %s [4.7.3 free topics]',
    (topic) => {
      expect(refusal(validateTopicName, topic)).toBeUndefined()
      expect(refusal(validateTopicFilter, topic)).toBeUndefined()
    },
  )

  it.each(['#', '+', '/#', '+/+', 'a/+/#', '+/a', 'a/+', '/+/'])(
    'tell filters from names: %s [MQTT-4.7.1-1]',
    (filter) => {
      expect(refusal(validateTopicFilter, filter)).toBeUndefined()
      expect(refusal(validateTopicName, filter)).toMatchObject({ statement: 'MQTT-4.7.1-1' })
    },
  )

  it.each([
    ['', 'MQTT-4.7.3-1'],
    ['a\0', 'MQTT-1.5.3-2'],
    ['\ud800', 'MQTT-1.5.3-1'],
    ['a'.repeat(65_536), 'MQTT-4.7.3-3'],
    ['\u00e9'.repeat(32_768), 'MQTT-4.7.3-3'],
  ])('refuse %j [%s]', (text, statement) => {
    expect(refusal(validateTopicName, text)).toMatchObject({ statement })
    expect(refusal(validateTopicFilter, text)).toMatchObject({ statement })
  })

  it.each([
    ['\u0001', 'U+0001'],
    ['a\u001f', 'U+001F'],
    ['\u007f', 'U+007F'],
    ['\u0080', 'U+0080'],
    ['\u009f', 'U+009F'],
    ['\ufdd0', 'U+FDD0'],
    ['\ufdef', 'U+FDEF'],
    ['\ufffe', 'U+FFFE'],
    ['\uffff', 'U+FFFF'],
    ['\u{1fffe}', 'U+1FFFE'],
    ['\u{10ffff}', 'U+10FFFF'],
  ])('refuse %j, over which a receiver may close the connection [1.5.3 discouraged characters]', (text, name) => {
    for (const validate of [validateTopicName, validateTopicFilter]) {
      const error = refusal(validate, text)
      expect(error?.statement).toBe('1.5.3')
      expect(error?.message).toContain(name)
    }
  })

  it.each(['\u0020', '\u007e', '\u00a0', '\ufdcf', '\ufdf0', '\ufffd', '\u{1fffd}', '\u{20000}'])('take %j', (text) => {
    expect(refusal(validateTopicName, text)).toBeUndefined()
  })

  it.each([undefined, null, 7, {}])('refuse %s, which is no string', (value) => {
    expect(refusal(validateTopicName, value)).toMatchObject({ statement: 'MQTT-3.3.2-1' })
    expect(refusal(validateTopicFilter, value)).toMatchObject({ statement: 'MQTT-3.8.3-1' })
  })
})
