import { activemq } from '../kinds/activemq.js'
import { tryServer } from '../suite.js'

tryServer(activemq)
