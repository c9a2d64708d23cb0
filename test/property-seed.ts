/**
 * The properties of a test run try the same values each time, so that a test fails because of a change and not because of a day.
 * `MQTT311_SEED=7 npm test` tries others; `npm run fuzz`, `npm run simulate` and `npm run explore` search further.
 */
import fc from 'fast-check'

const { MQTT311_SEED = '311' } = process.env
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(MQTT311_SEED) })
