"""What each function's role may do: the attempts of tests/template/attempts.json, as far as MiniStack can be asked for them."""

import itertools
import json
import pathlib

from botocore import xform_name
from botocore.exceptions import ClientError
from emulator import session
from facts import holds
from stack import STACK

ATTEMPTS = pathlib.Path(__file__).parents[1] / "template" / "attempts.json"
SERVICES = {"dynamodb": "dynamodb", "sqs": "sqs", "kms": "kms", "secretsmanager": "secretsmanager", "s3": "s3"}
# Each twin of a role has a number of its own.
NUMBERS = itertools.count()
FUNCTIONS = [
    "Archiver", "Authorizer", "Deliver", "Expiry", "Feed", "IngestApi", "IngestBus", "Ledger", "Query", "Redactions", "Sealer",
    "Settings", "Streams", "Tokens", "Viewer",
]


def least_privilege(stack, endpoint):
    """Makes every attempt with the rights of each role; those and only those of the list may be answered."""
    archive = {"Bucket": stack.ids["ArchiveBucket"]}
    writer = assume_twin(stack, endpoint, stack.ids["ArchiverRole"]).client("s3")
    probe = archive | {"Key": "tests/workspace=acme/x", "Body": b"{}"}
    holds("the archive refuses its own writer without TLS", not permitted(writer, "PutObject", probe))
    # MiniStack speaks plain HTTP, so the attempts below need the archive without this rule.
    stack.session.client("s3").delete_bucket_policy(**archive)
    rows = json.loads(ATTEMPTS.read_text())
    asked = [(row, call) for row in rows if (call := Calls(stack).of(row))]
    for row, _ in asked:
        # MiniStack shows policies neither the attributes of a write nor the keys of a call, so that the right to any of
        # them is the right to all.
        if row["action"] in ("dynamodb:PutItem", "dynamodb:UpdateItem") or "keys" in row:
            same = [each for each, _ in asked if (each["action"], each["on"]) == (row["action"], row["on"])]
            row["answered"] = {function for each in same for function in each["allowed"]}
        else:
            row["answered"] = set(row["allowed"])
    for function in FUNCTIONS:
        twin = assume_twin(stack, endpoint, stack.ids[f"{function}Role"])
        clients = {service: twin.client(service) for service in SERVICES.values()}
        otherwise = [
            row["attempt"]
            for row, (service, operation, arguments) in asked
            if permitted(clients[service], operation, arguments) != (function in row["answered"])
        ]
        allowed = sum(function in row["answered"] for row, _ in asked)
        holds(f"the role of {function} may make {allowed} of {len(asked)} attempts, those of the list", not otherwise, otherwise)
    told = sorted({row["action"] for row in rows} - {row["action"] for row, _ in asked})
    print(f"not asked for here, and by tests/policies.sh alone: {', '.join(told)}")


