"""What each function's role may do with the tables and the queue: what it is for, and nothing else."""

import json

from botocore import xform_name
from botocore.exceptions import ClientError
from emulator import session
from facts import holds

INDEX = "AuditTokens/by_workspace"
# What each role may do with the tables. All else must be refused.
ALLOWED = {
    "Authorizer": {("GetItem", "AuditTokens"), ("UpdateItem", "AuditTokens")},
    "IngestApi": {("PutItem", "AuditEvents")},
    "IngestBus": {("PutItem", "AuditEvents"), ("PutItem", "AuditQuarantine")},
    "Query": {("Query", "AuditEvents"), ("PutItem", "AuditEvents")},
    "Tokens": {
        ("GetItem", "AuditTokens"),
        ("PutItem", "AuditTokens"),
        ("UpdateItem", "AuditTokens"),
        ("Query", INDEX),
        ("PutItem", "AuditEvents"),
    },
}


def least_privilege(stack, endpoint):
    """Asks for everything with the rights of each role; only what `ALLOWED` has may be answered."""
    attempts = every_operation(stack)
    for function, allowed in ALLOWED.items():
        twin = assume_twin(stack, endpoint, stack.ids[f"{function}Role"])
        dynamodb, sqs = twin.client("dynamodb"), twin.client("sqs")
        answered = {what for what, arguments in attempts.items() if permitted(dynamodb, what[0], arguments)}
        holds(
            f"{function}: of {len(attempts)} table operations the {len(allowed)} it is for are allowed",
            answered == allowed,
            answered ^ allowed,
        )
        queue = {"QueueUrl": stack.ids["BusQueue"]}
        receives = permitted(sqs, "ReceiveMessage", queue)
        sends = permitted(sqs, "SendMessage", queue | {"MessageBody": "from a function"})
        receiver = function == "IngestBus"
        holds(
            f"{function}: may {'' if receiver else 'not '}receive from the queue, and not send to it",
            (receives, sends) == (receiver, False),
            (receives, sends),
        )


def every_operation(stack):
    """Each operation on each table, such that it is refused or changes nothing."""
    dynamodb = stack.session.client("dynamodb")
    never = {"ConditionExpression": "attribute_exists(nothing)"}
    attempts = {}
    for name in ("AuditEvents", "AuditTokens", "AuditQuarantine"):
        table = {"TableName": stack.ids[name]}
        schema = dynamodb.describe_table(**table)["Table"]["KeySchema"]
        key = {element["AttributeName"]: {"S": "nobody"} for element in schema}
        attempts |= {
            ("GetItem", name): table | {"Key": key},
            ("PutItem", name): table | {"Item": key} | never,
            ("UpdateItem", name): table | {"Key": key} | never,
            ("DeleteItem", name): table | {"Key": key} | never,
            ("Scan", name): table | {"Limit": 1},
            ("Query", name): table | of_nobody(schema[0]["AttributeName"]),
        }
    index = {"TableName": stack.ids["AuditTokens"], "IndexName": "by_workspace"}
    return attempts | {("Query", INDEX): index | of_nobody("workspace")}


def of_nobody(attribute):
    return {
        "KeyConditionExpression": "#key = :nobody",
        "ExpressionAttributeNames": {"#key": attribute},
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
    """Whether it is answered; a condition that fails is an answer."""
    try:
        getattr(client, xform_name(operation))(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDenied", "AccessDeniedException"):
            return False
        if code != "ConditionalCheckFailedException":
            raise
    return True
