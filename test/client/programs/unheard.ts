/** The client ends with an error, and nobody listens: the error has to be told as a warning of the process. */
import { connect } from '../../../src/index.js'

const [url = ''] = process.argv.slice(2)
await connect(url, { reconnect: false })
