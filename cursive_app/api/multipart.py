"""The one file of an HTML form, handed on piece by piece as it arrives (RFC 7578)."""

from __future__ import annotations

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cursive_app.errors import Invalid

FIELD = "file"
_BROKEN = "The form could not be read. Send one file as multipart/form-data, in a part named “file”."


class FilePart:
    """Reads a form of which one part is a file: the part with a file name, or the one named `file`.

    `take` gets the file's bytes; other fields are passed over. Raises Invalid for a form that is damaged, has no file
    or more than one.
    """

    def __init__(self, content_type: str, *, take: Callable[[bytes], None]) -> None:
        self.filename = ""
        self._take = take
        self._files = 0
        self._in_file = self._ended = False
        self._header = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise Invalid(fields={FIELD: _BROKEN})
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._name_piece,
                    "on_header_value": self._value_piece,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise Invalid(fields={FIELD: _BROKEN}) from error

    def feed(self, piece: bytes) -> None:
        """The next bytes of the body. Raises Invalid, and what `take` raises."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise Invalid(fields={FIELD: _BROKEN}) from error

    def finish(self) -> None:
        """The body has ended. Raises Invalid when the form has not, or had no file."""
        if not self._ended:
            raise Invalid(fields={FIELD: _BROKEN})
        if not self._files:
            raise Invalid(fields={FIELD: "The form has no file. Send it in a part named “file”."})

    def _begin(self) -> None:
        self._headers, self._in_file = {}, False
        self._header = self._value = b""

    def _name_piece(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _value_piece(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_end(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        options = parse_options_header(disposition)[1]
        if b"filename" not in options and options.get(b"name") != FIELD.encode():
            return
        self._files += 1
        if self._files > 1:
            raise Invalid(fields={FIELD: "One list at a time: send a single file."})
        self._in_file = True
        self.filename = _unescaped(_text(options.get(b"filename", b"")))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._take(data[start:end])

    def _end(self) -> None:
        self._ended = True


def disposition_filename(header: str) -> str:
    """The file name of a Content-Disposition header; empty when it names none."""
    return _text(parse_options_header(header)[1].get(b"filename", b""))


def _unescaped(name: str) -> str:
    """What browsers escape in the names of a form, and nothing else (HTML, "escape a multipart name")."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")
