import type { SubscribeRequest, UnsubscribeRequest } from '../protocol/exchange/request.js'
import type { GrantedFilter } from './surface/client-surface.js'

/** What the client wants to know of a SUBSCRIBE or UNSUBSCRIBE that the engine sends for it. */
export interface RequestTicket {
  /** SUBACK or UNSUBACK came. It may come after the wait was given up. */
  answered(
    request: SubscribeRequest<RequestTicket> | UnsubscribeRequest<RequestTicket>,
    returnCodes: readonly number[],
  ): void
  /** The wait is over without an answer. */
  failed(reason: unknown): void
}

/** What SUBACK said: filter by filter, what was granted and what was refused. */
export interface Grants {
  readonly granted: readonly GrantedFilter[]
  readonly refused: readonly string[]
}

export function readGrants(request: SubscribeRequest<RequestTicket>, returnCodes: readonly number[]): Grants {
  const granted: GrantedFilter[] = []
  const refused: string[] = []
  for (const [index, { filter }] of request.subscriptions.entries()) {
    const code = returnCodes[index]
    if (code === 0 || code === 1 || code === 2) granted.push({ filter, qos: code })
    else refused.push(filter)
  }
  return { granted, refused }
}
