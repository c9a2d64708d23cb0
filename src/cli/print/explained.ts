/** Prints explained packets: each with all its bytes, or a line for each. */
import type { Annotation } from '../../explain/annotation.js'
import type { ConversationEvent } from '../../explain/capture/conversation.js'
import { explainPackets } from '../../explain/explain.js'
import { render, renderPackets } from '../../explain/listing/render.js'
import { print, wantsColor } from '../terminal/output.js'

/** About so much is printed at once. */
const printedCharacters = 65_536

export class ExplainedOutput {
  /** Whether a packet had a fault, or bytes were missing. */
  outcome: 'done' | 'faulty' = 'done'
  readonly #detail: 'bytes' | 'all bytes' | 'lines'
  readonly #color = wantsColor(process.stdout)
  #text = ''

  constructor(detail: 'bytes' | 'all bytes' | 'lines') {
    this.#detail = detail
  }

  async packets(bytes: Uint8Array): Promise<void> {
    const packets = this.#watched(explainPackets(bytes))
    if (this.#detail === 'lines') for (const packet of packets) await this.line(titleOf(packet))
    else {
      const options = { color: this.#color, bytes: this.#detail === 'bytes' ? 'cut' : 'all' } as const
      for (const part of renderPackets(packets, bytes.length - 1, options)) await this.line(part)
    }
    await this.flush()
  }

  /** Times are shown from `startUs` on. */
  async conversation(events: Iterable<ConversationEvent>, startUs: number | undefined): Promise<void> {
    for (const event of events) {
      const arrow = event.side === 'client' ? '──▶' : '◀──'
      const { atUs } = event
      const time = atUs === undefined || startUs === undefined ? '' : `${((atUs - startUs) / 1000).toFixed(1)} ms`
      if (event.is === 'note') this.outcome = 'faulty'
      const what = event.is === 'note' ? `✗ ${event.text}` : titleOf(event.packet)
      if (event.is === 'packet') this.#see(event.packet)
      if (this.#detail === 'lines') await this.line(`${time.padStart(12)}  ${arrow}  ${what}`)
      else {
        const heading = `client ${arrow} server`
        const options = { color: this.#color, bytes: this.#detail === 'bytes' ? 'cut' : 'all' } as const
        const listing = event.is === 'note' ? what : render(event.packet, options)
        await this.line(`${heading}${time.padStart(80 - heading.length)}`.trimEnd())
        await this.line(`${listing}\n`)
      }
    }
    await this.flush()
  }

  async line(text: string): Promise<void> {
    this.#text += `${text}\n`
    if (this.#text.length >= printedCharacters) await this.flush()
  }

  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    await print(text)
  }

  *#watched(packets: Iterable<readonly Annotation[]>): Generator<readonly Annotation[]> {
    for (const packet of packets) {
      this.#see(packet)
      yield packet
    }
  }

  #see(packet: readonly Annotation[]): void {
    if (packet.some(({ fault }) => fault !== undefined)) this.outcome = 'faulty'
  }
}

function titleOf(packet: readonly Annotation[]): string {
  const fault = packet.find((annotation) => annotation.fault !== undefined)?.fault
  return `${packet[0]?.title ?? 'BYTES'}${fault === undefined ? '' : `  ✗ ${fault}`}`
}
