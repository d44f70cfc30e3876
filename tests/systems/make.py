#!/usr/bin/env python3
"""Makes the records in this folder: audit records of five other systems, one a line, written after the members that their public
documentation describes. No record is a copy; names, addresses and ids are invented. Each line has `action`, the name that the
system gives to what happened, and `record`.

    python3 tests/systems/make.py

The sources, as of November 2026:
  CloudTrail          https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
  Okta System Log     https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
  GitHub              https://docs.github.com/en/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/audit-log-events-for-your-organization
  Google Cloud        https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog
  Kubernetes          https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
import pathlib
import random

HERE = pathlib.Path(__file__).parent
random.seed(20)
NAMES = ["Zoë Ångström", "مدير النظام", "山田 太郎", "Łukasz O'Neill", "Nguyễn Thị Minh", "\u200fמשה לוי", "J. \"Jo\" Doe <jo@example.com>", "Анна 🕷"]
AGENTS = [
    "aws-cli/2.31.5 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 cfg/retry-mode#standard",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9", "Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.18.0",
    "google-cloud-sdk gcloud/545.0.0 command/gcloud.projects.add-iam-policy-binding invocation-id/" + "f" * 32, None, "",
    "() { :;}; echo vulnerable\t" + "A" * 2000,
]
ADDRESSES = ["203.0.113.9", "2001:db8::17:3", "::ffff:198.51.100.4", "198.51.100.200", "cloudformation.amazonaws.com", "private", "192.0.2.1:443"]


def hexes(length):
    return "".join(random.choice("0123456789abcdef") for _ in range(length))


def uuid():
    return "-".join(hexes(length) for length in (8, 4, 4, 4, 12))


def any_of(values):
    return random.choice(values)


def time(number, digits=0):
    fraction = f".{random.randrange(10 ** digits):0{digits}}" if digits else ""
    return f"2026-11-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:{(number * 7) % 60:02}{fraction}Z"


def cloudtrail(number, action):
    source, name, request, response, more = action
    account = f"{random.randrange(10 ** 11, 10 ** 12)}"
    role = {
        "type": "AssumedRole", "principalId": f"AROA{hexes(17).upper()}:{any_of(NAMES)}", "accountId": account,
        "arn": f"arn:aws:sts::{account}:assumed-role/Deploy/session-{number}", "accessKeyId": f"ASIA{hexes(16).upper()}",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": f"AROA{hexes(17).upper()}", "arn": f"arn:aws:iam::{account}:role/Deploy", "accountId": account, "userName": "Deploy"},
            "webIdFederationData": {}, "attributes": {"creationDate": time(number), "mfaAuthenticated": "false"}, "sourceIdentity": "anna",
        },
    }
    identity = any_of([
        role, {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account},
        {"type": "IAMUser", "principalId": f"AIDA{hexes(17).upper()}", "userName": any_of(NAMES), "accountId": account, "accessKeyId": ""},
        {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, {"type": "Unknown", "principalId": "", "accountId": "", "userName": ""},
    ])
    return name, {
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": time(number), "eventSource": f"{source}.amazonaws.com", "eventName": name,
        "awsRegion": any_of(["us-east-1", "eu-central-1", "cn-north-1"]), "sourceIPAddress": any_of(ADDRESSES), "userAgent": any_of(AGENTS),
        "requestParameters": request, "responseElements": response, "requestID": uuid(), "eventID": uuid(), "readOnly": name.startswith(("Get", "List", "Describe")),
        "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": account, "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": f"{source}.eu-central-1.amazonaws.com"},
        **more,
    }


POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringLike": {"aws:userid": "*:\u202ebot"}}}]}, ensure_ascii=False)
CLOUDTRAIL = [
    ("signin", "ConsoleLogin", None, {"ConsoleLogin": "Failure"}, {"eventType": "AwsConsoleSignIn", "errorMessage": "Failed authentication", "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/console/home?state=hashArgs%23&isauthcode=true", "MobileVersion": "No", "MFAUsed": "No"}}),
    ("s3", "PutObject", {"bucketName": "logs", "key": "a b/ü/" + "x" * 900, "Host": "logs.s3.amazonaws.com"}, {"x-amz-server-side-encryption": "AES256"}, {"additionalEventData": {"SignatureVersion": "SigV4", "bytesTransferredIn": 5368709120.0, "bytesTransferredOut": 0.0, "x-amz-id-2": "q" * 76}, "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::logs/a"}], "eventCategory": "Data", "managementEvent": False}),
    ("iam", "PutRolePolicy", {"roleName": "Deploy", "policyName": "all", "policyDocument": POLICY}, None, {}),
    ("ec2", "RunInstances", {"instancesSet": {"items": [{"imageId": "ami-0f", "minCount": 1, "maxCount": 3}]}, "blockDeviceMapping": {}, "monitoring": {"enabled": False}, "disableApiTermination": False, "userData": "<sensitiveDataRemoved>"}, {"requestId": uuid(), "instancesSet": {"items": [{"instanceId": "i-1", "instanceState": {"code": 0, "name": "pending"}, "launchTime": 1794105600000, "cpuOptions": {"coreCount": 2, "threadsPerCore": 1}}] * 3}}, {}),
    ("kms", "Decrypt", {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::x", "": "empty"}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, None, {"readOnly": True, "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": "arn:aws:kms:eu-central-1:111122223333:key/k"}], "sharedEventID": uuid(), "vpcEndpointId": "vpce-1"}),
    ("lambda", "Invoke", {"functionName": "f", "qualifier": "$LATEST", "invocationType": "RequestResponse"}, None, {"errorCode": "TooManyRequestsException", "errorMessage": "Rate exceeded"}),
    ("sts", "AssumeRoleWithWebIdentity", {"roleArn": "arn:aws:iam::1:role/r", "roleSessionName": "gh@1", "durationSeconds": 3600}, {"credentials": {"accessKeyId": "ASIAX", "sessionToken": "t" * 1200, "expiration": "Nov 9, 2026, 1:02:03 AM"}, "subjectFromWebIdentityToken": "repo:octo/app:ref:refs/heads/main", "provider": "arn:aws:iam::1:oidc-provider/x"}, {"apiVersion": "2011-06-15"}),
    ("dynamodb", "UpdateTable", {"tableName": "t", "provisionedThroughput": {"readCapacityUnits": 40000, "writeCapacityUnits": 5}}, {"tableDescription": {"tableSizeBytes": 9007199254740991, "itemCount": 4503599627370496, "creationDateTime": "Nov 9, 2026, 1:02:03 AM", "provisionedThroughput": {"numberOfDecreasesToday": 0.0}}}, {}),
    ("logs", "PutMetricFilter", {"filterPattern": "{ ($.errorCode = \"*Unauthorized*\") || ($.x != 1) }", "metricTransformations": [{"metricValue": "1", "defaultValue": 0.1, "dimensions": None}]}, None, {"sessionCredentialFromConsole": "true"}),
    ("cloudtrail", "ConsoleLoginInsight", None, None, {"eventCategory": "Insight", "insightDetails": {"state": "Start", "eventName": "RunInstances", "insightType": "ApiCallRateInsight", "insightContext": {"statistics": {"baseline": {"average": 0.0017361111}, "insight": {"average": 3.8}, "insightDuration": 5, "baselineDuration": 11547}, "attributions": [{"attribute": "userAgent", "insight": [{"value": AGENTS[7], "average": 1e-7}], "baseline": []}]}}}),
]


def okta(number, action):
    name, severity, target, debug = action
    client = {
        "userAgent": {"rawUserAgent": any_of(AGENTS), "os": "Mac OS X", "browser": "SAFARI"}, "zone": "null", "device": "Computer", "id": None, "ipAddress": any_of(ADDRESSES[:4]),
        "geographicalContext": {"city": "Malmö", "state": "Skåne län", "country": "Sweden", "postalCode": "211 20", "geolocation": {"lat": 55.6058, "lon": -13.0358}},
    }
    return name, {
        "actor": {"id": f"00u{hexes(17)}", "type": "User", "alternateId": "anna@example.com", "displayName": any_of(NAMES), "detailEntry": None},
        "client": client, "device": any_of([None, {"id": f"guo{hexes(17)}", "name": any_of(NAMES), "os_platform": "OSX", "managed": False, "registered": True, "screen_lock_type": "BIOMETRIC"}]),
        "authenticationContext": {"authenticationProvider": None, "credentialProvider": None, "credentialType": None, "issuer": None, "interface": None, "authenticationStep": 0, "rootSessionId": f"idx{hexes(22)}", "externalSessionId": f"idx{hexes(22)}"},
        "displayMessage": f"{name}: {any_of(NAMES)}", "eventType": name, "outcome": any_of([{"result": "SUCCESS", "reason": None}, {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"}, {"result": "DENY", "reason": "Sign-on policy evaluation resulted in DENY"}]),
        "published": time(number, 3), "severity": severity, "debugContext": {"debugData": debug | {"requestId": hexes(32), "dtHash": hexes(64), "requestUri": "/api/v1/authn", "url": "/api/v1/authn?"}},
        "legacyEventType": None, "transaction": {"type": "WEB", "id": hexes(32), "detail": {}}, "uuid": uuid(), "version": "0",
        "request": {"ipChain": [{"ip": "203.0.113.9", "geographicalContext": client["geographicalContext"], "version": "V4", "source": None}, {"ip": "10.0.0.1", "geographicalContext": None, "version": "V4", "source": None}]},
        "target": target, "securityContext": {"asNumber": 4200000000, "asOrg": "example \u202dnet", "isp": "example", "domain": ".", "isProxy": False},
    }


def target(kind, **more):
    return {"id": f"00x{hexes(17)}", "type": kind, "alternateId": "unknown", "displayName": any_of(NAMES), "detailEntry": more or None}


OKTA = [
    ("user.session.start", "INFO", None, {"threatSuspected": "false", "risk": "{reasons=Anomalous Location, level=HIGH}", "behaviors": "{New Geo-Location=POSITIVE, New Device=NEGATIVE}"}),
    ("user.authentication.auth_via_mfa", "WARN", [target("AuthenticatorEnrollment", methodTypeUsed="Push", methodUsedVerifiedProperties="[USER_PRESENCE]")], {"factor": "OKTA_VERIFY_PUSH", "pushOnlyResponseType": "OV_RESPONSE_DENY"}),
    ("group.user_membership.add", "INFO", [target("User"), target("UserGroup")], {}),
    ("policy.rule.update", "WARN", [target("PolicyRule", policyRuleFactorMode="2FA"), target("PolicyEntity", policyType="OktaSignOn")], {"changedAttributes": "conditions,actions"}),
    ("application.lifecycle.create", "INFO", [target("AppInstance")], {"logOnlySecurityData": json.dumps({"risk": {"level": "LOW"}, "behaviors": {}})}),
    ("system.api_token.create", "INFO", [target("Token")], {"tunnels": "[{\"anonymous\":true,\"operator\":null,\"type\":\"VPN\"}]"}),
    ("app.oauth2.as.token.grant.access_token", "INFO", [target("access_token", expires="2026-11-09T01:02:03.000Z", hash=hexes(22), subject="00u1")], {"grantedScopes": "openid, profile", "responseTime": "187"}),
    ("user.account.report_suspicious_activity_by_enduser", "ERROR", [], {"suspiciousActivityEventId": uuid(), "long": "é" * 9000}),
    ("iam.resourceset.bindings.add", "DEBUG", [target("RESOURCE_SET"), target("CUSTOM_ROLE")] * 20, {"privilegeGranted": "Organization administrator, Application administrator (all)"}),
]


def github(number, action):
    name, more = action
    return name, {
        "@timestamp": 1794105600000 + number * 1013, "_document_id": hexes(22), "action": name, "actor": any_of(["octo-cat", "dependabot[bot]", "ünï-code"]), "actor_id": random.randrange(2 ** 31),
        "actor_ip": any_of(ADDRESSES[:4]), "actor_is_bot": number % 3 == 0, "actor_location": {"country_code": any_of(["SE", "", None])}, "business": "octo-corp", "business_id": 4_294_967_296 + number,
        "created_at": 1794105600000 + number * 1013, "operation_type": any_of(["create", "modify", "remove", "authentication"]), "org": any_of(["octo-org", ["octo-org", "octo-lab"]]), "org_id": any_of([8_123_456, [8_123_456, 9_123_456]]),
        "user_agent": any_of(AGENTS), "request_id": f"{hexes(4)}:{hexes(6)}:{hexes(7)}".upper(), "external_identity_nameid": any_of(NAMES), "hashed_token": hexes(43) + "=", "programmatic_access_type": any_of(["OAuth access token", "Fine-grained personal access token", None]),
        "token_id": 2_305_843_009_213_693 + number, "token_scopes": "admin:org,repo,workflow", **more,
    }


GITHUB = [
    ("git.clone", {"repo": "octo-org/app", "repository": "octo-org/app", "repository_public": False, "transport_protocol": 1, "transport_protocol_name": "http", "user": "", "user_id": 0}),
    ("protected_branch.policy_override", {"branch": "refs/heads/release/1.x", "overridden_codes": ["review_policy_not_satisfied", "required_status_checks"], "reasons": [{"code": "review_policy_not_satisfied", "message": "At least 1 approving review is required."}], "before": "0" * 40, "after": hexes(40)}),
    ("workflows.completed_workflow_run", {"completed_at": "2026-11-09T01:02:03.000Z", "conclusion": "success", "event": "push", "head_branch": "fix/ü-\u2066x\u2069", "head_sha": hexes(40), "is_hosted_runner": True, "job_workflow_ref": None, "run_attempt": 1, "run_number": 40_213, "runner_labels": ["ubuntu-24.04"], "secrets_passed": ["", "NPM_TOKEN"], "workflow_run_id": 9_876_543_210_123, "name": "CI <script>alert(1)</script>", "started_at": "2026-11-09T01:00:03.000Z", "trigger_id": None, "workflow_id": 1}),
    ("org.update_member", {"user": "octo-dog", "user_id": 77, "permission": "admin", "old_permission": "read"}),
    ("repo.access", {"visibility": "public", "previous_visibility": "private", "public_repo": True}),
    ("secret_scanning_alert.create", {"number": 12, "secret_type": "aws_access_key_id", "secret_type_display_name": "AWS Access Key ID", "publicly_leaked": True, "multi_repo": False}),
    ("hook.config_changed", {"hook_id": 400_500_600, "events": ["*"], "config": {"url": "https://example.com/hook?key=********", "insecure_ssl": "0", "content_type": "json"}, "config_was": {"url": "", "insecure_ssl": "1"}, "active": True, "active_was": False}),
    ("copilot.cfb_seat_assignment_created", {"seat_assignment_ids": list(range(1000, 1100)), "agent": {"name": "copilot-coding-agent", "session_id": uuid()}, "user": None}),
    ("business.set_actions_retention_limit", {"limit": 400, "data": {"commit_message": "Merge pull request\n\n" + "long line " * 1800, "changes": {"added": [], "removed": None}}}),
]


def google(number, action):
    service, method, more, request = action
    project = "proj-" + hexes(6)
    return method, {
        "insertId": hexes(12), "logName": f"projects/{project}/logs/cloudaudit.googleapis.com%2Factivity", "timestamp": time(number, 9), "receiveTimestamp": time(number, 9), "severity": any_of(["NOTICE", "ERROR", "INFO"]),
        "resource": {"type": "project", "labels": {"project_id": project, "location": "", "zone": "europe-west3-b"}},
        "operation": any_of([{"id": f"operation-{hexes(20)}", "producer": service, "first": True}, {"id": "x", "producer": service, "last": True}]),
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": service, "methodName": method, "resourceName": f"projects/{project}", "numResponseItems": "9223372036854775807",
            "authenticationInfo": {"principalEmail": "anna@example.com", "principalSubject": "user:anna@example.com", "authoritySelector": "", "thirdPartyPrincipal": {"@type": "x", "payload": {"iss": "https://token.actions.githubusercontent.com"}}, "serviceAccountDelegationInfo": [{"firstPartyPrincipal": {"principalEmail": "sa@example.iam.gserviceaccount.com", "serviceMetadata": {}}}]},
            "authorizationInfo": [{"resource": f"projects/{project}", "permission": "resourcemanager.projects.setIamPolicy", "granted": number % 2 == 0, "resourceAttributes": {"service": "", "name": f"projects/{project}", "type": "x"}, "permissionType": "ADMIN_WRITE"}] * (1 + number % 4),
            "requestMetadata": {"callerIp": any_of(ADDRESSES), "callerSuppliedUserAgent": any_of(AGENTS), "callerNetwork": "//compute.googleapis.com/projects/p/global/networks/__unknown__", "requestAttributes": {"time": time(number, 6), "reason": "8uSywAYQGg5Db2xpc2V1bSBGbG93cw", "auth": {}}, "destinationAttributes": {}},
            "status": any_of([{}, {"code": 7, "message": "Permission denied: " + any_of(NAMES), "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED", "metadata": {"permission": "p"}}]}]),
            "request": request | {"@type": "type.googleapis.com/google.iam.v1.SetIamPolicyRequest"}, "response": any_of([None, {"etag": "BwYxZ1Q=", "version": 3}]), "serviceData": None, "metadata": {"violationReason": "NO_MATCHING_ACCESS_LEVEL", "securityPolicyInfo": {}},
        },
        **more,
    }


GOOGLE = [
    ("cloudresourcemanager.googleapis.com", "google.iam.v1.IAMPolicy.SetIamPolicy", {}, {"policy": {"bindings": [{"role": "roles/owner", "members": ["user:anna@example.com", "allUsers"], "condition": {"expression": "request.time < timestamp(\"2027-01-01T00:00:00Z\") && resource.name.startsWith('x')", "title": any_of(NAMES)}}], "auditConfigs": []}}),
    ("compute.googleapis.com", "v1.compute.instances.insert", {"labels": {"compute.googleapis.com/root_trigger_id": uuid()}}, {"name": "vm", "disks": [{"boot": True, "initializeParams": {"diskSizeGb": "10"}, "index": 0}], "networkInterfaces": [{"accessConfigs": [{"natIP": None}]}], "metadata": {"items": [{"key": "startup-script", "value": "#!/bin/sh\necho '\t'\r\n" * 300}]}}),
    ("storage.googleapis.com", "storage.objects.get", {"trace": "projects/p/traces/" + hexes(32), "traceSampled": True, "spanId": hexes(16)}, {}),
    ("bigquery.googleapis.com", "google.cloud.bigquery.v2.JobService.InsertJob", {"split": {"uid": uuid(), "index": 0, "totalSplits": 2}}, {"job": {"jobConfig": {"queryConfig": {"query": "SELECT '\u2028' AS a, `b` FROM t WHERE x > 1e-7", "priority": "QUERY_INTERACTIVE"}}, "jobStats": {"totalBilledBytes": "10485760", "slotMs": 1e21, "ratio": 0.30000000000000004}}}),
    ("k8s.io", "io.k8s.core.v1.secrets.list", {"labels": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}}, {}),
    ("iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey", {}, {"name": "projects/-/serviceAccounts/sa", "private_key_type": 2}),
    ("login.googleapis.com", "google.login.LoginService.loginFailure", {}, {"event": [{"eventName": "login_failure", "parameter": [{"name": "login_challenge_method", "multiStrValue": ["password", "security_key"]}, {"name": "is_suspicious", "boolValue": False}, {"name": "dusi", "intValue": "-9007199254740993"}]}]}),
    ("admin.googleapis.com", "google.admin.AdminService.changePassword", {"httpRequest": {"requestMethod": "POST", "status": 200, "latency": "0.187s", "cacheLookup": None}}, {}),
    ("cloudsql.googleapis.com", "cloudsql.instances.update", {}, {"body": {"settings": {"tier": "db-f1-micro", "databaseFlags": [{"name": "max_connections", "value": "100"}], "dataDiskSizeGb": "9007199254740993", "backupConfiguration": {"enabled": True, "startTime": None}}}}),
]


def kubernetes(number, action):
    verb, resource, code, request, response = action
    group, name = resource
    path = f"/apis/{group}/v1/namespaces/prod/{name}" if group else f"/api/v1/namespaces/prod/{name}"
    return f"{verb} {path}", {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": any_of(["Metadata", "Request", "RequestResponse"]), "auditID": uuid(), "stage": any_of(["ResponseComplete", "RequestReceived", "Panic"]), "requestURI": f"{path}?fieldManager=kubectl-client-side-apply&limit=500",
        "verb": verb, "user": {"username": any_of(["system:serviceaccount:prod:deployer", *NAMES]), "uid": uuid(), "groups": ["system:authenticated", "developers"], "extra": {"authentication.kubernetes.io/pod-name": ["deployer-0"], "authentication.kubernetes.io/credential-id": [f"JTI={uuid()}"]}},
        "impersonatedUser": any_of([None, {"username": "admin", "groups": None}]), "sourceIPs": [any_of(ADDRESSES[:4]), "10.0.0.1"], "userAgent": any_of(AGENTS),
        "objectRef": {"resource": name, "namespace": "prod", "name": f"web-{number}", "uid": uuid(), "apiGroup": group, "apiVersion": "v1", "resourceVersion": "18446744073709551615", "subresource": any_of(["", "status", "exec"])},
        "responseStatus": {"metadata": {}, "status": "Failure" if code >= 400 else "Success", "message": "" if code < 400 else f"{name} is forbidden: User \"{any_of(NAMES)}\" cannot {verb}", "reason": "Forbidden" if code >= 400 else "", "details": None, "code": code},
        "requestObject": request, "responseObject": response, "requestReceivedTimestamp": time(number, 6), "stageTimestamp": time(number + 1, 6),
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC: allowed by ClusterRoleBinding \"admins\"", "pod-security.kubernetes.io/audit-violations": "would violate PodSecurity \"restricted:latest\""},
    }


META = {"name": "web", "namespace": "prod", "creationTimestamp": None, "generation": 9007199254740991, "labels": {"app.kubernetes.io/name": "web", "": ""}, "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:value": {}}}}}}}}}}]}
KUBERNETES = [
    ("create", ("apps", "deployments"), 201, {"kind": "Deployment", "metadata": META, "spec": {"replicas": 3, "progressDeadlineSeconds": 600, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}, "template": {"spec": {"containers": [{"name": "web", "image": "r.example.com/web@sha256:" + "0" * 64, "args": ["--x=\u0007\u001b[0m"], "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": None}}], "terminationGracePeriodSeconds": 4503599627370496}}}, "status": {}}, None),
    ("patch", ("", "configmaps"), 200, {"data": {"nginx.conf": "server {\n\tlisten 80;\r\n}\n" * 400, "empty": "", "null": None}, "binaryData": {"a": "AAEC"}}, {"metadata": META}),
    ("get", ("", "secrets"), 403, None, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 403}),
    ("list", ("rbac.authorization.k8s.io", "clusterroles"), 200, None, None),
    ("create", ("", "pods"), 101, {"kind": "PodExecOptions", "command": ["sh", "-c", "rm -rf / --no-preserve-root; echo \"$HOME\""], "stdin": True, "tty": True}, None),
    ("delete", ("", "namespaces"), 200, {"kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Background", "preconditions": None}, {"kind": "Namespace", "status": {"phase": "Terminating"}}),
    ("create", ("authorization.k8s.io", "subjectaccessreviews"), 201, {"spec": {"user": "anna", "groups": None, "resourceAttributes": {"verb": "*", "resource": "*"}}, "status": {"allowed": False}}, {"status": {"allowed": True, "reason": any_of(NAMES)}}),
    ("update", ("coordination.k8s.io", "leases"), 409, {"spec": {"holderIdentity": "node-1", "leaseDurationSeconds": 40, "renewTime": "2026-11-09T01:02:03.123456Z", "leaseTransitions": 2147483647}}, None),
    ("create", ("autoscaling", "horizontalpodautoscalers"), 422, {"spec": {"minReplicas": 0, "maxReplicas": 1, "metrics": [{"type": "External", "external": {"target": {"value": "1k", "averageValue": 0.1}}}], "behavior": {"scaleDown": {"policies": []}}}}, None),
]

SYSTEMS = {"cloudtrail": (cloudtrail, CLOUDTRAIL, 45), "okta": (okta, OKTA, 45), "github": (github, GITHUB, 45), "google_cloud": (google, GOOGLE, 45), "kubernetes": (kubernetes, KUBERNETES, 45)}


def main():
    for system, (make, actions, count) in SYSTEMS.items():
        lines = []
        for number in range(count):
            action, record = make(number, actions[number % len(actions)])
            lines.append(json.dumps({"action": action, "record": record}, ensure_ascii=False))
        (HERE / f"{system}.ndjson").write_text("\n".join(lines) + "\n")


main()
