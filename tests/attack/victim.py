# SPDX-License-Identifier: LGPL-2.1-or-later
# The program of a box that attacks are aimed at: it has a secret among its arguments, and an open ear.

import signal
import socket

with socket.socket(socket.AF_UNIX) as listening:
    listening.bind('\0judgebox-victim')
    listening.listen(1)
    print('ready', flush=True)
    signal.pause()
