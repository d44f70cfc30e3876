"""Holds template.yaml, as SAM transforms it, to what is promised of the deployment.

    python tests/template/check.py        in an environment that has aws-sam-translator (aws-sam-cli brings it)

Prints each rule that is broken, and then shows of every rule that it can break: the template is damaged in one place
after another, and each damage must be found.
"""

import copy
import json
import logging
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "deploy"))
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from allowed import ALLOWED, ATTRIBUTES, RECORDED, UNASKED  # noqa: E402
from calls import bodies, of_functions  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# It tells at each function of a switch that it does not have.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

FUNCTIONS = sorted(ALLOWED)
OPEN_ROUTES = {
    "get /", "get /viewer/{file+}", "get /api/actions", "get /api/schema", "get /api/openapi.json", "get /api/health",
}
# IAM can allow these on everything or not at all.
ON_EVERYTHING = {"dynamodb:ListStreams", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOGGED = {
    "requestId", "requestTime", "identity.sourceIp", "httpMethod", "routeKey", "status", "responseLength", "responseLatency",
    "integrationLatency", "integrationStatus", "integration.status", "authorizer.workspace", "authorizer.token",
    "error.responseType", "awsEndpointRequestId",
}
# The secrets of this stack's streams. Secrets Manager puts six characters of its own after each name.
SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${AWS::StackName}/*"
# The objects of the archiver: objects of a workspace, in the four folders of the archive.
ARCHIVED = {f"${{ArchiveBucket.Arn}}/{folder}/workspace=*" for folder in ("manifests", "ndjson", "parquet", "tests")}
# Wildcards that end a name of this stack's own.
WITH_NAMES = [{"Fn::Sub": text} for text in (SECRETS, *ARCHIVED)]
# The functions of admins' changes.
CHANGES = ("Tokens", "Redactions", "Settings", "Streams")
RULES = []


class NoPolicies:
    """No role of ours has a managed policy, so there is none to look up."""

    def load(self):
        return {}


def transformed(file=ROOT / "template.yaml", **parameters):
    source = yaml_parse(file.read_text())
    uploaded = copy.deepcopy(source)
    for resource in uploaded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    values = {"JwtIssuer": "https://identity.example.com", "JwtAudience": "audit-logs", "LedgerOrigin": "example.com"}
    template = transform(uploaded, values | parameters, NoPolicies())
    return source, mapped(template, source["Mappings"])


def mapped(node, mappings):
    """A template with the values of its mappings in place of what looks them up."""
    match node:
        case {"Fn::FindInMap": [str(name), str(first), str(second)]}:
            return mappings[name][first][second]
        case dict():
            return {name: mapped(each, mappings) for name, each in node.items()}
        case list():
            return [mapped(each, mappings) for each in node]
    return node


def rule(check):
    RULES.append(check)
    return check


class Resources(dict):
    def of(self, kind):
        return {name: each for name, each in self.items() if each["Type"] == kind}

    def properties(self, name):
        return self[name]["Properties"]


def target(resource):
    """A resource of a statement in the words of `allowed.py`."""
    match resource:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return name
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{name}/stream"
        case {"Fn::Sub": text} if text == SECRETS:
            return "secrets"
        case {"Ref": "StreamEventBuses"}:
            return "StreamEventBuses"
        case {"Fn::Sub": text} if text in ARCHIVED:
            return "ArchiveBucket"
        case {"Fn::Sub": text}:
            return re.sub(r"^\$\{(\w+)\.Arn\}/index/", r"\1/", text)
    return json.dumps(resource)


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(resources, function):
    role = resources.properties(f"{function}Role")
    found = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    # A conditional resource counts as one that exists.
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]


@rule
def every_role_allows_what_its_function_calls_and_no_more(source, resources):
    for function in FUNCTIONS:
        logs = {("CreateLogStream", f"{function}Logs"), ("PutLogEvents", f"{function}Logs")}
        wanted = ALLOWED[function] | UNASKED.get(function, set()) | logs
        found = set()
        for statement in statements(resources, function):
            if statement["Effect"] != "Allow" or "NotAction" in statement or "NotResource" in statement:
                yield f"{function}: a statement of another kind"
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    if resource == "*" and action in ON_EVERYTHING:
                        if action == "dynamodb:ListStreams":
                            found.add(("ListStreams", "AuditEvents"))
                    else:
                        found.add((action.split(":")[1], target(resource)))
        for extra in sorted(found - wanted):
            yield f"{function}: may {extra}, for no call of its own"
        for missing in sorted(wanted - found):
            yield f"{function}: may not {missing}"


@rule
def the_list_of_what_is_allowed_is_what_the_code_calls(source, resources):
    for function, called in of_functions().items():
        allowed = {
            (operation, target.split("/")[0])
            for operation, target in ALLOWED[function]
            if target.startswith("Audit") and operation != "ListStreams"
        }
        for extra in sorted(allowed - called):
            yield f"{function}: its code never makes {extra}"
        for missing in sorted(called - allowed):
            yield f"{function}: its code makes {missing}"


@rule
def nothing_is_allowed_by_a_wildcard(source, resources):
    for function in FUNCTIONS:
        for statement in statements(resources, function):
            for action in listed(statement["Action"]):
                if "*" in action:
                    yield f"{function}: {action}"
                for resource in listed(statement["Resource"]):
                    whole = "*" in json.dumps(resource) and resource not in WITH_NAMES
                    if whole and action not in ON_EVERYTHING:
                        yield f"{function}: {action} on {resource}"


@rule
def a_call_names_no_attribute_that_is_not_its_own(source, resources):
    for function in FUNCTIONS:
        for statement in statements(resources, function):
            conditions = statement.get("Condition", {})
            attributes = conditions.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    wanted = ATTRIBUTES.get((function, action.split(":")[1], target(resource)))
                    if (wanted is None) != (attributes is None) or (wanted and wanted != set(attributes)):
                        yield f"{function}: {action} on {target(resource)} names {attributes}"
            # A read without named attributes would read all of them.
            named = [conditions.get("Null"), conditions.get("StringEqualsIfExists")]
            if "dynamodb:GetItem" in listed(statement["Action"]) and attributes and named != [
                {"dynamodb:Attributes": "false"}, {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            ]:
                yield f"{function}: a read that names no attribute is allowed"


@rule
def a_right_to_write_is_one_to_named_attributes_and_none_to_overwrite_an_event(source, resources):
    for function in FUNCTIONS:
        for statement in statements(resources, function):
            actions = {action for action in listed(statement["Action"]) if action.startswith("dynamodb:")}
            writes = actions & {f"dynamodb:{verb}" for verb in ("PutItem", "UpdateItem", "PartiQLInsert", "PartiQLUpdate")}
            if writes and "ForAllValues:StringEquals" not in statement.get("Condition", {}):
                yield f"{function}: {sorted(writes)} of any attribute"
            targets = {target(resource) for resource in listed(statement["Resource"])}
            replaces = actions & {"dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQLDelete"}
            if replaces and "AuditEvents" in targets:
                yield f"{function}: {sorted(replaces)} of events"


@rule
def recording_an_event_writes_what_the_code_writes(source, resources):
    text = (ROOT / "shared/src/store/item.rs").read_text()
    body = dict(bodies(text))["attributes_of"]
    written = set(re.findall(r'\.(?:text|number|optional|bytes)\(\s*"(\w+)"', body)) - {"sequence", "redacted"}
    if written != RECORDED:
        yield f"the code writes {sorted(written ^ RECORDED)} and the list does not, or the reverse"


@rule
def a_role_is_for_one_function_and_lambda_alone_assumes_it(source, resources):
    used = [each["Properties"]["Role"] for each in resources.of("AWS::Lambda::Function").values()]
    for function in FUNCTIONS:
        role = resources.properties(f"{function}Role")
        if used.count({"Fn::GetAtt": [f"{function}Role", "Arn"]}) != 1:
            yield f"{function}Role is not the role of one function"
        if "ManagedPolicyArns" in role:
            yield f"{function}Role has managed policies"
        trust = role["AssumeRolePolicyDocument"]["Statement"]
        if [each["Principal"] for each in trust] != [{"Service": "lambda.amazonaws.com"}]:
            yield f"{function}Role is assumed by others"
    if sorted(resources.of("AWS::Lambda::Function")) != FUNCTIONS:
        yield "there are other functions than allowed.py knows"


@rule
def no_table_is_lost(source, resources):
    for name, table in resources.of("AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        kept = {table.get("DeletionPolicy"), table.get("UpdateReplacePolicy")}
        if kept != {"Retain"}:
            yield f"{name} goes with its stack"
        if properties.get("DeletionProtectionEnabled") is not True:
            yield f"{name} can be deleted"
        if properties.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{name} cannot be restored"
        if properties.get("SSESpecification") != {"SSEEnabled": True}:
            yield f"{name} is not encrypted with a key of the account"
        if properties.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} does not scale to zero"
    for name, key in resources.of("AWS::KMS::Key").items():
        if (key.get("DeletionPolicy"), key.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            yield f"{name} goes with its stack"


@rule
def what_the_rule_cannot_deliver_is_kept(source, resources):
    (bus_target,) = resources.properties("BusRule")["Targets"]
    if bus_target.get("RetryPolicy") != {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}:
        yield "the rule does not try for a day"
    if bus_target.get("DeadLetterConfig") != {"Arn": {"Fn::GetAtt": ["BusRuleDeadLetters", "Arn"]}}:
        yield "the rule has no dead letters"


@rule
def a_message_is_not_given_out_twice_at_a_time(source, resources):
    queue, function = resources.properties("BusQueue"), resources.properties("IngestBus")
    (mapping,) = [
        each["Properties"]
        for each in resources.of("AWS::Lambda::EventSourceMapping").values()
        if each["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["BusQueue", "Arn"]}
    ]
    if queue["VisibilityTimeout"] < 6 * function["Timeout"] + mapping["MaximumBatchingWindowInSeconds"]:
        yield "the queue's visibility timeout is shorter than six times the function's, and the window"
    if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        yield "one message that fails brings its whole batch again"
    reserved = function["ReservedConcurrentExecutions"]["Fn::If"][1]
    if mapping["ScalingConfig"]["MaximumConcurrency"] > reserved:
        yield "the queue takes more concurrency than the function has"


@rule
def every_queue_is_encrypted_and_keeps_14_days(source, resources):
    for name, queue in resources.of("AWS::SQS::Queue").items():
        properties = queue["Properties"]
        if properties.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        # A hint is no event: the schedule delivers without it.
        if properties.get("MessageRetentionPeriod") != 1209600 and name != "DeliverQueue":
            yield f"{name} does not keep 14 days"
    if resources.properties("BusQueue")["RedrivePolicy"]["maxReceiveCount"] < 5:
        yield "the queue gives up early"


@rule
def what_the_stream_could_not_bring_is_kept(source, resources):
    (mapping,) = [
        each["Properties"]
        for each in resources.of("AWS::Lambda::EventSourceMapping").values()
        if each["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["AuditEvents", "StreamArn"]}
    ]
    if mapping["DestinationConfig"]["OnFailure"]["Destination"] != {"Fn::GetAtt": ["SealerGaveUp", "Arn"]}:
        yield "the stream has no dead letters"
    if not mapping.get("BisectBatchOnFunctionError") or mapping.get("MaximumRetryAttempts", -1) < 1:
        yield "one bad event keeps the stream waiting"


@rule
def every_function_has_concurrency_logs_and_traces_of_its_own(source, resources):
    for name, function in resources.of("AWS::Lambda::Function").items():
        properties = function["Properties"]
        match properties.get("ReservedConcurrentExecutions"):
            case {"Fn::If": ["ReservesConcurrency", int(count), {"Ref": "AWS::NoValue"}]} if count > 0:
                pass
            case other:
                yield f"{name} reserves no concurrency: {other}"
        if properties.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name} is not traced"
        logging = properties.get("LoggingConfig", {})
        if logging.get("LogFormat") != "JSON" or logging.get("LogGroup") != {"Ref": f"{name}Logs"}:
            yield f"{name} does not log JSON into its own group"


@rule
def every_log_is_forgotten_in_time(source, resources):
    groups = resources.of("AWS::Logs::LogGroup")
    for name, group in groups.items():
        if group["Properties"].get("RetentionInDays") != {"Ref": "LogRetentionDays"}:
            yield f"{name} has no retention"
    if sorted(groups) != sorted([f"{function}Logs" for function in FUNCTIONS] + ["ApiLogs"]):
        yield "a log group is missing"


@rule
def every_alarm_tells_somebody_and_every_function_and_queue_has_one(source, resources):
    watched = set()
    for name, alarm in resources.of("AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        if properties.get("AlarmActions") != [{"Ref": "AlarmTopic"}] or properties.get("ActionsEnabled") is False:
            yield f"{name} has no action"
        for dimension in properties.get("Dimensions", []):
            watched.add((properties["MetricName"], json.dumps(dimension["Value"])))
    for function in FUNCTIONS:
        for metric in ("Errors", "Throttles"):
            if (metric, json.dumps({"Ref": function})) not in watched:
                yield f"{metric} of {function} are not watched"
    for queue in ("BusRuleDeadLetters", "BusQueueDeadLetters", "SealerGaveUp", "DeliverDeadLetters"):
        name = json.dumps({"Fn::GetAtt": [queue, "QueueName"]})
        if ("ApproximateNumberOfMessagesVisible", name) not in watched:
            yield f"{queue} is not watched"


@rule
def the_access_log_has_no_secret(source, resources):
    stage = next(iter(resources.of("AWS::ApiGatewayV2::Stage").values()))["Properties"]
    text = stage["AccessLogSettings"]["Format"]
    json.loads(text)
    for variable in re.findall(r"\$context\.([\w.]+)", text):
        if variable not in LOGGED:
            yield f"the access log has {variable}"
    if re.search(r"authorization|\$request|\$stageVariables", text, re.IGNORECASE):
        yield "the access log has something of the request itself"


@rule
def every_route_is_throttled_and_asks_who_calls(source, resources):
    stage = next(iter(resources.of("AWS::ApiGatewayV2::Stage").values()))["Properties"]
    default = stage.get("DefaultRouteSettings", {})
    if not (0 < default.get("ThrottlingRateLimit", 0) <= 1000 and 0 < default.get("ThrottlingBurstLimit", 0)):
        yield "routes are not throttled"
    settings = stage.get("RouteSettings", {})
    paths = next(iter(resources.of("AWS::ApiGatewayV2::Api").values()))["Properties"]["Body"]["paths"]
    routes = {f"{method} {path}": operation for path, each in paths.items() for method, operation in each.items()}
    for route, operation in routes.items():
        (authorizer,) = operation["security"][0]
        if (authorizer == "NONE") != (route in OPEN_ROUTES):
            yield f"{route} is for {authorizer}"
    # A route's throttle is shared by all workspaces, so it must leave room for others next to one that uses up
    # its own limit.
    for route, each in settings.items():
        if each["ThrottlingRateLimit"] < 100:
            yield f"{route} is throttled for all workspaces together"
    for function in CHANGES:
        variables = resources.properties(function)["Environment"]["Variables"]
        if variables.get("CHANGE_LIMIT") != {"Ref": "ChangeLimit"} or variables.get("RATES_TABLE") != {"Ref": "AuditRates"}:
            yield f"{function}: what the admins of a workspace change is not limited"
    if not source["Parameters"]["ChangeLimit"]["Default"] > 0:
        yield "what the admins of a workspace change is not limited by default"


@rule
def no_client_can_trip_what_a_deployment_asks(source, resources):
    pattern = resources.properties("ApiErrorLines")["FilterPattern"]
    # The status of the function itself: API Gateway answers 503 where a burst uses up a function's concurrency.
    if pattern != '{ $.function_status = "5*" }':
        yield f"a deployment goes back by {pattern}"
    asked = {
        alarm["Name"]["Ref"]
        for group in resources.of("AWS::CodeDeploy::DeploymentGroup").values()
        for alarm in group["Properties"].get("AlarmConfiguration", {}).get("Alarms", [])
    }
    for name in asked & resources.keys():
        properties = resources.properties(name)
        if properties["MetricName"] in ("Throttles", "4xx", "5xx", "Denied", "RateLimited"):
            yield f"a deployment goes back by {name}, which clients cause"


@rule
def the_defaults_fit_a_new_account(source, resources):
    if source["Parameters"]["ReserveConcurrency"]["Default"] != "false":
        yield "a new account has no concurrency to reserve"
    for name in ("ArchiveBucket", "LedgerKey", "ServiceRecordsKey"):
        if resources[name].get("DeletionPolicy") != "RetainExceptOnCreate":
            yield f"{name} is left behind by a creation that fails"


@rule
def what_waits_and_fails_is_in_the_outputs_and_one_stack_owns_each_queue(source, resources):
    values = json.dumps([output["Value"] for output in source["Outputs"].values()])
    for queue in resources.of("AWS::SQS::Queue"):
        if json.dumps({"Ref": queue}) not in values:
            yield f"{queue} is in no output"
    (policy,) = [
        each["Properties"] for each in resources.of("AWS::SQS::QueuePolicy").values() if each["Properties"]["Queues"] == [{"Ref": "BusQueue"}]
    ]
    if "ForwardingRules" not in json.dumps(policy):
        yield "a rule of another stack needs a policy that replaces this one"


@rule
def every_write_of_events_is_watched(source, resources):
    watched = {
        json.dumps(each["Properties"].get("Dimensions", [])[1:]) + each["Properties"]["MetricName"]
        for each in resources.of("AWS::CloudWatch::Alarm").values()
    }
    for operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        if json.dumps([{"Name": "Operation", "Value": operation}]) + "SystemErrors" not in watched:
            yield f"errors of {operation} are not watched"
    for index in resources.properties("AuditEvents")["GlobalSecondaryIndexes"]:
        dimension = [{"Name": "GlobalSecondaryIndexName", "Value": index["IndexName"]}]
        if json.dumps(dimension) + "WriteThrottleEvents" not in watched:
            yield f"throttled writes of {index['IndexName']} are not watched"
    if json.dumps([]) + "5xx" not in watched:
        yield "what API Gateway answers itself is not watched"


@rule
def a_revoked_token_is_refused_within_a_minute(source, resources):
    token = source["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["Token"]
    if token["Identity"] != {"Headers": ["Authorization"], "ReauthorizeEvery": 60}:
        yield f"the authorizer's answers are kept by {token['Identity']}"


@rule
def no_stream_reaches_what_is_not_public(source, resources):
    for name, function in resources.of("AWS::Lambda::Function").items():
        if "STREAMS_INSECURE" in function["Properties"].get("Environment", {}).get("Variables", {}):
            yield f"{name} lets streams go to plain HTTP and to private addresses"


@rule
def a_stream_is_delivered_by_one_run_at_a_time(source, resources):
    (lease,) = re.findall(r"LEASE_SECONDS: i64 = (\d+);", (ROOT / "functions/deliver/src/pass.rs").read_text())
    if resources.properties("Deliver")["Timeout"] >= int(lease):
        yield "deliver may still run when its lease of a stream ends"


@rule
def no_workspace_holds_more_than_one_execution_of_delivery(source, resources):
    function, queue, pipe = map(resources.properties, ("Deliver", "DeliverQueue", "DeliverPipe"))
    (mapping,) = [
        each["Properties"]
        for each in resources.of("AWS::Lambda::EventSourceMapping").values()
        if each["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["DeliverQueue", "Arn"]}
    ]
    parameters = pipe["TargetParameters"]["SqsQueueParameters"]
    if not queue.get("FifoQueue") or parameters.get("MessageGroupId") != "$.dynamodb.Keys.workspace.S":
        yield "hints of one workspace are worked on side by side"
    if mapping["BatchSize"] != 1:
        yield "an invocation delivers several workspaces, and the quick ones wait for the slow ones"
    if queue["VisibilityTimeout"] <= function["Timeout"]:
        yield "a hint is given out again while its function runs"
    reserved = function["ReservedConcurrentExecutions"]["Fn::If"][1]
    if mapping["ScalingConfig"]["MaximumConcurrency"] >= reserved:
        yield "the hints leave no execution to the schedule"
    if queue["MessageRetentionPeriod"] > 900:
        yield "a slow workspace leaves a backlog in the queue"
    if "EveryMinute" not in source["Resources"]["Deliver"]["Properties"]["Events"]:
        yield "nothing delivers what no hint led to"
    allowed = {
        (action, target(resource))
        for policy in resources.properties("DeliverPipeRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    wanted = {
        ("dynamodb:DescribeStream", "AuditLedger/stream"),
        ("dynamodb:GetRecords", "AuditLedger/stream"),
        ("dynamodb:GetShardIterator", "AuditLedger/stream"),
        ("dynamodb:ListStreams", '"*"'),
        ("sqs:SendMessage", "DeliverQueue"),
    }
    if allowed != wanted:
        yield f"the pipe may {sorted(allowed ^ wanted)}"


@rule
def the_archive_is_kept_and_nobody_elses(source, resources):
    bucket = resources["ArchiveBucket"]
    properties = bucket["Properties"]
    if (bucket.get("DeletionPolicy"), bucket.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
        yield "the archive goes with its stack"
    if properties.get("VersioningConfiguration") != {"Status": "Enabled"}:
        yield "what is written over in the archive is lost"
    block = properties.get("PublicAccessBlockConfiguration", {})
    if len(block) != 4 or set(block.values()) != {True}:
        yield "the archive can be made public"
    if "BucketEncryption" not in properties:
        yield "the archive is not encrypted"
    (denied,) = resources.properties("ArchiveBucketPolicy")["PolicyDocument"]["Statement"]
    if denied["Effect"] != "Deny" or denied["Condition"] != {"Bool": {"aws:SecureTransport": "false"}}:
        yield "the archive is reached without TLS"


@rule
def athena_finds_what_the_archiver_writes(source, resources):
    kinds = {"Text": "string", "Number": "bigint", "Time": "timestamp"}
    code = (ROOT / "functions/archiver/src/archive/columns.rs").read_text()
    written = [(name, kinds[kind]) for name, kind in re.findall(r'Column::of\("(\w+)", "[^"]+", Kind::(\w+)\)', code)]
    for name, unit in (("ArchiveTable", "day"), ("ArchiveMonthsTable", "month")):
        table = resources.properties(name)["TableInput"]
        if [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] != written:
            yield f"{name} has other columns than the archive"
        place = table["Parameters"]["storage.location.template"]["Fn::Sub"].replace("${!", "{")
        if not place.endswith(f"/parquet/workspace={{workspace}}/{unit}={{{unit}}}"):
            yield f"{name} looks for its partitions at {place}"
        if [key["Name"] for key in table["PartitionKeys"]] != ["workspace", unit]:
            yield f"{name} has other partitions than the archive"


@rule
def a_log_is_archived_by_one_run_at_a_time(source, resources):
    (lease,) = re.findall(r"LEASE_SECONDS: i64 = (\d+);", (ROOT / "functions/archiver/src/turn.rs").read_text())
    if resources.properties("Archiver")["Timeout"] >= int(lease):
        yield "the archiver may still run when its lease of a stream ends"


@rule
def a_new_version_is_tried_on_a_part_and_goes_back_at_an_alarm(source, resources):
    for function in FUNCTIONS:
        update = resources.get(f"{function}Aliaslive", {}).get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
        if update.get("DeploymentGroupName") != {"Ref": f"{function}DeploymentGroup"}:
            yield f"{function}: its new version takes over at once"
            continue
        group = resources.properties(f"{function}DeploymentGroup")
        if group["ServiceRoleArn"] != {"Fn::GetAtt": ["RolloutRole", "Arn"]}:
            yield f"{function}: its deployment may more than move aliases of this stack"
        if not re.search("Canary|Linear", json.dumps(group["DeploymentConfigName"])):
            yield f"{function}: its new version takes over at once"
        asked = group.get("AlarmConfiguration", {})
        alarms = {each["Name"]["Ref"] for each in asked.get("Alarms", [])} if asked.get("Enabled") else set()
        for missing in sorted({"ApiErrors", f"{function}Errors"} - alarms):
            yield f"{function}: its deployment goes on whatever {missing} says"
        rollback = group.get("AutoRollbackConfiguration", {})
        if not rollback.get("Enabled") or "DEPLOYMENT_STOP_ON_ALARM" not in rollback["Events"]:
            yield f"{function}: its deployment stops at an alarm and does not go back"


@rule
def a_version_is_of_all_that_is_said_of_its_function(source, resources):
    for function in FUNCTIONS:
        if source["Resources"][function]["Properties"].get("AutoPublishAliasAllProperties") is not True:
            yield f"{function}: a new setting of it makes no version"


@rule
def nothing_calls_a_function_past_its_alias(source, resources):
    aliases = [{"Ref": f"{function}Aliaslive"} for function in FUNCTIONS]
    for kind, callee in [("EventSourceMapping", "FunctionName"), ("Permission", "FunctionName")]:
        for name, each in resources.of(f"AWS::Lambda::{kind}").items():
            if each["Properties"][callee] not in aliases:
                yield f"{name} is for a function whatever its version"
    for name, each in resources.of("AWS::Events::Rule").items():
        for called in each["Properties"]["Targets"]:
            if name != "BusRule" and called["Arn"] not in aliases:
                yield f"{name} calls a function whatever its version"
    body = next(iter(resources.of("AWS::ApiGatewayV2::Api").values()))["Properties"]["Body"]
    called = [
        (f"{method} {path}", operation["x-amazon-apigateway-integration"]["uri"])
        for path, each in body["paths"].items()
        for method, operation in each.items()
    ]
    called += [
        (name, scheme["x-amazon-apigateway-authorizer"]["authorizerUri"])
        for name, scheme in body["components"]["securitySchemes"].items()
        if "authorizerUri" in scheme["x-amazon-apigateway-authorizer"]
    ]
    for name, uri in called:
        if "Aliaslive" not in json.dumps(uri):
            yield f"{name} calls a function whatever its version"


@rule
def nothing_waits_for_itself(source, resources):
    waits = {name: references(each) & resources.keys() for name, each in resources.items()}
    done = set()
    while ready := {name for name, others in waits.items() if name not in done and others <= done}:
        done |= ready
    if done != resources.keys():
        yield f"these wait for each other: {sorted(resources.keys() - done)}"


def references(node):
    """The names that CloudFormation has to know before a resource."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return set(re.findall(r"\$\{(\w+)[.}]", text))
        case {"Fn::Sub": [str(text), values]}:
            return set(re.findall(r"\$\{(\w+)[.}]", text)) | references(values)
        case dict():
            return set().union(*map(references, node.values()), listed(node.get("DependsOn", [])))
        case list():
            return set().union(*map(references, node))
    return set()


def broken(source, template):
    resources = Resources(template["Resources"])
    return [f"{check.__name__}: {told}" for check in RULES for told in check(source, resources)]


# One place after another to damage: the rule that must detect it, and the damage.
DAMAGES = {
    "every_role_allows_what_its_function_calls_and_no_more": [
        lambda r: statement(r, "Query", 0)["Action"].append("dynamodb:DeleteItem"),
        lambda r: statement(r, "IngestApi", 0).update(Resource={"Fn::GetAtt": ["AuditTokens", "Arn"]}),
        lambda r: statement(r, "Query", 0)["Action"].remove("dynamodb:BatchGetItem"),
        lambda r: statement(r, "Tokens", 0).update(Effect="Deny"),
    ],
    "nothing_is_allowed_by_a_wildcard": [
        lambda r: statement(r, "Query", 0).update(Action="dynamodb:*"),
        lambda r: statement(r, "Authorizer", 0).update(Resource="*"),
        lambda r: statement(r, "Streams", 2).update(Resource={"Fn::Sub": "arn:aws:secretsmanager:*:*:secret:*"}),
        lambda r: statement(r, "Archiver", 5).update(Resource={"Fn::Sub": "${ArchiveBucket.Arn}/*"}),
    ],
    "a_right_to_write_is_one_to_named_attributes_and_none_to_overwrite_an_event": [
        lambda r: statement(r, "IngestApi", 0).pop("Condition"),
        lambda r: statement(r, "IngestApi", 0)["Action"].append("dynamodb:PutItem"),
        lambda r: statement(r, "Tokens", 2).pop("Condition"),
    ],
    "a_call_names_no_attribute_that_is_not_its_own": [
        lambda r: statement(r, "Sealer", 1).pop("Condition"),
        lambda r: statement(r, "IngestApi", 1)["Condition"].pop("Null"),
        lambda r: statement(r, "Query", 2)["Condition"].pop("StringEqualsIfExists"),
        lambda r: statement(r, "Authorizer", 1)["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"].append(
            "hash"
        ),
    ],
    "a_role_is_for_one_function_and_lambda_alone_assumes_it": [
        lambda r: r["Query"]["Properties"].update(Role={"Fn::GetAtt": ["TokensRole", "Arn"]}),
        lambda r: r["QueryRole"]["Properties"].update(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        lambda r: r["QueryRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].update(Principal="*"),
    ],
    "no_table_is_lost": [
        lambda r: r["AuditEvents"].update(DeletionPolicy="Delete"),
        lambda r: r["AuditEvents"]["Properties"].update(DeletionProtectionEnabled=False),
        lambda r: r["AuditTokens"]["Properties"].pop("PointInTimeRecoverySpecification"),
        lambda r: r["AuditLedger"]["Properties"].pop("SSESpecification"),
        lambda r: r["LedgerKey"].pop("UpdateReplacePolicy"),
    ],
    "what_the_rule_cannot_deliver_is_kept": [
        lambda r: r["BusRule"]["Properties"]["Targets"][0].pop("DeadLetterConfig"),
        lambda r: r["BusRule"]["Properties"]["Targets"][0]["RetryPolicy"].update(MaximumRetryAttempts=3),
    ],
    "a_message_is_not_given_out_twice_at_a_time": [
        lambda r: r["BusQueue"]["Properties"].update(VisibilityTimeout=60),
        lambda r: r["IngestBus"]["Properties"].update(Timeout=60),
    ],
    "every_queue_is_encrypted_and_keeps_14_days": [
        lambda r: r["BusRuleDeadLetters"]["Properties"].pop("SqsManagedSseEnabled"),
        lambda r: r["BusQueueDeadLetters"]["Properties"].update(MessageRetentionPeriod=3600),
    ],
    "what_the_stream_could_not_bring_is_kept": [
        lambda r: r["SealerStream"]["Properties"].update(BisectBatchOnFunctionError=False),
    ],
    "every_function_has_concurrency_logs_and_traces_of_its_own": [
        lambda r: r["Query"]["Properties"].pop("ReservedConcurrentExecutions"),
        lambda r: r["Query"]["Properties"].update(TracingConfig={"Mode": "PassThrough"}),
        lambda r: r["Query"]["Properties"]["LoggingConfig"].update(LogFormat="Text"),
    ],
    "every_log_is_forgotten_in_time": [lambda r: r["ApiLogs"]["Properties"].pop("RetentionInDays")],
    "every_alarm_tells_somebody_and_every_function_and_queue_has_one": [
        lambda r: r["ApiErrors"]["Properties"].update(AlarmActions=[]),
        lambda r: r.pop("QueryErrors"),
        lambda r: r.pop("SealerGaveUpNotEmpty"),
    ],
    "no_stream_reaches_what_is_not_public": [
        lambda r: r["Streams"]["Properties"]["Environment"]["Variables"].update(STREAMS_INSECURE="1"),
        lambda r: r["Deliver"]["Properties"]["Environment"]["Variables"].update(STREAMS_INSECURE="1"),
    ],
    "a_stream_is_delivered_by_one_run_at_a_time": [
        lambda r: r["Deliver"]["Properties"].update(Timeout=90),
    ],
    "no_workspace_holds_more_than_one_execution_of_delivery": [
        lambda r: r["DeliverQueue"]["Properties"].update(FifoQueue=False),
        lambda r: r["DeliverPipe"]["Properties"]["TargetParameters"]["SqsQueueParameters"].update(MessageGroupId="all"),
        lambda r: r["DeliverHints"]["Properties"].update(BatchSize=10),
        lambda r: r["DeliverHints"]["Properties"]["ScalingConfig"].update(MaximumConcurrency=42),
        lambda r: r["DeliverQueue"]["Properties"].update(VisibilityTimeout=60),
        lambda r: r["DeliverQueue"]["Properties"].update(MessageRetentionPeriod=1209600),
        lambda r: r["DeliverPipeRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][2].update(
            Resource="*"
        ),
    ],
    "the_archive_is_kept_and_nobody_elses": [
        lambda r: r["ArchiveBucket"].pop("DeletionPolicy"),
        lambda r: r["ArchiveBucket"]["Properties"].pop("VersioningConfiguration"),
        lambda r: r["ArchiveBucket"]["Properties"]["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
        lambda r: r["ArchiveBucket"]["Properties"].pop("BucketEncryption"),
        lambda r: r["ArchiveBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].update(Effect="Allow"),
    ],
    "athena_finds_what_the_archiver_writes": [
        lambda r: columns(r).pop(),
        lambda r: columns(r)[6].update(Type="string"),
        lambda r: r["ArchiveTable"]["Properties"]["TableInput"]["PartitionKeys"].reverse(),
    ],
    "a_log_is_archived_by_one_run_at_a_time": [lambda r: r["Archiver"]["Properties"].update(Timeout=330)],
    "the_access_log_has_no_secret": [
        lambda r: stage(r)["AccessLogSettings"].update(Format='{"a": "$context.authorizer.secret"}'),
        lambda r: stage(r)["AccessLogSettings"].update(Format='{"a": "$request.header.Authorization"}'),
        lambda r: stage(r)["AccessLogSettings"].update(Format='{"a": "$context.path"}'),
    ],
    "no_client_can_trip_what_a_deployment_asks": [
        lambda r: r["ApiErrorLines"]["Properties"].update(FilterPattern='{ $.status = "5*" }'),
        lambda r: r["QueryErrors"]["Properties"].update(MetricName="Throttles"),
    ],
    "the_defaults_fit_a_new_account": [lambda r: r["LedgerKey"].update(DeletionPolicy="Retain")],
    "what_waits_and_fails_is_in_the_outputs_and_one_stack_owns_each_queue": [
        lambda r: r["BusQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"].pop(),
    ],
    "every_write_of_events_is_watched": [
        lambda r: r.pop("EventsBatchErrors"),
        lambda r: r.pop("ByActorWritesThrottled"),
        lambda r: r.pop("ApiUnavailable"),
    ],
    "every_route_is_throttled_and_asks_who_calls": [
        lambda r: stage(r).pop("DefaultRouteSettings"),
        lambda r: stage(r).update(RouteSettings={"PATCH /api/{workspace}/settings": {"ThrottlingRateLimit": 5}}),
        lambda r: r["Streams"]["Properties"]["Environment"]["Variables"].pop("CHANGE_LIMIT"),
        lambda r: path(r, "/api/{workspace}/audit_logs")["get"].update(security=[{"NONE": []}]),
    ],
    "a_new_version_is_tried_on_a_part_and_goes_back_at_an_alarm": [
        lambda r: r["QueryAliaslive"].pop("UpdatePolicy"),
        lambda r: r["IngestBusDeploymentGroup"]["Properties"].update(
            DeploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"
        ),
        lambda r: r["AuthorizerDeploymentGroup"]["Properties"]["AlarmConfiguration"]["Alarms"].pop(),
        lambda r: r["SealerDeploymentGroup"]["Properties"].pop("AlarmConfiguration"),
        lambda r: r["ViewerDeploymentGroup"]["Properties"].update(ServiceRoleArn={"Fn::GetAtt": ["QueryRole", "Arn"]}),
        lambda r: r["TokensDeploymentGroup"]["Properties"]["AutoRollbackConfiguration"].update(Enabled=False),
    ],
    "nothing_calls_a_function_past_its_alias": [
        lambda r: r["SealerStream"]["Properties"].update(FunctionName={"Ref": "Sealer"}),
        lambda r: r["ExpiryHourly"]["Properties"]["Targets"][0].update(Arn={"Fn::GetAtt": ["Expiry", "Arn"]}),
        lambda r: path(r, "/api/health")["get"]["x-amazon-apigateway-integration"].update(uri={"Ref": "Query"}),
        lambda r: next(iter(r.of("AWS::Lambda::Permission").values()))["Properties"].update(
            FunctionName={"Ref": "Query"}
        ),
    ],
    "nothing_waits_for_itself": [
        lambda r: r["ApiErrors"]["Properties"].update(Dimensions=[{"Name": "ApiId", "Value": {"Ref": "Api"}}]),
    ],
}


def statement(resources, function, number):
    found = statements(resources, function)[number]
    found["Action"] = listed(found["Action"])
    return found


def columns(resources):
    return resources.properties("ArchiveTable")["TableInput"]["StorageDescriptor"]["Columns"]


def stage(resources):
    return next(iter(resources.of("AWS::ApiGatewayV2::Stage").values()))["Properties"]


def path(resources, name):
    return next(iter(resources.of("AWS::ApiGatewayV2::Api").values()))["Properties"]["Body"]["paths"][name]


def main():
    source, template = transformed()
    found = broken(source, template)
    unnoticed, damages = [], 0
    for name, each in DAMAGES.items():
        for number, damage in enumerate(each):
            damaged = copy.deepcopy(template)
            apply(damage, damaged)
            damages += 1
            if not any(told.startswith(f"{name}:") for told in broken(source, damaged)):
                unnoticed.append(f"damage {number} of {name} goes unnoticed")
    forever = copy.deepcopy(source)
    forever["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["Token"]["Identity"]["ReauthorizeEvery"] = 3600
    if not broken(forever, template):
        unnoticed.append("an authorizer's answer that is kept for an hour goes unnoticed")
    partly = copy.deepcopy(source)
    partly["Resources"]["Query"]["Properties"].pop("AutoPublishAliasAllProperties")
    if not broken(partly, template):
        unnoticed.append("a function whose settings make no version goes unnoticed")
    # The only way past an alarm that is about the problem that the new version fixes.
    _, at_once = transformed(Rollout="AllAtOnce")
    if any(each["Type"].startswith("AWS::CodeDeploy::") for each in at_once["Resources"].values()):
        found.append("AllAtOnce asks alarms")
    ALLOWED["Tokens"].add(("DeleteItem", "AuditTokens"))
    if not broken(source, template):
        unnoticed.append("a right for which there is no call goes unnoticed")
    ALLOWED["Tokens"].remove(("DeleteItem", "AuditTokens"))
    RECORDED.remove("digest")
    if not any(told.startswith("recording") for told in broken(source, template)):
        unnoticed.append("an attribute that is written and not listed goes unnoticed")
    ALLOWED["Query"].remove(("PartiQLInsert", "AuditEvents"))
    if not any(told.startswith("the_list") for told in broken(source, template)):
        unnoticed.append("a call for which there is no right goes unnoticed")
    for told in found + unnoticed:
        print(told)
    print(f"{len(RULES)} rules, {len(found)} broken; {damages + 5} damages, {len(unnoticed)} unnoticed")
    return 1 if found or unnoticed else 0


def apply(damage, template):
    """Damages a template in place, whatever the damage removes."""
    resources = Resources(template["Resources"])
    damage(resources)
    template["Resources"] = resources


if __name__ == "__main__":
    sys.exit(main())
