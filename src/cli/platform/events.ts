/** What the emulator of the platform sees and does, for whoever prints it or waits for it. */

import type { QoS } from '../../codec/control-packet.js'

/** The two names of a device. */
export interface DeviceNames {
  readonly productKey: string
  readonly deviceName: string
}

export interface ConnectSeen {
  readonly type: 'connect'
  readonly clientId: string
  readonly username: string | undefined
  readonly keepAlive: number
  readonly cleanSession: boolean
  /** 0 to 5; undefined if it was never answered. */
  readonly returnCode: number | undefined
  /** Why it was refused. */
  readonly reason: string | undefined
  /** Who was let in, and for what. */
  readonly admitted: { readonly device: DeviceNames; readonly as: 'device' | 'registration' } | undefined
  /** The address that the client connected to. */
  readonly address: string | undefined
  readonly family: string | undefined
  readonly tls: { readonly version: string; readonly cipher: string; readonly resumed: boolean } | undefined
}

export interface PublishSeen {
  readonly type: 'publish'
  readonly device: DeviceNames
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** `unanswered`: taken, and its PUBACK lost on purpose. `dropped`: over the rate, without a word. `refused`: the connection is closed for it. */
  readonly fate: 'taken' | 'unanswered' | 'dropped' | 'refused'
}

export interface SubscribeSeen {
  readonly type: 'subscribe'
  readonly device: DeviceNames
  readonly filters: readonly { readonly filter: string; readonly qos: QoS }[]
  /** The Return Codes of SUBACK; undefined if it was lost on purpose. */
  readonly granted: readonly number[] | undefined
  /** Why filters were refused, by filter. */
  readonly reasons: ReadonlyMap<string, string>
}

/** A PUBLISH to a device. */
export interface DeliverySeen {
  readonly type: 'delivery'
  readonly device: DeviceNames
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  /** Why it never left for its device, without a word; undefined if it left. */
  readonly withheld: string | undefined
}

export interface EndSeen {
  readonly type: 'end'
  /** Undefined for a connection that was not let in. */
  readonly device: DeviceNames | undefined
  /**
   * `closed`: by the device. `evicted`: for a second connection of the device. `cut`: nothing came for 1.5 times Keep Alive.
   * `deadline`: the time for a registration is over. `violation`: the device did what the platform does not take. `ordered`: by
   * whoever runs the emulator.
   */
  readonly by: 'closed' | 'evicted' | 'cut' | 'deadline' | 'violation' | 'ordered'
  readonly reason: string
}

export type PlatformEvent =
  | ConnectSeen
  | PublishSeen
  | SubscribeSeen
  | DeliverySeen
  | EndSeen
  | { readonly type: 'unsubscribe'; readonly device: DeviceNames; readonly filters: readonly string[] }
  | { readonly type: 'pingreq'; readonly device: DeviceNames; readonly answered: boolean }
  | { readonly type: 'puback' | 'disconnect'; readonly device: DeviceNames }
