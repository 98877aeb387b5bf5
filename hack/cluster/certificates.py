"""Keys and certificates of one short-lived cluster, and the kubeconfig files that carry them."""

import base64
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=365)
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority whose key lives in the cluster's folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
        if not self.pair.certificate.exists():
            self._create(name)

    def serve(self, name: str, names: Sequence[str]) -> Pair:
        """Return a serving certificate for host names and addresses."""
        alternatives = x509.SubjectAlternativeName([_general(value) for value in names])
        return self._sign(name, x509.Name([_common(name)]), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def client(self, file: str, user: str, groups: Sequence[str] = ()) -> Pair:
        """Return a client certificate: Kubernetes reads the user from CN and the groups from O."""
        organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*organizations, _common(user)])
        return self._sign(file, subject, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _create(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([_common(f"homeostat-{name}")])
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        certificate = (
            _builder(subject, subject, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(self.pair, key, certificate)

    def _sign(
        self, name: str, subject: x509.Name, usage: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        builder = _builder(subject, issuer.subject, key.public_key(), issuer.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        _write(pair, key, builder.sign(self._private_key(), hashes.SHA256()))
        return pair

    def _private_key(self) -> CertificateIssuerPrivateKeyTypes:
        key = serialization.load_pem_private_key(self.pair.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.pair.key}: not an elliptic curve key")
        return key


def signing_key(folder: Path, name: str) -> Path:
    """Return a key for service-account tokens; one PEM file serves both to sign and to check."""
    file = folder / f"{name}.key"
    _write_key(file, ec.generate_private_key(ec.SECP256R1()))
    return file


def write_kubeconfig(file: Path, server: str, authority: Path, pair: Pair) -> Path:
    """Write a kubeconfig with everything inside, so that it can be copied."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "homeostat",
        "clusters": [
            {"name": "homeostat", "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [
            {
                "name": "homeostat",
                "user": {
                    "client-certificate-data": _base64(pair.certificate),
                    "client-key-data": _base64(pair.key),
                },
            }
        ],
        "contexts": [{"name": "homeostat", "context": {"cluster": "homeostat", "user": "homeostat"}}],
    }
    write_private(file, json.dumps(document, indent=1).encode())  # JSON is YAML too
    return file


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    file.touch(mode=0o600)
    file.write_bytes(content)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    # Python from 3.13 on refuses certificates without the two key identifiers.
    authority = x509.AuthorityKeyIdentifier(x509.SubjectKeyIdentifier.from_public_key(issuer_key).digest, None, None)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(authority, critical=False)
    )


def _write(pair: Pair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    _write_key(pair.key, key)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    write_private(
        file, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )


def _common(name: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(NameOID.COMMON_NAME, name)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
