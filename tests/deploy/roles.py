"""What each function's role may do with the tables, the queues and the key: what it is for, and nothing else."""

import json

from allowed import ALLOWED
from botocore import xform_name
from botocore.exceptions import ClientError
from emulator import session
from facts import holds
from stack import STACK

INDEXES = {
    "AuditEvents/by_action": ["workspace", "action"],
    "AuditEvents/by_actor": ["workspace", "actor_id"],
    "AuditEvents/by_entity": ["workspace", "entity_type", "entity_id"],
    "AuditTokens/by_workspace": ["workspace"],
}
# What is not asked for: MiniStack looks for the name of the call, `ExecuteStatement`, in the policies, where AWS looks for this.
UNKNOWN = {("PartiQLInsert", "AuditEvents"), ("PartiQLUpdate", "AuditEvents")}


def least_privilege(stack, endpoint):
    """Asks for everything with the rights of each role; only what `ALLOWED` has may be answered."""
    attempts = every_operation(stack)
    for function in ALLOWED:
        allowed = ALLOWED[function] - UNKNOWN
        twin = assume_twin(stack, endpoint, stack.ids[f"{function}Role"])
        answered = {
            attempt
            for attempt, (service, arguments) in attempts.items()
            if permitted(twin.client(service), attempt[0], arguments)
        }
        holds(
            f"the role of {function} may do {len(allowed)} of {len(attempts)} things, those it is for",
            answered == allowed,
            answered ^ allowed,
        )


def every_operation(stack):
    """Each operation on what the stack has, such that it is refused or changes nothing."""
    dynamodb = stack.session.client("dynamodb")
    never = {"ConditionExpression": "attribute_exists(nothing)"}
    attempts = {}
    for name in ("AuditEvents", "AuditTokens", "AuditQuarantine", "AuditSettings", "AuditLedger", "AuditStreams", "AuditRates"):
        table = {"TableName": stack.ids[name]}
        schema = dynamodb.describe_table(**table)["Table"]["KeySchema"]
        key = {element["AttributeName"]: {"S": "nobody"} for element in schema}
        attempts |= {
            ("GetItem", name): ("dynamodb", table | {"Key": key}),
            ("BatchGetItem", name): ("dynamodb", {"RequestItems": {table["TableName"]: {"Keys": [key]}}}),
            ("PutItem", name): ("dynamodb", table | {"Item": key} | never),
            ("UpdateItem", name): ("dynamodb", table | {"Key": key} | never),
            ("DeleteItem", name): ("dynamodb", table | {"Key": key} | never),
            ("Scan", name): ("dynamodb", table | {"Limit": 1}),
            ("Query", name): ("dynamodb", table | of_nobody([schema[0]["AttributeName"]])),
        }
    for name, attributes in INDEXES.items():
        table, index = name.split("/")
        where = {"TableName": stack.ids[table], "IndexName": index}
        attempts |= {("Query", name): ("dynamodb", where | of_nobody(attributes))}
    for name in ("BusQueue", "SealerGaveUp"):
        queue = {"QueueUrl": stack.ids[name]}
        attempts |= {
            ("ReceiveMessage", name): ("sqs", queue),
            ("DeleteMessage", name): ("sqs", queue | {"ReceiptHandle": "of nothing"}),
            ("GetQueueAttributes", name): ("sqs", queue),
            ("SendMessage", name): ("sqs", queue | {"MessageBody": "from a function"}),
        }
    streams = ("dynamodbstreams", {"TableName": stack.ids["AuditEvents"]})
    return attempts | {("ListStreams", "AuditEvents"): streams} | on_the_key(stack) | on_secrets(stack) | on_the_archive(stack)


def on_the_key(stack):
    """What could be done with the key that signs, and to it."""
    key = {"KeyId": stack.ids["LedgerKey"]}
    sign = {"Message": b"text", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
    return {
        ("GetPublicKey", "LedgerKey"): ("kms", key),
        ("Sign", "LedgerKey"): ("kms", key | sign),
        ("DescribeKey", "LedgerKey"): ("kms", key),
        ("GetKeyPolicy", "LedgerKey"): ("kms", key | {"PolicyName": "default"}),
        ("DisableKey", "LedgerKey"): ("kms", key),
        ("ScheduleKeyDeletion", "LedgerKey"): ("kms", key),
    }


def on_secrets(stack):
    """What could be done with the secrets of streams. Each attempt is of a secret that is not there, or leaves none."""
    name = f"{STACK}/nobody/str_nobodynobody"
    return {
        ("CreateSecret", "secrets"): ("secretsmanager", {"Name": name, "SecretString": "x"}),
        ("GetSecretValue", "secrets"): ("secretsmanager", {"SecretId": name}),
        ("DescribeSecret", "secrets"): ("secretsmanager", {"SecretId": name}),
        ("PutSecretValue", "secrets"): ("secretsmanager", {"SecretId": name, "SecretString": "x"}),
        ("DeleteSecret", "secrets"): ("secretsmanager", {"SecretId": name, "ForceDeleteWithoutRecovery": True}),
    }


def on_the_archive(stack):
    """What could be done with the archive. The object that is put there is a test, which nobody looks at."""
    bucket = {"Bucket": stack.ids["ArchiveBucket"]}
    test = bucket | {"Key": "tests/workspace=nobody/str_nobodynobody.json"}
    return {
        ("PutObject", "ArchiveBucket"): ("s3", test | {"Body": b"{}"}),
        ("GetObject", "ArchiveBucket"): ("s3", test),
        ("ListObjectsV2", "ArchiveBucket"): ("s3", bucket),
        ("DeleteObject", "ArchiveBucket"): ("s3", test),
    }


def of_nobody(attributes):
    return {
        "KeyConditionExpression": " AND ".join(f"#{name} = :nobody" for name in attributes),
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        "ExpressionAttributeValues": {":nobody": {"S": "nobody"}},
    }


def assume_twin(stack, endpoint, role):
    """The rights of a role. Only Lambda may assume it, so one with the same policies stands in."""
    iam, sts = stack.session.client("iam"), stack.session.client("sts")
    owner = f"arn:aws:iam::{sts.get_caller_identity()['Account']}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": owner}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    twin = iam.create_role(RoleName=f"{role}-twin"[-64:], AssumeRolePolicyDocument=document)["Role"]
    # It has no other policies than these: the template attaches none.
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
