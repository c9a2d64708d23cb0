import { aedes } from '../kinds/aedes.js'
import { tryServer } from '../suite.js'

tryServer(aedes)
