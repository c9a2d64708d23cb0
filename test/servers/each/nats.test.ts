import { nats } from '../kinds/nats.js'
import { tryServer } from '../suite.js'

tryServer(nats)
