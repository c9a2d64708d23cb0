/**
 * The configurations that are explored. Each is complete within its bounds; what one leaves out, another has. `small` is part of
 * the tests; `medium` follows in `npm run explore`, and `large` with `--more`. Those in which messages are parked are in
 * `suspect-configurations.ts`.
 */
import { type Configuration, configuration } from './configuration.js'

/** One handler runs and one message waits. */
const roomForTwo = { receiveWindow: 1, receiveBufferBytes: 1, receiveBufferMaxBytes: 2 }

export const small: readonly Configuration[] = [
  configuration('QoS 1 both ways: cut, lost session, crash', {
    outgoing: [1],
    incoming: [1],
    mishaps: { cuts: 1, crashes: 1, losses: 1 },
  }),
  configuration('QoS 2 out: cuts, lost session, crash', {
    outgoing: [2],
    mishaps: { cuts: 2, crashes: 1, losses: 1 },
  }),
  configuration('QoS 2 in: cut, lost session, crash', {
    incoming: [2, 2],
    mishaps: { cuts: 1, crashes: 1, losses: 1 },
  }),
  configuration('QoS 2 in, from a server that never says Session Present: cut', {
    incoming: [2, 2],
    saysPresent: 'never',
    mishaps: { cuts: 1 },
  }),
  configuration('the same, and its profile says so: cut, crash', {
    incoming: [2, 2],
    saysPresent: 'never',
    sessionPresent: 'always-0',
    mishaps: { cuts: 1, crashes: 1 },
  }),
  configuration('all QoS out in one queue: cut, full socket', {
    outgoing: [2, 0, 1],
    mishaps: { cuts: 1, stalls: 1 },
  }),
  configuration('the server closes at a message: crash', {
    cutsAre: 'cut',
    outgoing: [1, 1],
    poison: 0,
    abandonAfter: 2,
    mishaps: { crashes: 1 },
  }),
  configuration('SUBSCRIBE, UNSUBSCRIBE: cuts, lost sessions', {
    subscribes: true,
    unsubscribes: true,
    mishaps: { cuts: 2, losses: 2 },
  }),
]

/** A server that takes liberties, and is conforming otherwise: nothing is lost or doubled that need not be. */
export const liberties: readonly Configuration[] = [
  configuration('PUBACK for QoS 2: two cuts, lost session, crash', {
    liberty: 'answers PUBLISH at QoS 2 with PUBACK',
    outgoing: [2, 1],
    mishaps: { cuts: 2, crashes: 1, losses: 1 },
  }),
  configuration('a Topic Name that is no text: two cuts, lost session, crash', {
    liberty: 'sends a Topic Name that is no text',
    incoming: [2, 1],
    mishaps: { cuts: 2, crashes: 1, losses: 1 },
  }),
  configuration('the same at QoS 1, behind a handler that runs', {
    liberty: 'sends a Topic Name that is no text',
    incoming: [1, 2, 1],
    receiveWindow: 1,
    mishaps: { cuts: 1 },
  }),
  configuration('SUBSCRIBE refused with 0x87: two cuts, lost sessions', {
    liberty: 'refuses SUBSCRIBE with 0x87',
    subscribes: true,
    unsubscribes: true,
    outgoing: [1],
    mishaps: { cuts: 2, losses: 2, liberties: 2 },
  }),
  configuration('a SUBACK that nobody asked for: cut, crash', {
    liberty: 'sends a SUBACK that nobody asked for',
    subscribes: true,
    outgoing: [2],
    mishaps: { cuts: 1, crashes: 1, liberties: 2 },
  }),
  configuration('an identifier that is held for another message', {
    liberty: 'uses a held identifier for a new message',
    incoming: [2, 2, 1],
    mishaps: { liberties: 2 },
  }),
  configuration('the same, one handler at a time', {
    liberty: 'uses a held identifier for a new message',
    incoming: [2, 2, 2],
    receiveWindow: 1,
    mishaps: { liberties: 2 },
  }),
  configuration('the same, with two cuts', {
    liberty: 'uses a held identifier for a new message',
    incoming: [2, 2, 1],
    mishaps: { liberties: 2, cuts: 2 },
  }),
  configuration('Session Present after Clean Session: two cuts', {
    liberty: 'says Session Present after Clean Session',
    outgoing: [1, 2],
    incoming: [2],
    cleanSession: true,
    journal: 'none',
    mishaps: { cuts: 2 },
  }),
]

