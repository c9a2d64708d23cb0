import { open } from 'node:fs/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { StatusLine } from '../../src/cli/terminal/output.js'
import { Progress } from '../../src/cli/terminal/progress.js'
import { buildCommand, namedPipe, terminal } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

/** A line that writes down what becomes of it. */
function recordedLine(columns: number | undefined): StatusLine & { readonly history: readonly string[] } {
  const history: string[] = []
  return { columns, history, draw: (text) => history.push(text), end: (outcome) => history.push(outcome) }
}

describe('progress', () => {
  it('is drawn over and over on a terminal, and its last state stays', () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const line = recordedLine(80)
    let count = 0
    const progress = new Progress(line, () => `${count} sent`)
    vi.advanceTimersByTime(99)
    expect(line.history).toEqual([])
    count = 7
    vi.advanceTimersByTime(1)
    expect(line.history).toEqual(['7 sent'])
    count = 9
    progress.stop('keep')
    expect(line.history).toEqual(['7 sent', '9 sent', 'keep'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves nothing behind when it failed', () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const line = recordedLine(80)
    const progress = new Progress(line, () => 'x')
    vi.advanceTimersByTime(100)
    progress.stop('erase')
    expect(line.history).toEqual(['x', 'erase'])
  })

  it('is nothing where all is done at once, and where there is no terminal', () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const [quick, piped] = [recordedLine(80), recordedLine(undefined)]
    const first = new Progress(quick, () => 'x')
    const second = new Progress(piped, () => 'x')
    first.stop('keep')
    vi.advanceTimersByTime(1_000)
    second.stop('keep')
    expect([quick.history, piped.history]).toEqual([[], []])
  })

  it('stays in one row of a narrow terminal, whose last column is left free', () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const line = recordedLine(10)
    const progress = new Progress(line, () => '1,000,000 messages')
    vi.advanceTimersByTime(100)
    progress.stop('erase')
    expect(line.history).toEqual(['1,000,00…', 'erase'])
  })
})

describe('mqtt311 pub -l in a terminal', () => {
  it('shows one line that is written over, and leaves its last state with a line feed behind', async () => {
    const broker = await startBroker()
    const lines = namedPipe()
    const screen = terminal(`mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l < ${lines}`)
    const input = await open(lines, 'w')
    await input.write('first\n')
    await screen.wrote('stdout', '\r\x1b[2K1 message read, 1 acknowledged')
    await input.write('second\n'.repeat(1_999))
    await input.close()
    const { code, stdout } = await screen.end()
    expect(code).toBe(0)
    const states = stdout.split('\r\x1b[2K')
    expect(states[0]).toBe('')
    expect(states.at(-1)).toBe('2,000 messages read, 2,000 acknowledged\r\n')
    expect(states.slice(1, -1).join('')).not.toMatch(/[\r\n]/)
    expect(states.filter((state) => state.length > 81)).toEqual([])
    expect(broker.published).toHaveLength(2_000)
  })

  it.each([['-d'], ['--trace'], ['--quiet']])('shows no progress beside %s', async (flag) => {
    const broker = await startBroker()
    const lines = namedPipe()
    const screen = terminal(`mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l ${flag} -W .5 < ${lines}`)
    const input = await open(lines, 'w')
    await input.write('first\n')
    // Half a second: five times the pause behind which progress would be drawn.
    const { code, stdout } = await screen.end()
    await input.close()
    expect(code).toBe(27)
    expect(stdout).not.toContain('\x1b[2K')
    expect(stdout).not.toContain('acknowledged')
  })

  it('draws nothing on a terminal that cannot erase', async () => {
    const broker = await startBroker()
    const lines = namedPipe()
    const screen = terminal(`TERM=dumb mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l -W .5 < ${lines}`)
    const input = await open(lines, 'w')
    await input.write('first\n')
    const { stdout } = await screen.end()
    await input.close()
    expect(stdout).toBe('mqtt311: the 0.5 seconds of -W have passed\r\n')
  })

  it('gives way to what goes wrong, which stands on a line of its own', async () => {
    const broker = await startBroker()
    const lines = namedPipe()
    const screen = terminal(`mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l < ${lines}`)
    const input = await open(lines, 'w')
    await input.write('first\n')
    await screen.wrote('stdout', '1 message read, 1 acknowledged')
    broker.server.cut()
    await screen.wrote('stdout', 'connected again\r\n')
    await input.close()
    const { code, stdout } = await screen.end()
    expect(code).toBe(0)
    const states = stdout.split('\r\x1b[2K')
    const notice = /^mqtt311: the server closed the connection; next attempt in \d+\.\d s\r\n/
    expect(states).toContainEqual(expect.stringMatching(notice))
    expect(states.at(-1)).toBe('1 message read, 1 acknowledged\r\n')
  })

  it('leaves what is typed alone', async () => {
    const broker = await startBroker()
    const screen = terminal(`mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l -W 0.5`)
    expect((await screen.end()).stdout).toBe('mqtt311: the 0.5 seconds of -W have passed\r\n')
  })
})
