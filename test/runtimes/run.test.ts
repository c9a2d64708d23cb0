/** How the command runs a program: with a program of a line in place of a runtime. */
import { expect, test } from 'vitest'
import { run } from './run.js'

const world = {
  plain: 'mqtt://[::1]:1',
  tls: '',
  mutual: '',
  silent: '',
  expired: '',
  otherName: '',
  unknownIssuer: '',
  localSocket: '',
  nobody: '',
  ca: '',
  server: { cert: '', key: '' },
  client: { cert: '', key: '' },
  folder: '.',
}

const outcomeOf = (program: string, silenceMs?: number) => run([process.execPath, '-e', program], '.', world, silenceMs)

test('a run gives what the program says of each claim, and nothing else that it says', async () => {
  const { faults, badEnd } = await outcomeOf(`
    console.log('a warning')
    console.log(JSON.stringify({ claim: 'one' }))
    console.log(JSON.stringify({ claim: 'two', fault: JSON.parse(process.env.MQTT311_RUNTIMES).plain }))`)
  expect([...faults]).toEqual([
    ['one', undefined],
    ['two', 'mqtt://[::1]:1'],
  ])
  expect(badEnd).toBeUndefined()
})

test('a run tells a program that fails by its exit code, with the end of its complaints', async () => {
  const { badEnd } = await outcomeOf(`process.exitCode = 3; console.error('a complaint')`)
  expect(badEnd).toBe('ended with exit code 3: a complaint\n')
})

test('a run tells a program that jest finds unfinished, although its exit code is 0', async () => {
  const { badEnd } = await outcomeOf(`console.error('Jest has detected the following 1 open handle')`)
  expect(badEnd).toMatch(/^ended with exit code 0: Jest has detected/)
})

test('a run ends a program that does not end by itself', async () => {
  const { badEnd } = await outcomeOf('setInterval(() => {}, 1_000)', 100)
  expect(badEnd).toBe('did not end by itself: ')
})
