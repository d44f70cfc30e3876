"""The bucket of the archive, in MiniStack's S3, and the key of the archiver: it may put objects, as its role may."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from emulator import OWNER, REGION, session
from facts import holds

NAME = "archive"
FOLDERS = ("manifests", "ndjson", "parquet", "tests")


class Bucket:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.owner = self.client(OWNER["AWS_ACCESS_KEY_ID"], OWNER["AWS_SECRET_ACCESS_KEY"])
        self.owner.create_bucket(Bucket=NAME)
        iam = session(endpoint, OWNER["AWS_ACCESS_KEY_ID"], OWNER["AWS_SECRET_ACCESS_KEY"]).client("iam")
        iam.create_user(UserName="archiver")
        resources = [f"arn:aws:s3:::{NAME}/{folder}/workspace=*" for folder in FOLDERS]
        statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="archiver", PolicyName="archiver", PolicyDocument=document)
        made = iam.create_access_key(UserName="archiver")["AccessKey"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": endpoint,
            "ARCHIVE_BUCKET": NAME,
            "ARCHIVE_SECONDS": "5",
        }

    def client(self, key, secret):
        path = Config(s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": REGION}
        return boto3.client("s3", endpoint_url=self.endpoint, config=path, **keys)

    def the_archivers_key_can_only_put(self):
        archivers = self.client(self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"])
        key = {"Bucket": NAME, "Key": "parquet/workspace=unknown/x"}
        for what, attempt in {
            "read an object": lambda: archivers.get_object(**key),
            "delete one": lambda: archivers.delete_object(**key),
            "list the bucket": lambda: archivers.list_objects_v2(Bucket=NAME),
            "put one elsewhere": lambda: archivers.put_object(Bucket=NAME, Key="elsewhere", Body=b"x"),
        }.items():
            holds(f"the archiver's key cannot {what}", refused(attempt) == "AccessDenied")
        forged = self.client(self.environment["AWS_ACCESS_KEY_ID"], "not the secret")
        put = lambda: forged.put_object(**key, Body=b"x")
        holds("signatures are verified", refused(put) == "SignatureDoesNotMatch")

    def has(self, key):
        return refused(lambda: self.owner.head_object(Bucket=NAME, Key=key)) is None

    def copy_to(self, directory):
        for page in self.owner.get_paginator("list_objects_v2").paginate(Bucket=NAME):
            for found in page.get("Contents", []):
                path = directory / found["Key"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.owner.get_object(Bucket=NAME, Key=found["Key"])["Body"].read())


def refused(attempt):
    """AWS's word for why it is refused; None if it is not."""
    try:
        attempt()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None
