"""What people are told of an error, and what they can do about it, where the error itself does not say."""

from typing import Final

from webapp.errors import AppError, InvalidFields, LastAdministrator

WORDS: Final = {
    400: ("That request made no sense to us", "Go back and try again."),
    403: ("This page is not for you", "Your account may not open it. Sign in with another one, or go on elsewhere."),
    404: ("This page does not exist", "Check the address, or go to the start page."),
    405: ("This address cannot be used that way", "Go to the start page."),
    413: ("That was too large", "Send less at once."),
    500: ("Something went wrong", "The fault is ours and has been logged. Try again, or come back a little later."),
}
# Of single errors, and what pages call a field.
_ADVICE: Final = {LastAdministrator.code: "Make another user an administrator first, under Admin, Users."}
_FIELDS: Final = {"since": "From day", "until": "To day"}


def detail_for_people(error: AppError) -> str:
    """Return what is wrong with which field, or what can be done where the error has nothing to add to its title."""
    if isinstance(error, InvalidFields):
        # What is no name of ours is not repeated: somebody else may have written the link.
        names = [
            _FIELDS.get(name) or (name.replace("_", " ") if name.isidentifier() else "What else was sent")
            for name in error.errors
        ]
        texts = ("; ".join(texts).removesuffix(".") for texts in error.errors.values())
        return " ".join(f"{name}: {text}." for name, text in zip(names, texts, strict=True))
    if error.detail != f"{error.title}.":
        return error.detail
    return _ADVICE.get(error.code) or WORDS.get(error.status, ("", error.detail))[1]
