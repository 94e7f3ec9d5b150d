"""The forms of the pages: shape only. Whether what they hold is true, the use cases decide."""

from collections.abc import Callable
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from webapp import passwords
from webapp.addresses import email_key
from webapp.errors import InvalidFields
from webapp.models import EMAIL_LENGTH, NAME_LENGTH
from webapp.text import is_one_line, is_storable
from webapp.web.bodies import refuse_repeated_parameters


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _storable(_: FlaskForm, field: Field) -> None:
    if field.data and not is_storable(field.data):
        raise ValidationError("Remove the characters that cannot be typed.")


def _one_line(_: FlaskForm, field: Field) -> None:
    if field.data and not is_one_line(field.data):
        raise ValidationError("Remove the characters that cannot be seen.")


def _email_field(label: str = "Email address") -> StringField:
    return StringField(
        label,
        filters=[_trimmed],
        validators=[
            InputRequired("Enter your email address."),
            Length(max=EMAIL_LENGTH, message="Enter an email address of at most %(max)d characters."),
            _one_line,
        ],
    )


def _password_field(label: str = "Password", message: str = "Enter your password.") -> PasswordField:
    return PasswordField(
        label,
        validators=[
            InputRequired(message),
            Length(max=passwords.MAX_LENGTH, message="Enter a password of at most %(max)d characters."),
            _storable,
        ],
    )


def _name_field(label: str) -> StringField:
    return StringField(
        label,
        filters=[_trimmed],
        validators=[Length(max=NAME_LENGTH, message="Use at most %(max)d characters."), _one_line],
    )


def _code_field(label: str) -> StringField:
    return StringField(
        label,
        filters=[_trimmed],
        validators=[InputRequired("Enter the code."), Length(max=64, message="Enter a code, and nothing more.")],
    )


def is_accepted(form: FlaskForm, use_case: Callable[[], object]) -> bool:
    """Whether the form has its shape and the use case took what it holds; what either says stands beside the fields."""
    if not form.validate():
        return False
    try:
        use_case()
    except InvalidFields as error:
        for name, messages in error.errors.items():
            form[name].errors = [*form[name].errors, *messages]
        return False
    return True


class PageForm(FlaskForm):
    """What every form is made of: it takes the fields of a form that was sent, each once, and nothing else.

    Raises BadRequest for one that was given twice."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            # Flask-WTF would take files and JSON too, which may be anything, where our fields expect text.
            if formdata is None or not form.is_submitted():
                return None
            refuse_repeated_parameters()
            return request.form


class EmptyForm(PageForm):
    """A button: nothing but its protection against forgery."""


class LoginForm(PageForm):
    email = _email_field()
    password = _password_field()
    remember = BooleanField("Keep me signed in on this device", default=True)
    next = HiddenField()


class CodeForm(PageForm):
    code = _code_field("Code")


class RegisterForm(PageForm):
    first_name = _name_field("First name")
    last_name = _name_field("Last name")
    email = _email_field()
    password = _password_field(message="Choose a password.")


class EmailForm(PageForm):
    email = _email_field()


class ResetForm(PageForm):
    password = _password_field("New password", "Choose a password.")
    remove_passkeys = BooleanField("Remove these passkeys: not all of them are mine")


class ProfileForm(PageForm):
    first_name = _name_field("First name")
    last_name = _name_field("Last name")


class PasswordChangeForm(PageForm):
    current_password = _password_field("Current password", "Enter your current password.")
    new_password = _password_field("New password", "Choose a password.")


class EmailChangeForm(PageForm):
    email = _email_field("New email address")
    password = _password_field("Password", "Enter your password.")


class ActForm(PageForm):
    """Says yes to something that somebody else will feel; where it is grave, by their address."""

    address = StringField("Type the address to confirm", filters=[_trimmed])

    def confirms(self, address: str | None) -> bool:
        """Whether the form is ours, and names the address if there is one to name."""
        if not self.validate():
            return False
        if address is not None and email_key(self.address.data or "") != email_key(address):
            self.address.errors = ["Type the address exactly as it stands above."]
            return False
        return True


class PasswordProofForm(PageForm):
    password = _password_field()
    next = HiddenField()
