"""The command line: flask --app wsgi prepare | users | sessions | events | mail | keys | demo | doctor."""

from flask import Flask

from webapp.cli.events import events_group
from webapp.cli.keys import keys_group
from webapp.cli.mail import mail_group
from webapp.cli.sessions import sessions_group
from webapp.cli.setup import demo_group, doctor_command, prepare_command
from webapp.cli.users import users_group


def init_app(app: Flask) -> None:
    groups = (users_group, sessions_group, events_group, mail_group, keys_group, demo_group)
    for command in (*groups, prepare_command, doctor_command):
        app.cli.add_command(command)
