/** Signing a CONNECT for the platform, against the HMAC alone: what is left is putting the text together and checking it. */
import { createHmac } from 'node:crypto'
import { cpuTime } from '../measure/cpu-time.js'
import type { Effort, Row, Table } from '../part.js'

const built = new URL('../../dist/aliyun.js', import.meta.url).href
const { signConnect }: typeof import('mqtt311/aliyun') = await import(built)

const SIGNATURES = 100
const device = { productKey: 'a1Bench', deviceName: 'robot-42', deviceSecret: 'known to this bench only' }
const text = 'clientIda1Bench.robot-42deviceNamerobot-42productKeya1Benchtimestamp1700000000000'

function signing(signMethod: 'hmacmd5' | 'hmacsha1' | 'hmacsha256', algorithm: string) {
  const total = (sign: () => string) => () => {
    let characters = 0
    for (let count = 0; count < SIGNATURES; count += 1) characters += sign().length
    return characters
  }
  const ours = () => signConnect({ ...device, signMethod, timestamp: 1_700_000_000_000 }).password
  const theirs = () => createHmac(algorithm, device.deviceSecret).update(text).digest('hex').toUpperCase()
  if (ours() !== theirs()) throw new Error(`${signMethod}: the signatures differ`)
  return { name: signMethod, packets: SIGNATURES, ours: total(ours), theirs: total(theirs) }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const rows: Row[] = []
  for (const [method, algorithm] of [
    ['hmacmd5', 'md5'],
    ['hmacsha1', 'sha1'],
    ['hmacsha256', 'sha256'],
  ] as const) {
    const { work, unit, ours, theirs = 0 } = await cpuTime(signing(method, algorithm), effort)
    rows.push({ work, unit, ours, anchor: theirs })
  }
  yield {
    id: 'signer',
    title: 'Signing a CONNECT',
    how: 'Nanoseconds of CPU time a signature; medians of 5 alternating rounds of at least 100 ms.',
    anchor: 'node:crypto alone',
    rows,
  }
}
