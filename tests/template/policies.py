"""Tries the attempts of attempts.json with the policies of each role; tests/policies.sh starts this and says why.

Each row of the list is one attempt with each function: those that it names are allowed, all others are refused.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import check
from check import ALLOWED, FUNCTIONS, ROOT, Resources, listed, statements, target, transformed

ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "audit-logs"
ATTEMPTS = Path(__file__).with_name("attempts.json")
# The table of SECURITY.md is between these lines.
BEGIN, END = "<!-- attempts: tests/policies.sh --write -->\n", "<!-- end of attempts -->\n"
EVENT_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/security"
PLACES = {
    "LedgerKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/LedgerKey",
    "ServiceRecordsKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/ServiceRecordsKey",
    "secrets": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{STACK}/acme/str_aaaaaaaaaaaa-AbCdEf",
    "other secrets": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:database-AbCdEf",
    "StreamEventBuses": EVENT_BUS,
    "other event buses": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default",
}
# All operations of DynamoDB on an item. A role without a right lacks it for every attribute.
OPERATIONS = [
    "GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem",
    "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
]


def arn(name, suffix=""):
    """A resource of the template by its logical name, with what follows a slash."""
    if name.startswith("Audit"):
        return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}{suffix}"
    if name == "ArchiveBucket":
        return f"arn:aws:s3:::archive{suffix}"
    if name.endswith("Logs"):
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{name}:*"
    return PLACES.get(name) or f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}{suffix}"


def place(on):
    """The resource of an attempt: a table, `table/index`, `table/stream`, a queue, or an object of the archive."""
    name, slash, rest = on.partition("/")
    if slash and name.startswith("Audit"):
        rest = "stream/2026-01-01T00:00:00.000" if rest == "stream" else f"index/{rest}"
    return arn(name, slash + rest)


def resolved(node):
    """A part of a policy with the names of a deployed stack."""
    match node:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return arn(name)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return arn(name, "/stream/2026-01-01T00:00:00.000")
        case {"Ref": "StreamEventBuses"}:
            return EVENT_BUS
        case {"Fn::Sub": text}:
            names = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": STACK}
            text = re.sub(r"\$\{(AWS::\w+)\}", lambda found: names[found[1]], text)
            return re.sub(r"\$\{(\w+)\.Arn\}", lambda found: arn(found[1]), text)
        case dict():
            return {name: resolved(each) for name, each in node.items()}
        case list():
            return [resolved(each) for each in node]
    return node


def context(row):
    keys = {"attributes": "dynamodb:Attributes", "select": "dynamodb:Select", "returns": "dynamodb:ReturnValues", "keys": "dynamodb:LeadingKeys"}
    return {key: row[name] for name, key in keys.items() if name in row}


def simulate(simulator, resources, attempts):
    """Whether each attempt is allowed: (role, action, resource, context)."""
    policies = {
        role: {"Version": "2012-10-17", "Statement": resolved(statements(resources, role))}
        for role in {role for role, *_ in attempts}
    }
    # A key obeys its own policy first, which here leaves the decision to the policies of the roles. Both keys have the same.
    (key,) = {json.dumps(resolved(key["Properties"]["KeyPolicy"])) for key in resources.of("AWS::KMS::Key").values()}
    key = json.loads(key)
    asked = [dict(zip(("role", "action", "resource", "context"), each)) for each in attempts]
    command = ["node", Path(__file__).with_name("simulate.mjs"), simulator]
    run = subprocess.run(
        command, input=json.dumps({"policies": policies, "key": key, "attempts": asked}), capture_output=True, text=True, check=True
    )
    answers = json.loads(run.stdout)
    for each, answer in zip(asked, answers, strict=True):
        if answer not in ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied"):
            sys.exit(f"the simulator cannot answer {each}: {answer}")
    return [answer == "Allowed" for answer in answers]


def rights(resources, function):
    """What a role may do: (action, target)."""
    for statement in statements(resources, function):
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield action, target(resource), resolved(resource)


def wrong_answers(simulator, resources, rows):
    """What the policies say otherwise than the list; and how many attempts there were."""
    functions = [function for function in FUNCTIONS if f"{function}Role" in resources]
    attempts = [
        ((function, row["action"], place(row["on"]), context(row)), row, function in row["allowed"])
        for row in rows
        for function in functions
    ]
    told = []
    for ((function, *_), row, wanted), allowed in zip(
        attempts, simulate(simulator, resources, [attempt for attempt, *_ in attempts]), strict=True
    ):
        if allowed != wanted:
            told.append((wanted, f"{function} {'is refused' if wanted else 'is allowed'}: {row['attempt']} ({row['action']} on {row['on']})"))
    return told, len(attempts)


def rights_without_attempts(resources, rows):
    """The rights of roles that no attempt tries."""
    tried = {(function, row["action"], place(row["on"])) for row in rows for function in row["allowed"]}
    for function in FUNCTIONS:
        for action, name, resource in rights(resources, function):
            if name.endswith("Logs") or resource == "*":
                continue
            pattern = re.escape(resource).replace(r"\*", ".*")
            if not any(who == function and did == action and re.fullmatch(pattern, where) for who, did, where in tried):
                yield f"{function}: no attempt tries its right to {action} on {name}"


def other_operations(simulator, resources):
    """Operations on tables that a role may do and `ALLOWED` does not name, whatever attributes are named."""
    tables = sorted(resources.of("AWS::DynamoDB::Table"))
    attempts = [
        (function, f"dynamodb:{operation}", arn(table), {})
        for function in FUNCTIONS
        for table in tables
        for operation in OPERATIONS
        if (operation, table) not in ALLOWED[function]
    ]
    answers = simulate(simulator, resources, attempts)
    return [f"{who}: may {did} on {where}" for (who, did, where, _), allowed in zip(attempts, answers) if allowed], len(attempts)


def table(rows):
    """The list as SECURITY.md has it."""
    lines = ["| attempt | operation | functions that may |", "|---|---|---|"]
    for row in rows:
        names = ", ".join(f"`{attribute}`" for attribute in row.get("attributes", []))
        operation = f"`{row['action'].split(':')[1]}` on `{row['on']}`" + (f" naming {names}" if names else "")
        operation += "".join(f", of the key `{key}`" for key in row.get("keys", []))
        lines.append(f"| {row['attempt']} | {operation} | {', '.join(row['allowed']) or 'none'} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulator", required=True, help="directory in which @cloud-copilot/iam-simulate is installed")
    parser.add_argument("--template", type=Path, help="another template, whose answers alone are looked at")
    parser.add_argument("--write", action="store_true", help="write the table of SECURITY.md")
    arguments = parser.parse_args()
    rows = json.loads(ATTEMPTS.read_text())
    _, template = transformed(arguments.template) if arguments.template else transformed()
    resources = Resources(template["Resources"])
    wrong, count = wrong_answers(arguments.simulator, resources, rows)
    for _, told in wrong:
        print(told)
    kinds = Counter(wanted for wanted, _ in wrong)
    print(f"{count} attempts, {len(wrong)} answered otherwise: {kinds[False]} allowed, {kinds[True]} refused")
    if arguments.template:
        return 1 if wrong else 0
    told = list(rights_without_attempts(resources, rows))
    others, tried = other_operations(arguments.simulator, resources)
    told += others
    security = (ROOT / "SECURITY.md").read_text()
    before, rest = security.split(BEGIN)
    after = rest.split(END)[1]
    if arguments.write:
        (ROOT / "SECURITY.md").write_text(before + BEGIN + table(rows) + END + after)
    elif rest.split(END)[0] != table(rows):
        told.append("SECURITY.md has another table: tests/policies.sh --write")
    if unknown := {function for row in rows for function in row["allowed"]} - set(FUNCTIONS):
        told.append(f"the list names functions that there are not: {sorted(unknown)}")
    for each in told:
        print(each)
    print(f"{tried} other operations on tables, all refused" if not others else f"{len(others)} other operations allowed")
    return 1 if wrong or told else 0


if __name__ == "__main__":
    sys.exit(main())
