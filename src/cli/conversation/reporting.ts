/** What is told on stderr while a command is connected: the packets if somebody asks for them, and the outages. */
import type { MqttClient } from '../../client/mqtt-client.js'
import type { CommandLine } from '../command-line.js'
import { judge } from '../outcome/failure-message.js'
import { note, wantsColor } from '../terminal/output.js'

/** Tells the packets from here on, if `-d` or `--trace` asks for them. */
export async function startReporting(line: CommandLine<'debug' | 'trace'>): Promise<void> {
  if (!line.has('trace') && !line.has('debug')) return
  const { traceExchange } = await import('../trace.js')
  const detail = line.has('trace') ? 'bytes' : 'lines'
  traceExchange(detail, wantsColor(process.stderr), (text) => process.stderr.write(text))
}

/** Tells when the connection is lost, and when it is there again. */
export function tellOfOutages(client: MqttClient): void {
  let outages = 0
  client.on('offline', ({ error, retryInMs }) => {
    outages += 1
    note(`mqtt311: ${judge(error).line ?? error.message}; next attempt in ${(retryInMs / 1000).toFixed(1)} s`)
  })
  client.on('online', () => {
    if (outages > 0) note('mqtt311: connected again')
  })
}
