"""``sign``: sign an artifact, so that servers with the public key take it and no other."""

import argparse
from pathlib import Path

from router.predict.signature import sign_artifact


def add_sign(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``sign``."""
    parser = commands.add_parser(
        "sign",
        help="sign an artifact with an Ed25519 key",
        description="Sign the manifest of an artifact, which holds the hash of every file. Servers "
        "with --artifact-public-key take only artifacts signed so. Needs the extra 'sign'.",
    )
    parser.add_argument("--artifact", type=Path, metavar="DIR", required=True)
    parser.add_argument(
        "--key", type=Path, metavar="FILE", required=True, help="PEM Ed25519 private key"
    )
    parser.set_defaults(run=sign)


def sign(arguments: argparse.Namespace) -> int:
    """Write the signature and print its path; return 0."""
    print(sign_artifact(arguments.artifact, arguments.key))
    return 0
