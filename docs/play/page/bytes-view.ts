/** The view of bytes: what a reader pastes or drops, with every byte named and the fault marked. */
import { type Annotation, explain } from '../../../src/explain/index.js'
import { type Input, readInput, readText } from '../../../src/explain/input/read-input.js'
import { button, byId, element } from './elements.js'

const samples: Readonly<Record<string, string>> = {
  CONNECT: '10 1a 00 04 4d 51 54 54 04 2e 00 3c 00 02 63 31 00 04 67 6f 6e 65 00 02 61 62 00 00',
  'PUBLISH at QoS 2': '34 0e 00 06 6c 61 6d 70 2f 31 00 07 6f 6e 21 21',
  'a whole exchange': '34 0c 00 06 6c 61 6d 70 2f 31 00 07 6f 6e 50 02 00 07 62 02 00 07 70 02 00 07',
  'a fault: QoS 3': '36 0a 00 04 6c 61 6d 70 00 07 6f 6e',
}

/** A browser slows down with more rows than this. */
const rowsMax = 3_000

export class BytesView {
  readonly #input = byId('bytes-input', HTMLTextAreaElement)
  readonly #output = byId('bytes-output', HTMLElement)
  readonly #onChange: (text: string) => void

  /** `onChange` is called with the text whenever it has changed. */
  constructor(onChange: (text: string) => void) {
    this.#onChange = onChange
    this.#input.addEventListener('input', () => this.#changed())
    const bar = byId('bytes-samples', HTMLElement)
    for (const [name, text] of Object.entries(samples)) bar.append(button(name, () => this.show(text)))
    const area = byId('bytes', HTMLElement)
    area.addEventListener('dragover', (event) => event.preventDefault())
    area.addEventListener('drop', (event) => {
      event.preventDefault()
      const [file] = event.dataTransfer?.files ?? []
      if (file !== undefined) this.#read(file)
    })
  }

  /** Shows the bytes of this text. */
  show(text: string): void {
    this.#input.value = text
    this.#changed()
  }

  async #read(file: File): Promise<void> {
    const bytes = new Uint8Array(await file.arrayBuffer())
    const text = textOf(bytes)
    if (text !== undefined) return this.show(text)
    this.#input.value = ''
    this.#show(readInput(bytes))
  }

  #changed(): void {
    const text = this.#input.value
    this.#onChange(text)
    if (text.trim() === '') this.#output.replaceChildren()
    else this.#show(readText(text))
  }

  #show(input: Input): void {
    this.#output.replaceChildren()
    switch (input.is) {
      case 'foreign':
        return this.#output.append(element('p', { class: 'fault', role: 'alert' }, `no packets: ${input.why}`))
      case 'packets':
        return this.#append(input.bytes)
      case 'sides':
        for (const { side, bytes } of input.parts) {
          this.#output.append(element('h2', {}, `from the ${side} side`))
          this.#append(bytes)
        }
    }
  }

  #append(bytes: Uint8Array): void {
    const annotations = explain(bytes)
    this.#output.append(
      element('p', {}, `${bytes.length} bytes`),
      ...packetsOf(annotations.slice(0, rowsMax)).map((packet) => packetElement(packet, bytes)),
    )
    if (annotations.length > rowsMax) {
      const rest = annotations.length - rowsMax
      this.#output.append(element('p', { class: 'nothing' }, `${rest} more fields are not shown`))
    }
  }
}

/** Undefined for bytes that are no text. */
function textOf(bytes: Uint8Array): string | undefined {
  const isText = bytes.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127))
  return isText ? new TextDecoder().decode(bytes) : undefined
}

/** The annotations, packet by packet: each begins with a title. */
function packetsOf(annotations: readonly Annotation[]): Annotation[][] {
  const packets: Annotation[][] = []
  for (const annotation of annotations) {
    if (annotation.title !== undefined || packets.length === 0) packets.push([])
    packets.at(-1)?.push(annotation)
  }
  return packets
}

function packetElement(packet: readonly Annotation[], bytes: Uint8Array): HTMLElement {
  const isFaulty = packet.some(({ fault }) => fault !== undefined)
  const rows = packet.flatMap((annotation) => rowsOf(annotation, bytes))
  const heads = ['at', 'bytes', 'field', 'value', 'meaning', 'section']
  const head = element('tr', {}, ...heads.map((text) => element('th', { scope: 'col' }, text)))
  return element(
    'section',
    { class: isFaulty ? 'packet faulty' : 'packet' },
    element('h3', {}, packet[0]?.title ?? 'bytes'),
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'fields' },
      element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)),
    ),
  )
}

function rowsOf(annotation: Annotation, bytes: Uint8Array): HTMLElement[] {
  const { offset, length, field, value, meaning, section, fault, parts = [] } = annotation
  const cell = (text: string, kind = '') => element('td', kind === '' ? {} : { class: kind }, text)
  const shown = annotation.bytes === undefined ? 'not shown' : hexOf(bytes.subarray(offset, offset + length))
  const row = element(
    'tr',
    fault === undefined ? {} : { class: 'fault' },
    cell(String(offset), 'number'),
    cell(shown, 'hex'),
    cell(field),
    cell(value),
    cell(fault ?? meaning),
    cell(section),
  )
  const partRows = parts.map((part) =>
    element(
      'tr',
      { class: 'part' },
      cell(''),
      cell(part.bits, 'hex'),
      cell(part.field),
      cell(part.value),
      cell(part.meaning),
      cell(part.section),
    ),
  )
  return [row, ...partRows]
}

function hexOf(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 16))
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1 ')
  return bytes.length > 16 ? `${shown} …` : shown
}
