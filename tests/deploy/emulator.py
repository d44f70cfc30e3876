"""What stands in for the world around the stack: MiniStack for AWS, and the product's identity provider.

Everything listens on 127.0.0.1 and ends with this process.
"""

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from facts import wait_for

MINISTACK = str(pathlib.Path(__file__).with_name("mended_ministack.py"))
REGION = "us-east-1"
AUDIENCE = "audit-logs"
LEDGER_ORIGIN = "audit.example.com"
# Keys that MiniStack accepts as the account owner's.
OWNER = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


def start_ministack(directory, certificate):
    """MiniStack, with IAM enforced, and with nothing of this environment but what it needs."""
    port = free_port()
    endpoint = f"http://localhost:{port}"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= OWNER | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "SSL_CERT_FILE": str(certificate),
        # Functions inherit this environment. Without these three variables they would call AWS itself.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_KMS": endpoint,
        # Lambda sets this variable from LoggingConfig; MiniStack does not.
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }
    log = (directory / "ministack.log").open("w")
    process = subprocess.Popen(
        [sys.executable, MINISTACK], env=environment, stdout=log, stderr=log, start_new_session=True
    )

    def ready():
        if process.poll() is not None:
            sys.exit(f"MiniStack ended; see {log.name}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for("MiniStack serves", ready)
    return process, port, endpoint


def stop(process):
    """Ends MiniStack, which ends its functions; and what should be left of them."""
    process.terminate()
    try:
        process.wait(20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def session(endpoint, key, secret, token=None):
    made = boto3.Session(key, secret, token, region_name=REGION)
    client = made.client
    # Every client needs this, or it would call AWS itself.
    made.client = lambda service: client(service, endpoint_url=endpoint)
    return made


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def base64url(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class IdentityProvider:
    """The product's identity provider: publishes a key, as OpenID Connect has it, and signs claims."""

    def __init__(self, directory):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        port = free_port()
        self.issuer = f"https://localhost:{port}"
        self.certificate = directory / "issuer.pem"
        self.certificate.write_bytes(self._certificate() + self._private_key())
        numbers = self.key.public_key().public_numbers()

        def number(value):
            return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))

        jwk = {
            "kty": "RSA",
            "kid": "1",
            "alg": "RS256",
            "use": "sig",
            "n": number(numbers.n),
            "e": number(numbers.e),
        }
        documents = {
            "/.well-known/openid-configuration": {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"},
            "/keys": {"keys": [jwk]},
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = documents.get(self.path)
                self.send_response(200 if document else 404)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _private_key(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _certificate(self):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, now - day, now + day)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def jwt(self, **claims):
        now = int(time.time())
        standard = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "af03c0246b82",
            "iat": now - 1,
            "exp": now + 3600,
        }
        signed = f"{base64url({'alg': 'RS256', 'kid': '1'})}.{base64url(standard | claims)}"
        return f"{signed}.{base64url(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
