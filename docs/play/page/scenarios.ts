/** Stories to play: each is a list of moves, and what the reader should see at its end. */
import type { Move } from './move.js'

export interface Scenario {
  readonly name: string
  /** What happens, and why it is worth to look at. */
  readonly about: string
  readonly moves: readonly Move[]
  /** At the end: how often each message was handled, or got by other clients. */
  readonly end: Readonly<Record<string, number>>
}

const online: readonly Move[] = ['connect', 'to-server', 'to-client']
const subscribed: readonly Move[] = [...online, 'subscribe', 'to-server', 'to-client']

export const scenarios: readonly Scenario[] = [
  {
    name: 'QoS 0: sent once',
    about: 'The publish resolves when the message is written. Nobody answers.',
    moves: [...online, 'publish-0', 'to-server'],
    end: { m1: 1 },
  },
  {
    name: 'QoS 0: lost in a cut',
    about: 'The publish has resolved, and the message is lost with the connection: that is QoS 0.',
    moves: [...online, 'publish-0', 'cut', ...online],
    end: {},
  },
  {
    name: 'QoS 1: PUBLISH and PUBACK',
    about: 'The publish resolves with PUBACK.',
    moves: [...online, 'publish-1', 'to-server', 'to-client'],
    end: { m1: 1 },
  },
  {
    name: 'QoS 1: PUBACK is lost',
    about:
      'The client cannot know whether the server has the message, so it sends it again. Other clients get it twice: that is QoS 1.',
    moves: [...online, 'publish-1', 'to-server', 'cut', ...online, 'to-server', 'to-client'],
    end: { m1: 2 },
  },
  {
    name: 'QoS 2: four packets',
    about: 'PUBLISH, PUBREC, PUBREL, PUBCOMP. Look at both tables: each side keeps the identifier for its own half.',
    moves: [...online, 'publish-2', 'to-server', 'to-client', 'to-server', 'to-client'],
    end: { m1: 1 },
  },
  {
    name: 'QoS 2: PUBREC is lost',
    about:
      'The PUBLISH is sent again with DUP 1. The server knows the identifier, answers, and does not publish the message again.',
    moves: [
      ...online,
      ...(['publish-2', 'to-server', 'cut'] as const),
      ...online,
      ...(['to-server', 'to-client', 'to-server', 'to-client'] as const),
    ],
    end: { m1: 1 },
  },
  {
    name: 'QoS 2: cut after PUBREC',
    about:
      'The client knows that the server has the message. On the next connection it sends PUBREL, and never the PUBLISH.',
    moves: [
      ...online,
      ...(['publish-2', 'to-server', 'to-client', 'cut'] as const),
      ...online,
      ...(['to-server', 'to-client'] as const),
    ],
    end: { m1: 1 },
  },
  {
    name: 'QoS 2: the client crashes after PUBREC',
    about: 'The memory is gone. The disk says that PUBREC has come, so the new process goes on with PUBREL.',
    moves: [
      ...online,
      ...(['publish-2', 'to-server', 'to-client', 'crash'] as const),
      ...online,
      ...(['to-server', 'to-client'] as const),
    ],
    end: { m1: 1 },
  },
  {
    name: 'The server has lost the Session',
    about:
      'Session Present 0: the server no longer knows identifier 1. The client publishes the message again, since to deliver twice is better than to lose it.',
    moves: [
      ...online,
      ...(['publish-2', 'to-server', 'to-client', 'forget'] as const),
      ...online,
      ...(['to-server', 'to-client', 'to-server', 'to-client'] as const),
    ],
    end: { m1: 2 },
  },
  {
    name: 'A message comes at QoS 2, and PUBREC is lost',
    about:
      'The server sends the message again. The client knows its identifier: PUBREC again, and no second call of the handler.',
    moves: [
      ...subscribed,
      ...(['news-2', 'to-client', 'handler-ends', 'cut'] as const),
      ...online,
      ...(['to-client', 'to-server', 'to-client', 'to-server'] as const),
    ],
    end: { n1: 1 },
  },
  {
    name: 'A message comes at QoS 2, and the client crashes',
    about:
      'The handler had ended, and its identifier was on the disk before PUBREC was sent. So the new process knows the copy. It subscribes again, as programs do at their start.',
    moves: [
      ...subscribed,
      ...(['news-2', 'to-client', 'handler-ends', 'crash'] as const),
      ...online,
      ...(['to-client', 'to-server', 'to-server', 'to-client', 'to-client', 'to-server'] as const),
    ],
    end: { n1: 1 },
  },
  {
    name: 'A message comes at QoS 1, and PUBACK is lost',
    about:
      'The server sends the message again, and the handler is called twice: at QoS 1 the client cannot tell a copy.',
    moves: [
      ...subscribed,
      ...(['news-1', 'to-client', 'handler-ends', 'cut'] as const),
      ...online,
      ...(['to-client', 'handler-ends', 'to-server'] as const),
    ],
    end: { n1: 2 },
  },
  {
    name: 'Published while offline',
    about:
      'The messages wait in the queue, in their order, and are on the disk. They get identifiers when they are sent.',
    moves: [
      'publish-1',
      'publish-2',
      ...online,
      'to-server',
      'to-server',
      'to-client',
      'to-client',
      'to-server',
      'to-client',
    ],
    end: { m1: 1, m2: 1 },
  },
]
