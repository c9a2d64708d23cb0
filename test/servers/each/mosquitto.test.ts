import { mosquitto } from '../kinds/mosquitto.js'
import { tryServer } from '../suite.js'

tryServer(mosquitto)
