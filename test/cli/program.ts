/** The command as a person runs it: a process with arguments, an environment, pipes, and an exit code. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { beforeAll, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

type Ending = readonly [code: number | null, signal: NodeJS.Signals | null]

/** A command that has been started. What it writes is kept, and can be waited for. */
export class Run {
  readonly #text = { stdout: '', stderr: '' }
  readonly #chunks: Buffer[] = []
  readonly #watchers = new Set<() => void>()
  readonly #ended: Promise<Ending>

  constructor(ended: Promise<Ending>) {
    this.#ended = ended
  }

  take(name: 'stdout' | 'stderr', chunk: Buffer): void {
    if (name === 'stdout') this.#chunks.push(chunk)
    this.#text[name] += chunk.toString()
    for (const watcher of [...this.#watchers]) watcher()
  }

  /** Resolves when the text has been written; rejects with what was written instead if the command ends before. */
  async wrote(stream: 'stdout' | 'stderr', text: string): Promise<void> {
    if (this.#text[stream].includes(text)) return
    await new Promise<void>((resolve, reject) => {
      const watcher = () => {
        if (!this.#text[stream].includes(text)) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
      this.#ended.then(([code]) => {
        reject(new Error(`ended with ${code} and without ${JSON.stringify(text)}: ${JSON.stringify(this.#text)}`))
      })
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async end(): Promise<Outcome> {
    const [code, signal] = await this.#ended
    return { code, signal, ...this.#text }
  }
}

/** The same as a process of its own. */
class ProcessRun extends Run {
  readonly process: ChildProcessWithoutNullStreams

  constructor(child: ChildProcessWithoutNullStreams) {
    super(new Promise((resolve) => child.once('close', (code, signal) => resolve([code, signal]))))
    this.process = child
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => this.take(name, chunk))
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
  }
}

export interface RunOptions {
  /** What is written to standard input, which ends behind it. 'open': nothing, and it does not end. Default: it is empty. */
  readonly input?: string | Uint8Array | 'open'
  readonly env?: Readonly<Record<string, string>>
}

let directory = ''
/** Where the built command is; valid inside tests, once `buildCommand` has been called in the file. */
export const commandPath = (): string => join(directory, 'dist', 'cli.js')

let building: Promise<void> | undefined

/** Builds the command before the tests of a file, once for all files of this process. */
export function buildCommand(): void {
  beforeAll(() => {
    building ??= buildOnce()
    return building
  })
}

async function buildOnce(): Promise<void> {
  directory = mkdtempSync(join(tmpdir(), 'mqtt311-cli-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'))
  await build({
    entryPoints: { cli: join(root, 'src/cli/main.ts') },
    outdir: join(directory, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    logLevel: 'silent',
  })
}

/** Nothing of the surroundings but the PATH: the variables of a developer must not decide a test. */
const { PATH = '' } = process.env

export function start(args: readonly string[], { input = '', env = {} }: RunOptions = {}): ProcessRun {
  const child = spawn(process.execPath, [commandPath(), ...args], { env: { PATH, ...env }, stdio: 'pipe' })
  // The command may end before it has read its input.
  child.stdin.on('error', () => {})
  if (input !== 'open') child.stdin.end(input)
  return new ProcessRun(child)
}

export function run(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return start(args, options).end()
}

let begunHere = 0

/** What these switch on or off in a process stays so until it ends. */
const lasting: ReadonlySet<string> = new Set(['--quiet', '-d', '--debug', '--trace', '--capture', '--tls-keylog'])

function needsProcess(args: readonly string[]): boolean {
  const asksForText = args.includes('--help') || args.includes('--version')
  return args.some((word) => lasting.has(word)) || (args[0] === 'demo' && !asksForText)
}

/**
 * The same in this process, one command at a time, which saves the start of a process. The command has no signals here and no
 * pipes; `start` and `run` are for those, and for a sample of the rest.
 */
export function startHere(args: readonly string[], { input = '', env = {} }: RunOptions = {}): Run {
  if (input === 'open' || needsProcess(args)) throw new Error('it needs a process of its own')
  const giveBack = takeOver()
  const ended = new Promise<number>((resolve) => Reflect.set(process, 'exit', resolve)).finally(giveBack)
  const run = new Run(ended.then((code) => [code, null]))
  process.argv = [process.execPath, commandPath(), ...args]
  process.env = { PATH, ...env }
  const content = Readable.from(input.length === 0 ? [] : [Buffer.from(input)], { objectMode: false })
  Reflect.defineProperty(process, 'stdin', { value: content, configurable: true })
  for (const name of ['stdout', 'stderr'] as const) {
    Reflect.set(process[name], 'write', (data: string | Uint8Array, done?: (error?: Error) => void) => {
      run.take(name, Buffer.from(data))
      if (done !== undefined) process.nextTick(done)
      return true
    })
  }
  begunHere += 1
  // With another query, the file is loaded anew, and begins again.
  import(/* @vite-ignore */ `${pathToFileURL(commandPath()).href}?${begunHere}`)
  return run
}

/** Gives a function that makes everything of this process that a command uses what it was. A test that fails calls it too. */
function takeOver(): () => void {
  const { argv, env, exit, title, stdout, stderr } = process
  const stdin = Reflect.getOwnPropertyDescriptor(process, 'stdin') ?? {}
  const writes = [stdout.write, stderr.write] as const
  const listeners = (['uncaughtException', 'warning', 'SIGHUP', 'SIGINT', 'SIGTERM'] as const).map(
    (name) => [name, process.rawListeners(name)] as const,
  )
  let state: 'taken' | 'given back' = 'taken'
  const giveBack = () => {
    if (state === 'given back') return
    state = 'given back'
    process.argv = argv
    process.env = env
    process.title = title
    Reflect.set(process, 'exit', exit)
    Reflect.defineProperty(process, 'stdin', stdin)
    Reflect.set(stdout, 'write', writes[0])
    Reflect.set(stderr, 'write', writes[1])
    for (const [name, before] of listeners) {
      process.removeAllListeners(name)
      for (const listener of before) Reflect.apply(process.on, process, [name, listener])
    }
  }
  onTestFinished(giveBack)
  return giveBack
}

/** `startHere`, to its end. */
export function call(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return startHere(args, options).end()
}

/** A line of a shell, in which `mqtt311` is the command. */
export async function shell(line: string): Promise<Outcome> {
  const script = `mqtt311() { "${process.execPath}" "${commandPath()}" "$@"; }\n${line}`
  // Without --norc bash takes a piped standard input for a remote login, and reads the developer's .bashrc.
  const child = spawn('bash', ['--norc', '-o', 'pipefail', '-c', script], { env: { PATH }, stdio: 'pipe' })
  child.stdin.end()
  return new ProcessRun(child).end()
}

/**
 * The same line in a terminal of 80 columns: what is written on both streams arrives on standard output, with the line
 * feeds of a terminal. Node opens no terminal of its own, so `script` does, which every Debian and every macOS has.
 */
export function terminal(line: string): Run {
  const file = temporaryFile('line.sh')
  const command = `mqtt311() { "${process.execPath}" "${commandPath()}" "$@"; }`
  writeFileSync(file, `stty cols 80\n${command}\n${line}\n`)
  const inShell = ['bash', '--norc', file]
  const args =
    process.platform === 'darwin' ? ['-q', '/dev/null', ...inShell] : ['-qec', inShell.join(' '), '/dev/null']
  const child = spawn('script', args, { env: { PATH, TERM: 'xterm' }, stdio: 'pipe' })
  child.once('error', (error) => {
    throw new Error('the test needs `script` (Debian: bsdutils; Alpine and others: util-linux-misc)', { cause: error })
  })
  return new ProcessRun(child)
}

/** A pipe with a name, for a shell to read from. */
export function namedPipe(): string {
  const path = temporaryFile('pipe')
  execFileSync('mkfifo', [path])
  return path
}

/** A file of the test's own, gone when the test is over. */
export function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt311-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}
