/** The moves that a reader, or a story, can make. Their names stand in the address of the page. */

const moves = [
  'connect',
  'subscribe',
  'publish-0',
  'publish-1',
  'publish-2',
  'news-0',
  'news-1',
  'news-2',
  'to-server',
  'to-client',
  'handler-ends',
  'cut',
  'crash',
  'forget',
] as const

/** One step of the program, the network or the server. */
export type Move = (typeof moves)[number]

export function isMove(text: string): text is Move {
  return moves.some((move) => move === text)
}
