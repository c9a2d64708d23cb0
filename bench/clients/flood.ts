/** mosquitto_pub, which publishes many messages in a process of its own, so that only receiving is measured. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { environment } from '../../test/mosquitto/broker.js'
import { payload } from '../measure/sample-message.js'
import type { QoS } from '../measure/subjects.js'

export async function flood(port: number, topic: string, qos: QoS, messages: number): Promise<void> {
  const args = ['-h', '::1', '-p', String(port), '-V', 'mqttv311', '-t', topic, '-q', String(qos), '-l']
  const program = spawn('mosquitto_pub', args, { stdio: ['pipe', 'ignore', 'inherit'], env: environment })
  const ended = once(program, 'exit')
  program.stdin.end(`${payload}\n`.repeat(messages))
  const [code] = await ended
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}`)
}
