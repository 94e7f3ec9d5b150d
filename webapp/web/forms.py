"""The forms of the pages: shape only. Whether what they hold is true, the use cases decide."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from webapp import passwords
from webapp.models import EMAIL_LENGTH, NAME_LENGTH
from webapp.text import is_one_line, is_storable


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _storable(_: FlaskForm, field: Field) -> None:
    if field.data and not is_storable(field.data):
        raise ValidationError("Remove the characters that cannot be typed.")


def _one_line(_: FlaskForm, field: Field) -> None:
    if field.data and not is_one_line(field.data):
        raise ValidationError("Remove the characters that cannot be seen.")


class LoginForm(FlaskForm):
    email = StringField(
        "Email address",
        filters=[_trimmed],
        validators=[
            InputRequired("Enter your email address."),
            Length(max=EMAIL_LENGTH, message="Enter an email address of at most %(max)d characters."),
            _one_line,
        ],
    )
    password = PasswordField(
        "Password",
        validators=[
            InputRequired("Enter your password."),
            Length(max=passwords.MAX_LENGTH, message="Enter a password of at most %(max)d characters."),
            _storable,
        ],
    )
    remember = BooleanField("Keep me signed in on this device", default=True)
    next = HiddenField()


class ProfileForm(FlaskForm):
    first_name = StringField(
        "First name",
        filters=[_trimmed],
        validators=[Length(max=NAME_LENGTH, message="Use at most %(max)d characters."), _one_line],
    )
    last_name = StringField(
        "Last name",
        filters=[_trimmed],
        validators=[Length(max=NAME_LENGTH, message="Use at most %(max)d characters."), _one_line],
    )