/** Nothing may ask for a PINGREQ but a nudge: the observer takes each for one. Acknowledgements are as late as the waits make them. */
const nudging = { nudge: true, liberty: 'answers PINGREQ as it likes' } as const

export const nudged: readonly Configuration[] = [
  configuration('nudges: two at QoS 1 out', {
    ...nudging,
    outgoing: [1, 1],
    mishaps: { waits: 3, liberties: 2 },
  }),
  configuration('nudges: five at QoS 1 out, until it is known that they help', {
    ...nudging,
    outgoing: [1, 1, 1, 1, 1],
    mishaps: { waits: 5, liberties: 1 },
  }),
  configuration('nudges: the same, then QoS 2, and two lies', {
    ...nudging,
    outgoing: [1, 1, 1, 1, 2],
    mishaps: { waits: 6, liberties: 2 },
  }),
  configuration('nudges: QoS 2 out, SUBSCRIBE, a cut', {
    ...nudging,
    outgoing: [2, 1],
    subscribes: true,
    mishaps: { waits: 3, liberties: 1, cuts: 1 },
  }),
]

export const medium: readonly Configuration[] = [
  configuration('two at QoS 0 each way: three cuts, lost session', {
    outgoing: [0, 0],
    incoming: [0, 0],
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 1 out, SUBSCRIBE: three cuts, crash', {
    outgoing: [1, 1],
    subscribes: true,
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 1 in: three cuts, crash', {
    incoming: [1, 1],
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 2 out, SUBSCRIBE: three cuts', {
    outgoing: [2, 2],
    subscribes: true,
    mishaps: { cuts: 3, losses: 1 },
  }),
  configuration('two at QoS 2 out, owned at PUBLISH: cuts, crash', {
    outgoing: [2, 2],
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 2 out, owned at PUBREL: cuts, crash', {
    outgoing: [2, 2],
    serverTakes: 'at-pubrel',
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 2 in: three cuts, crash', {
    incoming: [2, 2],
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
  configuration('two at QoS 2 in, Session Present never: cuts, crash', {
    incoming: [2, 2],
    saysPresent: 'never',
    sessionPresent: 'always-0',
    mishaps: { cuts: 2, crashes: 1 },
  }),
  configuration('two at QoS 2 out, Session Present never: cuts, crash', {
    outgoing: [2, 2],
    saysPresent: 'never',
    sessionPresent: 'always-0',
    mishaps: { cuts: 3, crashes: 1 },
  }),
  configuration('QoS 1 both ways: two cuts, crash', {
    outgoing: [1, 1],
    incoming: [1],
    mishaps: { cuts: 2, crashes: 1, losses: 1 },
  }),
  configuration('all QoS out, at the wrap, window of 2', {
    outgoing: [2, 1, 2, 0],
    firstPacketId: 65_534,
    maxInFlight: 2,
    subscribes: true,
    mishaps: { cuts: 2, losses: 1 },
  }),
  configuration('SUBSCRIBE, UNSUBSCRIBE, out at QoS 1: refused too', {
    outgoing: [1],
    subscribes: true,
    unsubscribes: true,
    mishaps: { cuts: 3, losses: 2, refusals: 1 },
  }),
  configuration('a smaller window after the crash', {
    outgoing: [2, 1, 2],
    maxInFlight: 3,
    maxInFlightLater: 1,
    mishaps: { cuts: 1, crashes: 1, losses: 1 },
  }),
  configuration('Clean Session: two cuts', {
    outgoing: [1, 2],
    incoming: [1, 2],
    cleanSession: true,
    journal: 'none',
    mishaps: { cuts: 2 },
  }),
  configuration('handlers that fail', { incoming: [1, 2], mishaps: { cuts: 2, failures: 2, losses: 1, crashes: 1 } }),
  configuration('handlers that await our own publishes', {
    outgoing: [1, 2],
    incoming: [1, 2],
    handlersAwait: 'own messages',
    mishaps: { cuts: 2, losses: 1 },
  }),
  configuration('the same behind a full backlog', {
    outgoing: [1],
    incoming: [2, 2],
    handlersAwait: 'own messages',
    receiveWindow: 1,
    receiveBufferBytes: 1,
  }),
  configuration('behind both bounds: what has no room comes again', {
    outgoing: [1],
    incoming: [1, 2, 1],
    handlersAwait: 'own messages',
    receiveWindow: 1,
    receiveBufferBytes: 1,
    receiveBufferMaxBytes: 140,
    mishaps: { cuts: 1 },
  }),
  configuration('behind both bounds, at QoS 2 out and with an upload that stalls', {
    outgoing: [2, 0],
    incoming: [2, 1],
    handlersAwait: 'own messages',
    receiveWindow: 1,
    receiveBufferBytes: 1,
    receiveBufferMaxBytes: 140,
    mishaps: { cuts: 1, stalls: 1 },
  }),
  configuration('behind both bounds: a handler awaits a SUBSCRIBE', {
    subscribes: true,
    incoming: [2, 1, 2],
    handlersAwait: 'subscription',
    ...roomForTwo,
    mishaps: { cuts: 1 },
  }),
  configuration('behind both bounds: a handler awaits a ping', {
    pings: true,
    incoming: [2, 1, 2],
    handlersAwait: 'ping',
    ...roomForTwo,
    mishaps: { cuts: 1 },
  }),
  configuration('behind both bounds: the server has a window of three', {
    outgoing: [1],
    incoming: [1, 2, 1, 1, 2],
    handlersAwait: 'own messages',
    serverWindow: 3,
    ...roomForTwo,
    mishaps: { cuts: 1 },
  }),
  configuration('the same with a backlog of two', {
    outgoing: [2],
    incoming: [2, 1, 1, 2, 1],
    handlersAwait: 'own messages',
    serverWindow: 3,
    receiveWindow: 1,
    receiveBufferBytes: 1,
    receiveBufferMaxBytes: 70,
    mishaps: { cuts: 1 },
  }),
  configuration('behind both bounds: Clean Session and QoS 0, which come once', {
    outgoing: [1],
    incoming: [1, 0, 1, 0],
    cleanSession: true,
    journal: 'none',
    handlersAwait: 'own messages',
    ...roomForTwo,
    mishaps: { cuts: 1 },
  }),
  configuration('a slow QoS 0 subscriber at each Keep Alive', {
    incoming: [0, 0, 0],
    keepAlive: 10,
    receiveWindow: 1,
    receiveBufferBytes: 1,
    mishaps: { cuts: 1, waits: 2 },
  }),
  configuration('a pacer holds messages apart', {
    outgoing: [2, 0, 1],
    paceMs: 1_000,
    maxInFlight: 2,
    mishaps: { cuts: 2, crashes: 1, losses: 1 },
  }),
  configuration('handlers that are done at once', {
    outgoing: [2],
    incoming: [1, 2],
    handlers: 'at-once',
    mishaps: { cuts: 2, losses: 1, crashes: 1 },
  }),
  configuration('one handler at a time, reading pauses', {
    incoming: [2, 1, 0],
    receiveWindow: 1,
    receiveBufferBytes: 1,
    mishaps: { cuts: 2, delays: 1, losses: 1, crashes: 1 },
  }),
  configuration('time passes: pings and time-outs', {
    outgoing: [1, 2],
    subscribes: true,
    keepAlive: 10,
    mishaps: { cuts: 1, waits: 3 },
  }),
  configuration('messages are withdrawn', {
    outgoing: [1, 2],
    maxInFlight: 1,
    mishaps: { cuts: 2, crashes: 1, withdrawals: 1 },
  }),
  configuration('the socket is full at times', { outgoing: [2, 0, 1], mishaps: { cuts: 2, stalls: 2, losses: 1 } }),
  configuration('a CONNACK that told of a loss is never read', {
    outgoing: [2],
    incoming: [2],
    subscribes: true,
    unreadLosses: 'explored',
    mishaps: { cuts: 2, losses: 1, crashes: 1 },
  }),
  configuration('QoS 2 both ways, SUBSCRIBE: three cuts, crash', {
    outgoing: [2],
    incoming: [2],
    subscribes: true,
    mishaps: { cuts: 3, crashes: 1, losses: 1 },
  }),
]

const most = { cuts: 3, crashes: 1, losses: 1 }

export const large: readonly Configuration[] = [
  configuration('two at each QoS out', { outgoing: [0, 1, 2, 0, 1, 2], mishaps: most }),
  configuration('two at QoS 1 each way, SUBSCRIBE', {
    outgoing: [1, 1],
    incoming: [1, 1],
    subscribes: true,
    mishaps: most,
  }),
  configuration('two at QoS 2 each way, SUBSCRIBE', {
    outgoing: [2, 2],
    incoming: [2, 2],
    subscribes: true,
    mishaps: most,
  }),
]
