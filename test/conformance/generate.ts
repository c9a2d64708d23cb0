/** Writes CONFORMANCE.md, and says what is wrong with what it says. */
import { writeFileSync } from 'node:fs'
import { conformanceTable, countStatements } from './conformance-table.js'
import { root, surveyRepository } from './survey.js'
import { surveyFaults } from './survey-faults.js'

const survey = surveyRepository()
writeFileSync(new URL('CONFORMANCE.md', root), conformanceTable(survey))
console.log('statements with a number:', countStatements(survey, true))
console.log('rules without one:', countStatements(survey, false))
const faults = surveyFaults(survey)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