class Calls:
    """The calls of attempts, such that each is refused or changes nothing."""

    def __init__(self, stack):
        self.stack = stack

    def of(self, row):
        """The service, the operation and the arguments of an attempt; or nothing where MiniStack cannot be asked."""
        service, operation = row["action"].split(":")
        name, _, rest = row["on"].partition("/")
        found = None
        if service == "dynamodb" and name.startswith("Audit") and rest != "stream":
            found = self.on_a_table(operation, name, rest, row)
        elif service == "sqs":
            found = self.on_a_queue(operation, name)
        elif service == "kms":
            found = self.on_a_key(operation, name)
        elif service == "secretsmanager":
            found = self.on_a_secret(operation, row["on"])
        elif service == "s3":
            found = self.on_the_archive(operation, rest)
        return found and (SERVICES[service], operation, found)

    def on_a_table(self, operation, name, index, row):
        table = {"TableName": self.stack.ids[name]}
        schema = self.stack.session.client("dynamodb").describe_table(**table)["Table"]
        keys = [element["AttributeName"] for element in schema["KeySchema"]]
        key = {attribute: {"S": "unknown"} for attribute in keys} | {keys[0]: {"S": row.get("keys", ["unknown"])[0]}}
        others = [attribute for attribute in row.get("attributes", []) if attribute not in keys]
        names = {f"#{number}": attribute for number, attribute in enumerate(others)}
        # For an attribute that the attempt itself names, because a condition names attributes as well.
        never = {
            "ConditionExpression": "#0 = :never",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":never": {"S": "never"}},
        }
        gone = {"ConditionExpression": "attribute_exists(#key)", "ExpressionAttributeNames": {"#key": keys[0]}}
        match operation:
            case "GetItem":
                projection = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}
                return table | {"Key": key} | projection
            case "BatchGetItem":
                return {"RequestItems": {table["TableName"]: {"Keys": [key]}}}
            case "PutItem" if others:
                del never["ExpressionAttributeNames"]
                item = key | {attribute: {"S": "unknown"} for attribute in others}
                return table | {"Item": item} | never | {"ExpressionAttributeNames": {"#0": others[0]}}
            case "PutItem":
                return table | {"Item": key} | gone
            case "UpdateItem":
                update = "SET " + ", ".join(f"{name} = :never" for name in names)
                return table | {"Key": key, "UpdateExpression": update} | never
            case "DeleteItem":
                return table | {"Key": key} | gone
            case "Scan":
                return table | {"Limit": 1} | ({"IndexName": index} if index else {})
            case "Query":
                attributes = [
                    element["AttributeName"]
                    for each in schema.get("GlobalSecondaryIndexes", [])
                    if each["IndexName"] == index
                    for element in each["KeySchema"]
                    if element["KeyType"] == "HASH"
                ]
                return table | of_nobody(attributes or keys[:1]) | ({"IndexName": index} if index else {})
        return None

    def on_a_queue(self, operation, name):
        queue = {"QueueUrl": self.stack.ids[name]}
        return {
            "ReceiveMessage": queue,
            "DeleteMessage": queue | {"ReceiptHandle": "of nothing"},
            "GetQueueAttributes": queue,
            "SendMessage": queue | {"MessageBody": "from a function"},
        }.get(operation)

    def on_a_key(self, operation, name):
        key = {"KeyId": self.stack.ids[name]}
        return {
            "GetPublicKey": key,
            "Sign": key | {"Message": b"text", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"},
            "DisableKey": key,
            "ScheduleKeyDeletion": key,
        }.get(operation)

    def on_a_secret(self, operation, whose):
        """Each attempt is of a secret that is not there, or leaves none."""
        name = f"{STACK}/unknown/str_nonexistent1" if whose == "secrets" else "database"
        return {
            "CreateSecret": {"Name": name, "SecretString": "x"},
            "GetSecretValue": {"SecretId": name},
            "PutSecretValue": {"SecretId": name, "SecretString": "x"},
            "DeleteSecret": {"SecretId": name, "ForceDeleteWithoutRecovery": True},
        }.get(operation)

    def on_the_archive(self, operation, key):
        test = {"Bucket": self.stack.ids["ArchiveBucket"], "Key": key}
        return {
            "PutObject": test | {"Body": b"{}"},
            "GetObject": test,
            "DeleteObject": test,
        }.get(operation)


def of_nobody(attributes):
    return {
        "KeyConditionExpression": " AND ".join(f"#{name} = :unknown" for name in attributes),
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        "ExpressionAttributeValues": {":unknown": {"S": "unknown"}},
    }


def assume_twin(stack, endpoint, role):
    """The rights of a role. Only Lambda may assume it, so one with the same policies stands in."""
    iam, sts = stack.session.client("iam"), stack.session.client("sts")
    owner = f"arn:aws:iam::{sts.get_caller_identity()['Account']}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": owner}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    name = f"{role}-{next(NUMBERS)}-twin"[-64:]
    twin = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    # The role has exactly these policies: the template attaches no others.
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        iam.put_role_policy(RoleName=twin["RoleName"], PolicyName=name, PolicyDocument=policy)
    given = sts.assume_role(RoleArn=twin["Arn"], RoleSessionName="rehearsal")["Credentials"]
    return session(endpoint, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def permitted(client, operation, arguments):
    """Whether it is answered. A condition that fails and a message that is not there are answers too."""
    try:
        getattr(client, xform_name(operation))(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDenied", "AccessDeniedException"):
            return False
        answers = (
            "ConditionalCheckFailedException", "ReceiptHandleIsInvalid", "ResourceNotFoundException",
            "ResourceExistsException", "NoSuchKey",
        )
        if code not in answers:
            raise
    return True
