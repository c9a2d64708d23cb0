/**
 * Local sockets as signs of life: a file on which a process listens, and which the kernel closes when that process, or only
 * its thread, ends in whatever way. Others find out by connecting.
 */
import type { Server } from 'node:net'
import { StoreError } from '../../errors.js'
import { isCode, storeFailure } from './journal-files.js'

/** What a connection to a socket file shows. `gone`: the file was removed or renamed. */
export type SignOfLife = 'alive' | 'dead' | 'gone'

/** The address of a socket has 108 bytes on Linux and 104 on macOS. A longer one may be cut without an error. */
const addressBytesMax = 100

/** These errors of `bind` say that the file system knows no sockets. */
const noSockets = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL']

/** A directory as the addresses of its sockets name it: by its path, or by a short link while the path is too long. */
export interface SocketFolder {
  readonly path: string
  /** Removes the link. */
  close(): Promise<void>
}

/** The folder for sockets in `directory` whose names have at most `nameBytes` bytes. */
export async function socketFolder(directory: string, nameBytes: number): Promise<SocketFolder> {
  const fits = (path: string): boolean => Buffer.byteLength(path) + 1 + nameBytes <= addressBytesMax
  if (fits(directory)) return { path: directory, close: async () => {} }
  const { symlink, unlink } = process.getBuiltinModule('node:fs/promises')
  const [name, { join }] = [randomName(), process.getBuiltinModule('node:path')]
  const usual = join(process.getBuiltinModule('node:os').tmpdir(), name)
  // The TMPDIR of macOS is long too.
  const link = fits(usual) ? usual : join('/tmp', name)
  try {
    await symlink(directory, link)
  } catch (error) {
    const what = `the path of ${directory} is too long for a socket, and no link to it can be made`
    throw storeFailure(`${what}: give a shorter directory, or a TMPDIR to write in`, error)
  }
  return { path: link, close: () => unlink(link).catch(() => {}) }
}

function randomName(): string {
  return `mqtt311-${process.getBuiltinModule('node:crypto').randomBytes(4).toString('hex')}`
}

/**
 * Listens at `address`, and hangs up on each caller. The server does not keep the process alive. Without `exclusive`, the
 * primary process of a node:cluster would listen in place of its worker, and the socket would tell of the life of the
 * primary. Without `writableAll`, another user who may write in the directory would never learn that this process is dead.
 */
export async function listenAt(address: string): Promise<Server> {
  const server = process.getBuiltinModule('node:net').createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: address, exclusive: true, writableAll: true }, resolve)
  })
  // A caller that cannot be accepted, because there are too many open files, is none of our business.
  server.on('error', () => {})
  return server.unref()
}

/** Says what to do if the file system knows no sockets. */
export function listenFailure(directory: string, error: unknown): StoreError {
  if (!noSockets.some((code) => isCode(error, code))) return storeFailure(`cannot lock ${directory}`, error)
  return new StoreError(
    `the file system of ${directory} takes no local sockets, with which the store locks it: use a directory on another one`,
    { cause: error },
  )
}

/**
 * Asks the socket file at `address`. A file on which a process once listened, and that refuses a connection, is dead for
 * ever. Any other error may come from a process that lives (its queue of callers is full, it belongs to another user).
 */
export function signOfLife(address: string): Promise<SignOfLife> {
  return new Promise((resolve) => {
    const socket = process.getBuiltinModule('node:net').connect({ path: address })
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.on('error', (error) => {
      if (isCode(error, 'ECONNREFUSED')) resolve('dead')
      else resolve(isCode(error, 'ENOENT') ? 'gone' : 'alive')
    })
  })
}
