// Asks IAM's rules of each attempt, by a simulator that is not ours: JSON of {policies, key, attempts} on the standard input,
// and one answer for each attempt on the standard output.

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const { resolve } = createRequire(`${process.argv[2]}/`)
const { runSimulation } = await import(pathToFileURL(resolve('@cloud-copilot/iam-simulate')))
const ACCOUNT = '123456789012'

const { policies, key, attempts } = JSON.parse(readFileSync(0, 'utf8'))
const answers = []
for (const { role, action, resource, context } of attempts) {
  const request = {
    principal: `arn:aws:iam::${ACCOUNT}:role/${role}`,
    action,
    resource: { resource, accountId: ACCOUNT },
    contextVariables: context
  }
  const simulation = {
    request,
    identityPolicies: [{ name: role, policy: policies[role] }],
    serviceControlPolicies: [],
    resourceControlPolicies: []
  }
  if (action.startsWith('kms:')) simulation.resourcePolicy = key
  const result = await runSimulation(simulation, {})
  // An attempt that IAM does not know is a mistake in the list, and no refusal.
  answers.push(result.resultType === 'error' ? `error: ${JSON.stringify(result.errors)}` : result.overallResult)
}
console.log(JSON.stringify(answers))
