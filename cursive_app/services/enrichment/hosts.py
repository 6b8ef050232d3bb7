"""Hosts that stand in columns of websites and are no company's own (contract §4.1). Pure.

A name and a company's domain name a person together. With "gmail.com" for the domain they would name anybody of that
name, and with "linkedin.com", out of the link to a profile, somebody who works at LinkedIn.
"""

from __future__ import annotations

import re

MAILBOXES = frozenset({
    "gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de",
    "yahoo.es", "yahoo.it", "yahoo.ca", "yahoo.co.in", "yahoo.in", "yahoo.com.br", "yahoo.com.au", "yahoo.com.mx",
    "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de", "hotmail.es", "hotmail.it", "outlook.com", "outlook.fr",
    "outlook.de", "outlook.es", "live.com", "live.co.uk", "live.fr", "live.nl", "live.ca", "msn.com", "icloud.com",
    "me.com", "mac.com", "aol.com", "gmx.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de",
    "freenet.de", "mail.com", "email.com", "protonmail.com", "proton.me", "pm.me", "zohomail.com", "fastmail.com",
    "hey.com", "tutanota.com", "yandex.ru", "yandex.com", "mail.ru", "qq.com", "163.com", "126.com", "comcast.net",
    "sbcglobal.net", "bellsouth.net", "earthlink.net", "cox.net", "charter.net", "optonline.net", "rr.com", "juno.com",
    "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "libero.it", "virgilio.it", "btinternet.com",
    "ntlworld.com", "bigpond.com", "rediffmail.com", "uol.com.br", "bol.com.br", "terra.com.br",
})  # fmt: skip
"""Of mail providers, for anybody; without those of companies whose people have addresses there, too (att.net)."""

_NETWORKS = frozenset({
    "linkedin.com", "facebook.com", "fb.com", "twitter.com", "x.com", "instagram.com", "youtube.com", "tiktok.com",
    "pinterest.com", "xing.com", "github.com", "medium.com", "linktr.ee", "crunchbase.com", "yelp.com", "t.me",
    "wikipedia.org", "google.com", "goo.gl", "bit.ly", "angel.co", "wellfound.com", "about.me",
})  # fmt: skip


def network_of(host: str, address: str) -> str | None:
    """The network or directory of which an address at `host` is a page; None for its own front page: somebody works
    there, too."""
    behind = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://|^//", "", address)
    if not re.search(r"/+[^/]|[?#].", behind):
        return None
    return next((known for known in _NETWORKS if host == known or host.endswith(f".{known}")), None)
