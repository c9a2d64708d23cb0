import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildCommand, call, run, startHere, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

describe('mqtt311 rr', () => {
  it('subscribes, sends the request, and prints the first response that is not hidden', async () => {
    const broker = await startBroker()
    await broker.server.publish('state', 'old', { retain: true })
    const topics = ['-t', 'get', '-e', 'state']
    const command = startHere(['rr', ...broker.address, ...topics, '-m', 'light', '-q', '1', '-R', '-v'])
    await broker.server.receives('publish')
    await broker.server.publish('state', 'bright')
    expect(await command.end()).toMatchObject({ code: 0, stdout: 'state bright\n', stderr: '' })
    expect(broker.published).toEqual([{ topic: 'get', text: 'light', qos: 1, retain: false }])
    const [subscribe] = broker.server.received.filter(({ type }) => type === 'subscribe')
    expect(subscribe).toMatchObject({ subscriptions: [{ filter: 'state', qos: 1 }] })
  })

  it('prints one response, also if two come at once', async () => {
    const broker = await startBroker()
    const command = startHere(['rr', ...broker.address, '-t', 'get', '-e', 'state', '-m', 'x'])
    await broker.server.receives('publish')
    await Promise.all(['one', 'two'].map((text) => broker.server.publish('state', text)))
    expect(await command.end()).toMatchObject({ code: 0, stdout: 'one\n' })
  })

  it('takes the topic of the request from the URL too', async () => {
    const broker = await startBroker()
    await broker.server.publish('state', 'old', { retain: true })
    const url = `mqtt://[${broker.address[1]}]:${broker.address[3]}/get`
    expect(await call(['rr', '-L', url, '-e', 'state', '-m', 'x'])).toMatchObject({ code: 0, stdout: 'old\n' })
    expect(broker.published).toMatchObject([{ topic: 'get', text: 'x' }])
  })

  it('takes a retained message for a response, unless -R is given', async () => {
    const broker = await startBroker()
    await broker.server.publish('state', 'old', { retain: true })
    expect(await call(['rr', ...broker.address, '-t', 'get', '-e', 'state', '-n'])).toMatchObject({ stdout: 'old\n' })
  })

  it.each([
    [['-n'], ''],
    [['-m', ''], ''],
    [['-s'], 'from a pipe\n'],
  ])('sends what %j says', async (args, text) => {
    const broker = await startBroker()
    await broker.server.publish('state', 'ready', { retain: true })
    const input = 'from a pipe\n'
    expect(await call(['rr', ...broker.address, '-t', 'a', '-e', 'state', ...args], { input })).toMatchObject({
      code: 0,
    })
    expect(broker.published).toMatchObject([{ topic: 'a', text }])
  })

  it('sends a file, and shows packets by -d and by --capture as other commands do', async () => {
    const broker = await startBroker()
    await broker.server.publish('state', 'ready', { retain: true })
    const [file, capture] = [temporaryFile('request'), temporaryFile('rr.pcapng')]
    writeFileSync(file, 'from a file')
    const args = ['-t', 'a', '-e', 'state', '-f', file, '-d', '--capture', capture]
    const { code, stderr } = await run(['rr', ...broker.address, ...args])
    expect(code).toBe(0)
    expect(broker.published).toMatchObject([{ topic: 'a', text: 'from a file' }])
    expect(stderr).toMatch(/──▶ {2}PUBLISH QoS 0 topic "a" 11 bytes\n/)
    expect(readFileSync(capture).includes('from a file')).toBe(true)
  })

  it('ends with 27 when no response comes within -W', async () => {
    const broker = await startBroker()
    const args = ['-t', 'a', '-e', 'state', '-m', 'x', '-W', '0.2']
    expect(await call(['rr', ...broker.address, ...args])).toMatchObject({
      code: 27,
      stderr: 'mqtt311: the 0.2 seconds of -W have passed\n',
    })
  })

  it.each([
    [['-e', 'b', '-m', 'x'], 'the topic of the request is missing: give it by -t'],
    [['-t', 'a', '-m', 'x'], 'the topic of the response is missing: give it by -e'],
    [['-t', 'a', '-e', 'b'], 'the request is missing: give one of -m, -f, -s and -n'],
    [['-t', 'a', '-e', 'b', '-m', 'x', '-n'], '--message and --null-message both say what the request is'],
    [['-t', 'a/+', '-e', 'b', '-m', 'x'], 'wildcard'],
    [['-t', 'a', '-e', 'b#', '-m', 'x'], '"b#"'],
    [['-t', 'a', '-e', 'b', '-m', 'two', 'words'], 'a word belongs to no option'],
  ])('refuses %j before it connects', async (args, text) => {
    const broker = await startBroker()
    const { code, stderr } = await call(['rr', ...broker.address, ...args])
    expect(code).toBe(64)
    expect(stderr).toContain(text)
    expect(broker.server.received).toEqual([])
  })
})
