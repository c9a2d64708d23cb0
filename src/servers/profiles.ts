/**
 * What each server does otherwise than the standard lets one expect, as far as a profile can say it. All but AWS IoT Core were seen on
 * the loopback interface in November 2026, each in the configuration of its package.
 */
import type { ServerProfile } from '../client/options/client-options.js'

/** mosquitto, seen on 2.0.11 (Debian 12). It closes at a topic of more than 201 levels, which are 200 slashes. */
export const mosquitto: ServerProfile = {
  name: 'mosquitto',
  maxTopicLevels: 201,
}

/**
 * RabbitMQ, seen on 3.10.8 (Debian 12) with its plug-in rabbitmq_mqtt.
 *
 * It answers a PUBLISH at QoS 2 with PUBACK, grants QoS 1 for 2, and delivers at QoS 1. It makes `/` of `.` and `+` of `*` in every
 * topic, because AMQP separates levels by `.`. It grants a shared subscription, and delivers only what is published to `$share/...`.
 * A resumed session has lost its subscriptions at QoS 0, although Session Present is 1.
 */
export const rabbitmq: ServerProfile = {
  name: 'RabbitMQ',
  maxQos: 1,
  topics: { changed: { '.': '/', '*': '+' } },
  sharedSubscriptions: false,
  resubscribe: 'always',
}

/**
 * Apache ActiveMQ (Classic), seen on 5.17.2 (Debian 12).
 *
 * It delivers a message on `a,b` as one on `a` and one on `b`, and cuts off what follows a `?`. It also cuts off a blank at the end of
 * a topic, which no limit here says. It grants a shared subscription, and delivers nothing to it. Its CONNACK always has Session
 * Present 0, also when it goes on with a session.
 */
export const activemq: ServerProfile = {
  name: 'ActiveMQ',
  sessionPresent: 'always-0',
  topics: { changed: { ',': 'the end of one topic and the start of another', '?': 'the end of the topic' } },
  sharedSubscriptions: false,
}

/**
 * nats-server with JetStream, seen on 2.9.10 (Debian 12).
 *
 * It closes at a PUBLISH at QoS 2 without an answer, and at a Topic Name with `.` or a blank; it refuses such a Topic Filter. A session
 * has room for 63 Topic Filters at QoS 1. Topic Filters at QoS 0 do not count there, but `maxSubscriptions` counts them: if you need
 * more of them, give `{ ...nats, maxSubscriptions: undefined }`. It grants a shared subscription, and delivers nothing to it.
 */
export const nats: ServerProfile = {
  name: 'NATS',
  maxQos: 1,
  topics: { refused: '. ' },
  maxSubscriptions: 63,
  sharedSubscriptions: false,
}

/**
 * ejabberd, seen on 23.01 (Debian 12) with mod_mqtt. It refuses a Topic Filter of more than eight levels with Return Code 0x8F, and
 * closes at a shared subscription.
 */
export const ejabberd: ServerProfile = {
  name: 'ejabberd',
  maxFilterLevels: 8,
  sharedSubscriptions: false,
}

/**
 * aedes, seen on 1.2.0 (npm) with its persistence in memory. It closes at a topic of more than 100 levels. It grants a shared
 * subscription, and delivers nothing to it.
 */
export const aedes: ServerProfile = {
  name: 'aedes',
  maxTopicLevels: 100,
  sharedSubscriptions: false,
}

/**
 * AWS IoT Core, from its public pages of quotas as they were in November 2026; nothing was tried against the service, and your quotas
 * may differ. The three levels of `$aws/rules/rule-name/` (Basic Ingest) and the two of `$share/name/` do not count.
 */
export const awsIotCore: ServerProfile = {
  name: 'AWS IoT Core',
  maxQos: 1,
  // The service takes less than 30 for 30, and more than 1,200 for 1,200, so it would end the connection at another time.
  keepAlive: { min: 30, max: 1200 },
  maxPayloadBytes: 131_072,
  maxTopicBytes: 256,
  // Seven slashes.
  maxTopicLevels: 8,
  uncountedPrefixes: ['$aws/rules/+', '$share/+'],
  maxClientIdBytes: 128,
  maxFiltersPerSubscribe: 8,
  maxSubscriptions: 50,
  maxInFlight: 100,
  // One CONNECT a second for each Client Identifier.
  connectsPerMinute: 60,
  publishesPerSecond: { total: 100 },
  rootCertificates: 'Amazon Root CA 1 to 4, which Node has among its own',
}
