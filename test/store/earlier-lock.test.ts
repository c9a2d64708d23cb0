import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { fileStore } from '../../src/store/file/file-store.js'
import { locksIn, temporaryDirectory } from './temporary-directory.js'

let directory = ''
beforeEach(async () => {
  directory = await temporaryDirectory()
})

const locks = (place = directory) => locksIn(place)

describe.runIf(existsSync('/proc/self/stat'))('the lock file of version 0.1.0', () => {
  const nameOf = async (pid: number) => {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).replaceAll(/[^0-9a-f]/g, '')
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    return { boot, start: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' }
  }

  it('counts while its process lives', async () => {
    const { boot, start } = await nameOf(process.ppid)
    await writeFile(join(directory, `lock-${boot}-${process.ppid}-${start}`), '')
    await expect(fileStore(directory).open('s')).rejects.toThrow(
      `in use by process ${process.ppid}, which runs version 0.1.0`,
    )
    expect(await locks()).toHaveLength(1)
  })

  it('does not count if its process has ended, and only waits for its parent to notice', async () => {
    // The shell becomes a program that asks for no children, and its child ends only then.
    const script = '(until grep -q sleep /proc/$$/comm; do :; done) & echo $!; exec sleep 600'
    const parent = spawn('sh', ['-c', script])
    onTestFinished(() => {
      parent.kill('SIGKILL')
    })
    const pid = Number((await once(parent.stdout, 'data'))[0])
    const isZombie = async () => /\) Z /.test(await readFile(`/proc/${pid}/stat`, 'latin1'))
    while (!(await isZombie())) await setImmediate()
    const { boot, start } = await nameOf(pid)
    await writeFile(join(directory, `lock-${boot}-${pid}-${start}`), '')
    const store = fileStore(directory)
    await store.open('s')
    await store.close()
    expect(await locks()).toEqual([])
  })

  it('is removed if its process was of another boot, or started at another time', async () => {
    const { boot, start } = await nameOf(process.ppid)
    await writeFile(join(directory, `lock-${boot}-${process.ppid}-1`), '')
    await writeFile(join(directory, `lock-abc-${process.ppid}-${start}`), '')
    const store = fileStore(directory)
    await store.open('s')
    expect(await locks()).toHaveLength(1)
    await store.close()
    expect(await locks()).toEqual([])
  })
})
