import { rabbitmq } from '../kinds/rabbitmq.js'
import { tryServer } from '../suite.js'

tryServer(rabbitmq)
