/**
 * Reads the files that the command line names. An error names the option and not the path: who takes `--password-file` for `--password`
 * types a password there.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../errors.js'
import { codeOf } from '../../realms/foreign-values.js'
import { CommandFailure } from '../outcome/exit-code.js'

export async function readInput(path: string, option: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new CommandFailure('noInput', `the file of ${option} cannot be read${reason(error)}`, { cause: error })
  }
}

function reason(error: unknown): string {
  const code = codeOf(error)
  switch (code) {
    case 'ENOENT':
      return ': there is no such file'
    case 'EACCES':
      return ': this user may not read it'
    case 'EISDIR':
      return ': it is a directory'
    case 'ERR_FS_FILE_TOO_LARGE':
      return ': it is too large'
    default:
      return code === '' ? '' : ` (${code})`
  }
}

/** Reads text without the byte order mark that some editors write. Bytes that are not UTF-8 would be sent as other bytes. */
export async function readUtf8(path: string, option: string): Promise<string> {
  const bytes = await readInput(path, option)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new CommandFailure('noInput', `the file of ${option} is no text in UTF-8`, { cause: error })
  }
}

/** Reads a password or another secret: the content of the file without a line break at its end. */
export async function readSecret(path: string, option: string): Promise<string> {
  const text = (await readUtf8(path, option)).replace(/\r?\n$/, '')
  if (text !== '') return text
  throw new CommandFailure('noInput', `the file of ${option} is empty, and should hold a secret`)
}

/** Reads options as a command line has them, one a line; the rest of the line is the value, without quotes. A line that begins with # is a comment. */
export async function readOptionFile(path: string): Promise<string[]> {
  const lines = (await readUtf8(path, '-o')).split('\n')
  return lines.flatMap((line) => {
    const [, name = '', value] = /^\s*(\S+)(?:\s+(.*\S))?\s*$/.exec(line) ?? []
    if (name === '' || name.startsWith('#')) return []
    if (!name.startsWith('-'))
      throw new UsageError('a line of the file of -o begins with no option: write one a line, as in -h ::1')
    return value === undefined ? [name] : [name, value]
  })
}

const certificateMark = '-----BEGIN CERTIFICATE-----'

/** Reads a file with one certificate or more, in PEM. Without the check Node.js would read any other file as an empty list. */
export async function readCertificate(path: string, option: string): Promise<string> {
  const text = (await readInput(path, option)).toString('utf8')
  if (text.includes(certificateMark)) return text
  throw new CommandFailure('noInput', `the file of ${option} holds no certificate in PEM`)
}

/** Reads every certificate in the files of a directory, in PEM. */
export async function readCertificates(directory: string, option: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new CommandFailure('noInput', `the directory of ${option} cannot be read${reason(error)}`, { cause: error })
  })
  const files: string[] = []
  for (const name of names.sort()) {
    if (/\.(pem|crt|cer|\d)$/.test(name)) files.push((await readInput(join(directory, name), option)).toString('utf8'))
  }
  const certificates = files.filter((text) => text.includes(certificateMark))
  if (certificates.length > 0) return certificates
  throw new CommandFailure(
    'noInput',
    `the directory of ${option} holds no certificate in PEM (*.pem, *.crt, *.cer, *.0)`,
  )
}
