/** The view of exchanges: the client, the network and the server, moved step by step by the reader or by a story. */
import type { ControlPacket } from '../../../src/codec/index.js'
import { button, byId, element, table } from './elements.js'
import type { Move } from './move.js'
import { type Scenario, scenarios } from './scenarios.js'
import { nameOf, recordText } from './words.js'
import { World } from './world.js'

const labels: Readonly<Record<Move, string>> = {
  connect: 'Connect',
  subscribe: 'Subscribe to news',
  'publish-0': 'Publish, QoS 0',
  'publish-1': 'Publish, QoS 1',
  'publish-2': 'Publish, QoS 2',
  'news-0': 'News, QoS 0',
  'news-1': 'News, QoS 1',
  'news-2': 'News, QoS 2',
  'to-server': 'Deliver to the server →',
  'to-client': '← Deliver to the client',
  'handler-ends': 'The handler ends',
  cut: 'Cut the connection',
  crash: 'Kill the client',
  forget: 'Lose the Session',
}

const places: Readonly<Record<'client' | 'network' | 'server', readonly Move[]>> = {
  client: ['connect', 'subscribe', 'publish-0', 'publish-1', 'publish-2', 'handler-ends', 'crash'],
  network: ['to-server', 'to-client', 'cut'],
  server: ['news-0', 'news-1', 'news-2', 'forget'],
}

export class ExchangeView {
  readonly #onChange: (moves: readonly Move[]) => void
  readonly #buttons = new Map<Move, HTMLButtonElement>()
  readonly #story = byId('story', HTMLSelectElement)
  readonly #next = byId('next', HTMLButtonElement)
  readonly #back = byId('back', HTMLButtonElement)
  #scenario: Scenario | undefined
  #moves: readonly Move[] = []
  #world = new World()

  /** `onChange` is called with all moves since the start whenever one was made or taken back. */
  constructor(onChange: (moves: readonly Move[]) => void) {
    this.#onChange = onChange
    for (const [place, list] of Object.entries(places)) {
      const bar = byId(`${place}-moves`, HTMLElement)
      for (const move of list) {
        const made = button(labels[move], () => this.#do(move), { 'data-move': move })
        this.#buttons.set(move, made)
        bar.append(made)
      }
    }
    for (const { name } of scenarios) this.#story.append(element('option', {}, name))
    this.#story.addEventListener('change', () => this.#begin())
    this.#next.addEventListener('click', () => this.#playNext())
    this.#back.addEventListener('click', () => this.#goTo(this.#moves.slice(0, -1)))
    byId('again', HTMLButtonElement).addEventListener('click', () => this.#goTo([]))
    this.#show()
  }

  /** Shows the world after these moves. */
  goTo(moves: readonly Move[]): void {
    this.#scenario = scenarios.find(
      (each) => moves.every((move, index) => each.moves[index] === move) && moves.length > 0,
    )
    this.#story.value = this.#scenario?.name ?? ''
    this.#goTo(moves)
  }

  #begin(): void {
    this.#scenario = scenarios.find(({ name }) => name === this.#story.value)
    this.#goTo([])
  }

