/** Every option of the real mosquitto_pub and mosquitto_sub, and what ours make of it, as docs/command-line.md says. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCommand, run, shell } from '../cli/program.js'
import { Broker, environment } from './broker.js'

buildCommand()

const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
const rows = new Map(
  [...page.matchAll(/^\| `(--?[a-zA-Z0-9-]+)` +\| (.*?) +\|$/gm)].map(([, name = '', here = '']) => [name, here]),
)

/** Those of the list, and those that the usage alone has. mosquitto's own help ends with 1. */
function optionsOf(program: string): Promise<string[]> {
  return new Promise((resolve) => {
    execFile(program, ['--help'], { env: environment }, (_, stdout) => {
      resolve(
        [...stdout.matchAll(/(?:^ +|[[{])(-[A-Za-z]|--[a-z0-9-]+)(?= :|, | \w+[\]}]|\])/gm)].map(
          ([, name = '']) => name,
        ),
      )
    })
  })
}

describe('the table of options', () => {
  it('has every option of mosquitto_pub and mosquitto_sub, and no other', async () => {
    const theirs = [...(await optionsOf('mosquitto_pub')), ...(await optionsOf('mosquitto_sub'))]
    expect([...rows.keys()].sort()).toEqual([...new Set(theirs)].sort())
  })

  it.each([...rows].filter(([name]) => name !== '--help'))('%s: %s', async (name, here) => {
    const of = await Promise.all(['mosquitto_pub', 'mosquitto_sub'].map(optionsOf))
    for (const [index, command] of (['pub', 'sub'] as const).entries()) {
      if (of[index]?.includes(name) !== true) continue
      // A second unknown option shows that the first is known: the command line is read from its start.
      const { stderr } = await run([command, name, '1', '--not-an-option'])
      const isRefused = stderr.startsWith(`mqtt311: ${name} is not supported`)
      expect([command, isRefused]).toEqual([command, here.startsWith('refused')])
    }
  })
})

describe('the same line', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await Broker.start()
  })
  afterAll(() => broker?.close())

  const both = async (line: string) => {
    const of = (sub: string) =>
      shell(
        line
          .replaceAll('SUB', `${sub} -h ${broker.host} -p ${broker.port}`)
          .replaceAll('PUB', `mosquitto_pub -h ${broker.host} -p ${broker.port} -q 1`),
      )
    return [await of('mosquitto_sub'), await of('mqtt311 sub')] as const
  }

  // A persistent session keeps the messages for the line that prints them, so nobody waits for a subscription.
  const kept = (args: string) =>
    `SUB -c -i kept-$$ -q 1 -t n -E && PUB -t n -n && PUB -t n -m end && SUB -c -i kept-$$ -q 1 -t n -C 2 -W 30 ${args}`

  it.each([
    ["PUB -t f -r -m xyz && SUB -t f -q 1 -C 1 -F '%2q|%02q|%2r|%m|%5m|%05m|%-5m|%5l|%10p|%010p|%2t|'"],
    [
      "PUB -t f -r -m xyz && SUB -t f -q 1 -C 1 -F '%3p|%5p|%-5p|%05p|%-05p|%.1p|%.1x|%.1X|%3%|%9.2t|%-9t|%09t|%.0t|%.3I|%5.3l|'",
    ],
    ["PUB -t f -r -m xyz && SUB -t f -q 1 -C 1 -F '%40U|%-40U|' | tr -d 0-9"],
    ['PUB -t f -r -m xyz && SUB -t f -q 1 -C 1 -F \'%j\' | sed \'s/"tst":"[^"]*"//\''],
    [
      "PUB -t e/1 -r -m a && PUB -t e/2 -r -m b && SUB -t 'e/#' -v --remove-retained -W 3 | grep -v null; SUB -t 'e/#' -W 1; echo $?",
    ],
    ['PUB -t o -r -m old && SUB -t o -v --retained-only -W 30 | { read -r line; echo "$line"; PUB -t o -m new; cat; }'],
    [kept('')],
    [kept('-v')],
    [kept('-v -N')],
  ])('prints the same: %s', async (line) => {
    const [theirs, ours] = await both(line)
    expect(ours.stdout).toBe(theirs.stdout)
    expect(theirs.stdout).not.toBe('')
  })

  // Their manual: "this sets the minimum width".
  it('loses no byte of a payload to a width, where theirs does', async () => {
    const [theirs, ours] = await both("PUB -t w -r -m xyz && SUB -t w -q 1 -C 1 -F '%2p|%2x|%8x|%-8X|%010x|'")
    expect(theirs.stdout).toBe('xy|78|      78|78      |0000000078|\n')
    expect(ours.stdout).toBe('xyz|78797a|  78797a|78797A  |000078797a|\n')
  })

  // Theirs waits for an acknowledgement that nobody tells it of, until -W ends it.
  it('ends with -C when it removes retained messages, where theirs does not', async () => {
    const removal = "SUB -t 'd/#' -q 1 --remove-retained -C 2 -W 3; echo $?"
    const [theirs, ours] = await both(`PUB -t d/1 -r -m a && PUB -t d/2 -r -m b && ${removal}`)
    expect(theirs.stdout).toBe('a\nb\n27\n')
    expect(ours.stdout).toBe('a\nb\n0\n')
    const [left] = await both("SUB -t 'd/#' --retained-only -W 1; echo $?")
    expect(left.stdout).toBe('27\n')
  })
})
