/** One step of a world: a move, what the engine makes of it, and what the observer says to that. */
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { observe } from '../checks/observer.js'
import { parkedNow } from '../checks/order.js'
import { viewOf } from '../checks/state-checks.js'
import type { Configuration } from '../configuration/configuration.js'
import type { Move } from '../moves/move.js'
import { Broken } from '../world/broken.js'
import { safe } from '../world/happenings.js'
import { parking } from '../world/reference-server.js'
import { type Input, type Output, Subject } from '../world/subject.js'
import { newWorld, type World } from '../world/world.js'

export interface Step {
  readonly world: World
  readonly outputs: readonly Output[]
  readonly subject: Subject | undefined
}

export function start(configuration: Configuration): World {
  const subject = new Subject(configuration, undefined, 0)
  return newWorld(configuration, viewOf(subject, 0))
}

/** One move: the observer notes it, the engine is told, and what it asks for is observed and checked. */
export function take(
  move: Move,
  engine: () => Subject,
  configuration: Configuration,
): Step & { readonly input?: Input } {
  const { world, input } = move.act()
  if (input === undefined) return { world, outputs: [], subject: undefined }
  const subject = input.is === 'start' ? new Subject(configuration, input.stored, input.now) : engine()
  if (input.is !== 'start') subject.apply(input)
  const outputs = subject.take()
  let next = parkedNow(world, subject.parked)
  for (const output of outputs) next = observe(next, output, configuration)
  if (input.is === 'receive' && input.received.packet.type === 'connack') {
    checkOrderAfterConnack(outputs)
    // A lost session is noted safely before anything else that comes on this connection is looked at.
    next = safe(next, next.journal.log.findLastIndex(({ kind }) => kind === 'forgotten') + 1, configuration)
  }
  const pinged = outputs.some((output) => output.is === 'send' && output.sent.packet.type === 'pingreq')
  const sent = outputs.some((output) => output.is === 'send') ? next.now : next.clock.sent
  const clock = { ...next.clock, sent, pinged: next.clock.pinged ?? (pinged ? next.now : undefined) }
  next = { ...next, clock, engine: viewOf(subject, next.now), server: parking(next.server, next.parked.messages) }
  if (next.engine.deadline <= next.now) throw new Broken('the next deadline is not later than now')
  return { world: next, outputs, subject, input }
}

/** SUBSCRIBE and UNSUBSCRIBE first, then PUBRELs, then what is published again, then what is new. */
function checkOrderAfterConnack(outputs: readonly Output[]): void {
  let last = 0
  for (const output of outputs) {
    if (output.is !== 'send') continue
    const rank = rankAfterConnack(output.sent.packet)
    if (rank < last) throw new Broken(`${output.sent.name} comes too late after CONNACK`)
    last = rank
  }
}

function rankAfterConnack(packet: ControlPacket): number {
  switch (packet.type) {
    case 'subscribe':
    case 'unsubscribe':
      return 0
    case 'pubrel':
      return 1
    case 'publish':
      return packet.qos !== 0 && packet.dup ? 2 : 3
    default:
      return 3
  }
}