  #goTo(moves: readonly Move[]): void {
    this.#moves = moves
    this.#world = World.after(moves)
    this.#changed()
  }

  #playNext(): void {
    const move = this.#nextMove
    if (move !== undefined) this.#do(move)
  }

  /** The next move of the story, as long as the reader follows the story. */
  get #nextMove(): Move | undefined {
    const moves = this.#scenario?.moves ?? []
    return this.#moves.every((move, index) => moves[index] === move) ? moves[this.#moves.length] : undefined
  }

  #do(move: Move): void {
    if (!this.#world.allows(move)) return
    this.#world.do(move)
    this.#moves = [...this.#moves, move]
    this.#changed()
  }

  #changed(): void {
    this.#onChange(this.#moves)
    this.#show()
  }

  #show(): void {
    const world = this.#world
    for (const [move, made] of this.#buttons) made.disabled = !world.allows(move)
    const next = this.#nextMove
    this.#next.disabled = next === undefined
    this.#next.textContent = next === undefined ? 'Next step' : `Next: ${labels[next]}`
    this.#back.disabled = this.#moves.length === 0
    const played = `${this.#moves.length} of ${this.#scenario?.moves.length ?? 0} steps`
    byId('about', HTMLElement).textContent =
      this.#scenario === undefined
        ? 'Choose a story, or make steps of your own.'
        : `${this.#scenario.about} (${played})`
    this.#showClient(world)
    this.#showNetwork(world)
    this.#showServer(world)
    this.#showSteps(world)
  }

  #showClient(world: World): void {
    const { engine } = world
    const outgoing = (engine?.outgoing.exchanges ?? []).map(({ packetId, sequence, awaits }) => [
      String(packetId),
      world.textOf(sequence),
      `waits for ${awaits.toUpperCase()}`,
    ])
    const queued = (engine?.outgoing.queue ?? []).map(({ sequence, qos }) => [
      '',
      world.textOf(sequence),
      `queued, QoS ${qos}`,
    ])
    const incoming = (engine?.incoming.identifiers ?? []).map(({ packetId, state }) => [
      String(packetId),
      'from the server',
      state === 'received' ? 'handled, waits for PUBREL' : state,
    ])
    byId('client-state', HTMLElement).replaceChildren(
      element('p', {}, stateOf(world)),
      table(['identifier', 'message', 'state'], [...outgoing, ...queued, ...incoming], 'no exchange is open'),
      element('h4', {}, 'On its disk'),
      list(world.disk.map(recordText), 'nothing'),
      element('h4', {}, 'Handled'),
      list(countsOf(world.handled), 'nothing'),
    )
  }

  #showNetwork(world: World): void {
    byId('network-state', HTMLElement).replaceChildren(
      element('h4', {}, 'To the server →'),
      packets(world.toServer),
      element('h4', {}, '← To the client'),
      packets(world.toClient),
    )
  }

  #showServer({ server, published }: World): void {
    const sending = [...server.sending].map(([packetId, { text, qos, awaits }]) => [
      String(packetId),
      `${text}, QoS ${qos}`,
      `waits for ${awaits}`,
    ])
    const held = [...server.held].map(([packetId, text]) => [String(packetId), text, 'published, waits for PUBREL'])
    byId('server-state', HTMLElement).replaceChildren(
      table(['identifier', 'message', 'state'], [...sending, ...held], 'no exchange is open'),
      element('h4', {}, 'Other clients have got'),
      list(countsOf(published), 'nothing'),
    )
  }

  #showSteps({ steps }: World): void {
    const items = steps
      .toReversed()
      .map(({ by, what, why, statement }) =>
        element(
          'li',
          { class: by },
          element('span', { class: 'by' }, by),
          element('span', {}, what),
          ...(why === '' ? [] : [element('span', { class: 'why' }, statement === '' ? why : `${why} [${statement}]`)]),
        ),
      )
    byId('steps', HTMLElement).replaceChildren(...items)
  }
}

function stateOf({ engine, isConnected, running }: World): string {
  if (engine === undefined) return 'The process is dead.'
  const handler = running.length === 0 ? '' : ` The handler of ${running.map((text) => `'${text}'`).join(', ')} runs.`
  return `${isConnected ? `Connection: ${engine.connection?.phase ?? 'closed'}.` : 'No connection.'}${handler}`
}

function countsOf(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].map(
    ([text, count]) => `${text}: ${count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`}`,
  )
}

function packets(waiting: readonly ControlPacket<Buffer>[]): HTMLElement {
  return list(waiting.map(nameOf), 'nothing is on its way')
}

function list(texts: readonly string[], nothing: string): HTMLElement {
  if (texts.length === 0) return element('p', { class: 'nothing' }, nothing)
  return element('ol', {}, ...texts.map((text) => element('li', {}, text)))
}
