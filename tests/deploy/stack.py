"""The stack: how it is deployed, what is in it, and how its API is reached."""

import http.client
import json
import os
import re
import subprocess
import urllib.parse

from emulator import AUDIENCE, LEDGER_ORIGIN, OWNER, REGION
from facts import holds
from samtranslator.yaml_helper import yaml_parse

STACK = "audit-logs"


def deploy(sam, stage, endpoint, issuer):
    """The `sam deploy` of README.md: it packs, uploads, makes a change set and waits for the stack."""
    command = [sam, "deploy", "--template-file", "template.yaml", "--stack-name", STACK, "--resolve-s3"]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
    command += ["--parameter-overrides", f"JwtIssuer={issuer}", f"JwtAudience={AUDIENCE}"]
    # Tests that wait for sealing poll more often than a client would.
    command += [f"LedgerOrigin={LEDGER_ORIGIN}", "ReadLimit=1000"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= OWNER | {"AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}
    run = subprocess.run(command, cwd=stage, env=environment, capture_output=True, text=True)
    holds(
        "sam deploy: the stack of template.yaml is complete",
        run.returncode == 0,
        run.stdout + run.stderr,
    )


class Stack:
    """What was deployed, by logical id."""

    def __init__(self, session):
        cloudformation = session.client("cloudformation")
        self.session = session
        self.processed = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")[
            "TemplateBody"
        ]
        self.source = cloudformation.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
        resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
        described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.parameters = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}

    def routes(self):
        """The routes as template.yaml writes them, each with its authorizer."""
        resources = yaml_parse(self.source)["Resources"]
        default = resources["Api"]["Properties"]["Auth"]["DefaultAuthorizer"]
        events = [
            event["Properties"]
            for resource in resources.values()
            for event in resource.get("Properties", {}).get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]
        return {
            f"{event['Method']} {event['Path']}": event.get("Auth", {}).get("Authorizer", default)
            for event in events
        }

    def function_arn(self, logical_id):
        function = self.session.client("lambda").get_function(FunctionName=self.ids[logical_id])
        return function["Configuration"]["FunctionArn"]

    def counted(self, function):
        """The lines of a function's log that an alarm's metric filter counts."""
        group, logs = f"/aws/lambda/{STACK}-{function}", self.session.client("logs")
        watched = {
            resource["Properties"]["MetricName"]
            for resource in self.processed["Resources"].values()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
        }
        (metric,) = [
            metric
            for metric in logs.describe_metric_filters(logGroupName=group)["metricFilters"]
            if metric["metricTransformations"][0]["metricName"] in watched
        ]
        # MiniStack has no patterns on JSON, so this pattern is matched here.
        clause = r'\$\.fields\.(\w+) = "([^"]+)"'
        if not re.fullmatch(rf"{{ {clause}(\s*\|\|\s*{clause})* }}", metric["filterPattern"]):
            holds("the pattern of a metric filter is one of a few members", False, metric)
        wanted = re.findall(clause, metric["filterPattern"])
        lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        lines = [json.loads(line) for line in lines if line.startswith("{")]
        return [
            line for line in lines if any(line["fields"].get(member) == text for member, text in wanted)
        ]

    def named(self, name):
        """What a template's `${name}` stands for."""
        if name.endswith(".Arn"):
            return self.function_arn(name.removesuffix(".Arn"))
        pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::StackName": STACK}
        return (self.ids | self.parameters | pseudo)[name]

    def resolve(self, node):
        """Replaces the intrinsic functions that SAM leaves in the document of an API."""
        match node:
            case {"Ref": name}:
                return self.named(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.function_arn(name)
            case {"Fn::Sub": [text, values]}:
                values = {name: self.resolve(value) for name, value in values.items()}
                return re.sub(
                    r"\$\{([^}]+)\}", lambda found: values.get(found[1]) or self.named(found[1]), text
                )
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self.named(found[1]), text)
            case dict():
                return {name: self.resolve(value) for name, value in node.items()}
            case list():
                return [self.resolve(value) for value in node]
        return node


def wire(stack):
    """Does what API Gateway does when it imports the document that SAM made of the template's routes."""
    gateway = stack.session.client("apigatewayv2")
    api = stack.ids["Api"]
    document = stack.resolve(stack.processed["Resources"]["Api"]["Properties"]["Body"])
    authorizers = {"NONE": {}}
    for name, scheme in document["components"]["securitySchemes"].items():
        wanted = scheme["x-amazon-apigateway-authorizer"]
        source = wanted["identitySource"]
        settings = {
            "ApiId": api,
            "Name": name,
            "IdentitySource": source if isinstance(source, list) else [source],
        }
        if wanted["type"] == "jwt":
            jwt = wanted["jwtConfiguration"]
            settings |= {
                "AuthorizerType": "JWT",
                "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
            }
        else:
            settings |= {
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": wanted["authorizerUri"],
                "AuthorizerPayloadFormatVersion": wanted["authorizerPayloadFormatVersion"],
                "EnableSimpleResponses": wanted["enableSimpleResponses"],
                "AuthorizerResultTtlInSeconds": wanted["authorizerResultTtlInSeconds"],
            }
        kind = {"jwt": "JWT", "request": "CUSTOM"}[wanted["type"]]
        made = gateway.create_authorizer(**settings)
        authorizers[name] = {"AuthorizationType": kind, "AuthorizerId": made["AuthorizerId"]}
    routes = [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    for route, operation in routes:
        wanted = operation["x-amazon-apigateway-integration"]
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationMethod=wanted["httpMethod"],
            IntegrationUri=wanted["uri"],
            PayloadFormatVersion=wanted["payloadFormatVersion"],
        )
        (authorizer,) = operation["security"][0]
        target = f"integrations/{integration['IntegrationId']}"
        gateway.create_route(ApiId=api, RouteKey=route, Target=target, **authorizers[authorizer])
    called = [operation["x-amazon-apigateway-integration"]["uri"] for _, operation in routes]
    called += [
        scheme["x-amazon-apigateway-authorizer"]["authorizerUri"]
        for scheme in document["components"]["securitySchemes"].values()
        if "authorizerUri" in scheme["x-amazon-apigateway-authorizer"]
    ]
    past = [uri for uri in called if not uri.endswith(":live/invocations")]
    holds("the API calls each function, and its authorizer, by the alias", not past, past)
    wired = {route: operation["security"] for route, operation in routes}
    wanted = {route: [{authorizer: []}] for route, authorizer in stack.routes().items()}
    holds(
        f"each of the template's {len(wanted)} routes has its function and its authorizer",
        wired == wanted,
        wired,
    )


class Api:
    """A client of the deployed API."""

    def __init__(self, api, port):
        self.host, self.port, self.reads = f"{api}.execute-api.localhost:{port}", port, 0

    def call(self, method, path, authorization=None, body=None, **query):
        """The status and the answer, as JSON where there is any."""
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, text = self.send(method, target, authorization, body)
        if method == "GET" and path.endswith("/audit_logs") and status == 200:
            self.reads += 1
        return status, json.loads(text) if text else None

    def fetch(self, path, authorization):
        """The status and the answer, as bytes."""
        return self.send("GET", path, authorization, None)

    def send(self, method, target, authorization, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Host": self.host} | ({"Authorization": authorization} if authorization else {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, text
