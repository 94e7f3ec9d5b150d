"""flask keys: making them, and ending the need for the ones before."""

import secrets
from typing import Final, Literal

import click
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask.cli import AppGroup

from webapp import seeds
from webapp.cli.shared import explains_errors, json_option, print_json
from webapp.database import db
from webapp.web.context import settings

keys_group = AppGroup("keys", help="Keys that sign forms and tokens.")
KEY_BYTES: Final = 48


@keys_group.command("new")
@click.option(
    "--signing",
    type=click.Choice(["ed25519", "p-256"]),
    help="A private key for JWT_SIGNING_KEY, on one line, instead of one for SECRET_KEY.",
)
@json_option
def new_key(*, signing: Literal["ed25519", "p-256"] | None, as_json: bool) -> None:
    """Print a new key for SECRET_KEY: 384 random bits. Nothing is stored."""
    name, key = (
        ("JWT_SIGNING_KEY", _private_key(signing)) if signing else ("SECRET_KEY", secrets.token_urlsafe(KEY_BYTES))
    )
    if as_json:
        print_json({name: key})
    else:
        click.echo(f"{name}={key}")


def _private_key(curve: str) -> str:
    """Return a new private key in PEM (PKCS #8) on one line, as files of settings have it."""
    key = Ed25519PrivateKey.generate() if curve == "ed25519" else generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem.strip().replace("\n", "\\n")


@keys_group.command("reseal")
@explains_errors
@json_option
def reseal_seeds(*, as_json: bool) -> None:
    """Seal the seeds of second factors anew under SECRET_KEY, so that SECRET_KEY_PREVIOUS is not needed for them.

    Exit status 1 if there are seeds that no key opens."""
    resealed, shut = seeds.reseal(db.session, settings())
    if as_json:
        print_json({"resealed": resealed, "not_opened": shut})
    else:
        click.echo(f"Sealed {resealed} seeds anew; {shut} are opened by no key.")
    if shut:
        message = "Codes made from seeds that no key opens are refused: add the key that sealed them to"
        raise click.ClickException(f"{message} SECRET_KEY_PREVIOUS. `flask --app wsgi doctor` names their users.")
