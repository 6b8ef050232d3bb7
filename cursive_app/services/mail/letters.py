"""The letters: what each kind of mail says, as text and as HTML. Values are escaped; subjects are one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it has an address. `action` is one button: words and an address of ours."""

    subject: str
    paragraphs: tuple[str, ...]
    action: tuple[str, str] | None = None
    small: str = ""


Context = Mapping[str, str]


def _verify_email(c: Context) -> Letter:
    return Letter(
        subject="Confirm your e-mail address",
        paragraphs=(f"Hello {c['name']},", "confirm this address to start using Cursive. The link works for 24 hours."),
        action=("Confirm e-mail address", c["link"]),
        small="If you did not create an account at Cursive, do not press the button; nothing will happen.",
    )


def _account_exists(c: Context) -> Letter:
    return Letter(
        subject="You already have a Cursive account",
        paragraphs=(
            "Somebody, probably you, tried to create a Cursive account with this address. You already have one.",
            "Log in as usual. If you forgot your password, the login page helps you to set a new one.",
        ),
        action=("Log in", c["link"]),
        small="If that was not you, you need to do nothing. Your account was not changed.",
    )


def _reset_password(c: Context) -> Letter:
    return Letter(
        subject="Set a new password",
        paragraphs=(
            f"Hello {c['name']},",
            "here is the link to set a new password. It works once and for one hour. "
            "All browsers that are logged in will be logged out.",
        ),
        action=("Set a new password", c["link"]),
        small="If you did not ask for this, ignore this mail. Your password stays as it is.",
    )


def _password_changed(c: Context) -> Letter:
    return Letter(
        subject="Your password was changed",
        paragraphs=(
            f"Hello {c['name']},",
            "the password of your Cursive account was just changed, and all other browsers were logged out.",
        ),
        action=("Set a new password", c["link"]),
        small="If you did this, all is well. If not, set a new password now with the button above.",
    )


def _login_locked(c: Context) -> Letter:
    return Letter(
        subject="Somebody tried to log in to your Cursive account",
        paragraphs=(
            f"Hello {c['name']},",
            "several times in a row somebody gave a wrong password for your account, so logging in with this address "
            "is slowed down for a while. A browser in which you logged in before is not affected.",
        ),
        action=("Set a new password", c["link"]),
        small="If that was you, wait a moment and try again, or set a new password. If not, nobody got in; a long "
        "password that you use nowhere else keeps it so.",
    )


def _invitation(c: Context) -> Letter:
    return Letter(
        subject=f"{c['inviter']} invites you to {c['workspace']} on Cursive",
        paragraphs=(
            f"{c['inviter']} invites you to work in “{c['workspace']}” as {c['role']}.",
            "The invitation is for this address and works for 7 days.",
        ),
        action=("See the invitation", c["link"]),
        small="If you do not know the sender, ignore this mail.",
    )


def _enrichment_ended(c: Context) -> Letter:
    words = {"completed": "is enriched", "failed": "could not be completed", "cancelled": "was stopped"}
    return Letter(
        subject=f"“{c['filename']}” {words.get(c['status'], 'has ended')}",
        paragraphs=(
            f"Hello {c['name']},",
            f"your list “{c['filename']}” {words.get(c['status'], 'has ended')}. {c['message']}",
            f"The file and its results are kept until {c['expires']}; download them before then.",
        ),
        action=("Open the list", c["link"]),
    )


def _enrichment_paused(c: Context) -> Letter:
    return Letter(
        subject=f"“{c['filename']}” is paused: out of credits",
        paragraphs=(
            f"Hello {c['name']},",
            f"the run of your list “{c['filename']}” waits. {c['message']}",
            "Nothing more is looked up or charged until it goes on; what was found so far stays yours.",
        ),
        action=("Open the list to resume", c["link"]),
        small=f"The file and its results are kept until {c['expires']}.",
    )


KINDS: dict[str, Callable[[Context], Letter]] = {
    "verify_email": _verify_email,
    "account_exists": _account_exists,
    "reset_password": _reset_password,
    "password_changed": _password_changed,
    "login_locked": _login_locked,
    "invitation": _invitation,
    "enrichment_ended": _enrichment_ended,
    "enrichment_paused": _enrichment_paused,
}


def render(letter: Letter) -> tuple[str, str, str]:
    """Subject, text and HTML. Control characters (line breaks above all) never reach the subject."""
    subject = "".join(char if char.isprintable() else " " for char in letter.subject)[:200]
    return subject, _text(letter), _html(letter, subject)


def _text(letter: Letter) -> str:
    parts = [*letter.paragraphs]
    if letter.action:
        parts.append(f"{letter.action[0]}:\n{letter.action[1]}")
    if letter.small:
        parts.append(letter.small)
    return "\n\n".join([*parts, "Cursive"]) + "\n"


def _html(letter: Letter, subject: str) -> str:
    paragraphs = "".join(f'<p style="margin:0 0 16px">{escape(text)}</p>' for text in letter.paragraphs)
    action = small = ""
    if letter.action:
        words, link = escape(letter.action[0]), escape(letter.action[1], quote=True)
        action = (
            f'<p style="margin:24px 0"><a href="{link}" style="background:#2f4fd0;color:#ffffff;padding:11px 18px;'
            f'border-radius:7px;text-decoration:none;font-weight:600;display:inline-block">{words}</a></p>'
            f'<p style="margin:0 0 16px;font-size:13px;color:#5b6270">Or open this address:<br>'
            f'<a href="{link}" style="color:#2f4fd0;word-break:break-all">{link}</a></p>'
        )
    if letter.small:
        small = f'<p style="margin:24px 0 0;font-size:13px;color:#5b6270">{escape(letter.small)}</p>'
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        '<body style="margin:0;background:#f5f6f8;font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;'
        'font-size:15px;line-height:1.5;color:#15181e"><div style="max-width:520px;margin:0 auto;padding:32px 16px">'
        '<div style="font-weight:700;font-size:16px;margin:0 0 16px">Cursive</div>'
        '<div style="background:#ffffff;border:1px solid #e3e6eb;border-radius:10px;padding:28px">'
        f"{paragraphs}{action}{small}</div></div></body></html>"
    )
