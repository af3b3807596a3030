"""What nobody can listen on: an address or a port that a setting names, refused in a sentence."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from libs.runtime.settings import refuse

_NOT_HERE: Final = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL}


@contextmanager
def listening(host: str, port: int, settings: str) -> Iterator[None]:
    """Within it a socket is opened on what `<settings>HOST` and `<settings>PORT` say, such as `NI_ADMIN_HOST`.

    Ends the process with exit code 78 where trying again cannot help. Raises OSError where it can: the port is in use,
    or names cannot be resolved right now.
    """
    try:
        yield
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            refuse(f"{settings}PORT: {port} is only for those with more rights; choose one above 1023")
        why = _wrong(error)
        if not why:
            raise
        refuse(f"{settings}HOST: nobody can listen on {host} ({why}); it must be an address of this machine")


def plain(host: str) -> str:
    """An IPv6 address without the brackets that it has in a URL; anything else as it is."""
    return host.removeprefix("[").removesuffix("]")


def _wrong(error: OSError | UnicodeError) -> str:
    """What is wrong with the address; "" where nothing is."""
    if isinstance(error, UnicodeError):
        return "it is no name"
    if isinstance(error, socket.gaierror):
        return "" if error.errno == socket.EAI_AGAIN else error.strerror or "it does not resolve"
    return os.strerror(error.errno) if error.errno in _NOT_HERE else ""
